"""A caller's INVITE that has come round by this node, to be sent to the device that dialled."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import Account, Kind
from kemi.errors import CallIsBeingSent
from kemi.pickup.claim import Picked
from kemi.pickup.reroute import Reroute
from kemi.settings import Settings
from tests.support.directories import agent_group, directory_of, extension, hunt_group
from tests.support.fake_peers import FakePeers
from tests.support.fake_sip import DOMAIN, FakeScene, invite
from tests.support.fake_store import FakePickupStore, FakeRecord, ringing_call
from tests.unit.pickup.conftest import Pickup

TRANSACTION = "7:42"
ANSWER_MS = Settings().reroute_answer_s * 1000
OWN_HEADERS = [
    ("Call-Info", "<sip:evil>;answer-after=0"),
    ("Alert-Info", "<http://evil>"),
    ("Answer-Mode", "Auto"),
    ("Priv-Answer-Mode", "Auto;require"),
    ("P-Asserted-Identity", '"The Boss" <sip:100@pbx.example.com>'),
    ("P-Preferred-Identity", "<sip:100@pbx.example.com>"),
]


class Sent:
    """*87 was dialled by 103 "Carol", and the caller's INVITE has come round by this node to be sent to her device."""

    def __init__(
        self, folder: Path, *, answers_by_itself: bool = False, routes: tuple[str, ...] = (), **of_call: object
    ) -> None:
        """routes: Record-Route values of proxies between the picker's device and his node."""
        self.call = ringing_call(
            **{"transaction": TRANSACTION, "replaces": False, "number": "700", "kind": Kind.HUNT_GROUP, **of_call}  # type: ignore[arg-type]
        )
        picking = Pickup(folder, self.call)
        if answers_by_itself:
            picking.scene.request.headers.append(("Supported", "answermode"))
        picking.scene.request.headers.extend(("Record-Route", route) for route in routes)
        with pytest.raises(CallIsBeingSent):
            picking.dial()
        self.store: FakePickupStore = picking.store
        dialog = self.call.caller.dialog
        request = invite(
            "700", call_id=dialog.call_id, from_tag=dialog.caller_tag, headers=list(OWN_HEADERS), from_display="Evil"
        )
        self.scene = FakeScene(request)
        self.record = FakeRecord()
        accounts: list[Account] = [
            extension("103", "Carol"),
            extension("104", "Dave"),
            hunt_group("700", name="Sales"),
            agent_group("800", "103", "104"),
        ]
        self.peers = FakePeers()
        (folder / "of the spiral").mkdir()
        directory = directory_of(folder / "of the spiral", *accounts)
        self.reroute = Reroute(
            lambda: directory,
            self.scene.message,
            self.scene.transaction,
            self.scene.spiral,
            self.store,
            self.record,
            self.scene.late_answers,
            lambda *_: False,
            self.peers,
            Settings(),
        )

    def arrives(self) -> None:
        self.reroute.arrived(self.scene.request, DOMAIN)

    def answers(self, status: int = 200, body: str = "", to_tag: str = "carol") -> list[str]:
        """The picker's device answers; what was added to its answer."""
        reply = self.scene.reply(status, to_tag=to_tag, body=body)
        self.reroute.replied()
        return reply.appended

    def fails(self, status: int, *, cancelled: bool = False) -> None:
        self.scene.failure(status, cancelled=cancelled)
        self.reroute.failed()

    @property
    def picks(self) -> list[Picked]:
        return self.store.picks
