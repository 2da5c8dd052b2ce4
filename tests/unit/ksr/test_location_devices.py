"""The devices of an extension, as Kamailio's usrloc has them, against the strict double of KSR."""

from __future__ import annotations

from kemi.settings import Settings
from tests.support.fake_ksr import FakeKsr, install
from tests.support.fake_ksr_state import Registered
from tests.support.fake_peers import FakePeers
from tests.unit.ksr.kamailio import VARIABLES

with install():
    from kemi.ksr.location import KamailioLocation


def test_given_an_extension_s_contacts_when_its_devices_are_asked_for_then_each_is_where_it_is_reached() -> None:
    contacts = [
        Registered("sip:103@192.0.2.3:5073"),
        Registered("sip:103@10.0.0.3:5073", received="sip:198.51.100.7:4711;transport=tcp"),
        Registered("sip:103@x.invalid;transport=ws", received="sip:198.51.100.8:4712;transport=ws"),
    ]
    fake = FakeKsr(VARIABLES, locations={"103@pbx.example.com": contacts})
    with install(fake):
        location = KamailioLocation(Settings(), FakePeers())
        assert location.devices("103", "pbx.example.com") == (
            *("udp:192.0.2.3:5073", "tcp:198.51.100.7:4711"),
            *("ws:198.51.100.8:4712", "wss:198.51.100.8:4712"),
        )
        assert location.devices("104", "pbx.example.com") == ()
    assert fake.called("registrar.reg_free_contacts") == [("devices",)]
