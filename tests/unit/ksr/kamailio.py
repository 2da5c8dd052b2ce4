"""An INVITE in Kamailio's hands, as the tests of the adapter find it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.fake_ksr import FakeKsr, Registered, install

VARIABLES: dict[str, str | int | None] = {
    "$rm": "INVITE",
    "$ru": "sip:101@PBX.example.com",
    "$fU": "104",
    "$fd": "PBX.Example.COM",
    "$fn": '"Dave"',
    "$ft": "caller-tag",
    "$tU": "101",
    "$td": "Pbx.example.com",
    "$tt": None,
    "$ci": "a84b4c",
    "$cs": "314159",
    "$(ct{nameaddr.uri})": "sip:104@192.0.2.4:5070",
    "$rb": None,
    "$proto": "UDP",
    "$si": "192.0.2.4",
    "$sp": 5070,
    "$Ri": "192.0.2.1",
    "$Rp": 5060,
}
HEADERS = [("Supported", "replaces"), ("Record-Route", "<sip:a;lr>"), ("Record-Route", "<sip:b;lr>")]
LOCATIONS = {
    "101@pbx.example.com": [Registered("sip:101@192.0.2.9:1"), Registered("sip:101@192.0.2.9:2")],
    "102@pbx.example.com": [Registered("sip:102@192.0.2.9:3")],
}


@contextmanager
def kamailio(**more: str | int | None) -> Iterator[FakeKsr]:
    fake = FakeKsr({**VARIABLES, **more}, headers=HEADERS, locations=LOCATIONS)
    with install(fake):
        yield fake
