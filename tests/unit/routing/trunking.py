"""Trunks with one carrier of three destinations, a tenant with two DIDs, and what stands around them."""

from __future__ import annotations

from pathlib import Path

from kemi.accounts.model import Stage, Trunk
from kemi.dialogs import call_note
from kemi.dialogs.call_note import CallNote
from kemi.queueing.service import Queueing
from kemi.routing.calls import Calls
from kemi.routing.guard import Guard
from kemi.routing.trunks import Trunks
from kemi.settings import Settings
from kemi.sip.flow import Flow
from tests.support.directories import directory_of, extension, hunt_group
from tests.support.fake_queue import FakeWaiters
from tests.support.fake_sip import DOMAIN, FLOW, FakeGateways, FakeMessage, FakeScene, invite
from tests.support.fake_store import FakeDialogs, FakeQueueStore, FakeRecord, FakeTracking

CARRIER = Flow("udp", "192.0.2.200", 5060, "udp:192.0.2.1:5060")
DESTINATIONS = ("sip:192.0.2.200:5060", "sip:gw@192.0.2.201;transport=tcp", "sip:192.0.2.202")
TRUNK = Trunk(
    "carrier",
    ("192.0.2.200:5060",),
    DESTINATIONS,
    (("+15550100", f"101@{DOMAIN}"), ("+15550170", f"700@{DOMAIN}")),
    ("+",),
)


def from_the_carrier(dials: str = "+15550100", **fields: object) -> FakeMessage:
    """An INVITE of a customer of the carrier, to a DID."""
    values: dict[str, object] = {
        "from_user": "+15559999",
        "from_host": "carrier.example.net",
        "from_display": "Customer",
        "contact_uri": "sip:+15559999@192.0.2.200",
        "flow": CARRIER,
        "headers": [],
    }
    return invite(dials, **{**values, **fields})


class Trunking:
    """`request` comes by the carrier, or is an extension's that leaves by it; 101 is registered."""

    def __init__(self, folder: Path, request: FakeMessage) -> None:
        self.directory = directory_of(
            folder,
            extension("101", "Reception"),
            extension("104", "Dave"),
            hunt_group("700", Stage(("101",))),
            trunks=(TRUNK,),
        )
        self.dialogs, self.record = FakeDialogs(), FakeRecord()
        self.scene = scene = FakeScene(request, registered=("101",))
        self.gateways, self.tracking = FakeGateways(*DESTINATIONS), FakeTracking()
        at_hand = (lambda: self.directory, scene.message, scene.transaction, scene.location)
        queueing = Queueing(*at_hand, scene.spiral, FakeQueueStore(), FakeWaiters(), FakeRecord(), Settings())
        self.calls = Calls(*at_hand, self.tracking, queueing, scene.late_answers, scene.spiral, Settings())
        self.trunks = Trunks(
            lambda: self.directory,
            scene.transaction,
            scene.proxy,
            self.gateways,
            self.calls,
            Settings(),
            Guard(self.dialogs, self.record),
        )

    def accept(self) -> None:
        message = self.scene.request
        trunk = self.directory.trunk_table().at(message.flow.ip, message.flow.port)
        assert trunk is not None
        self.trunks.accept(message, trunk)

    def send(self) -> None:
        message = self.scene.request
        way_out = self.trunks.leads_out(message.ruri_user)
        assert way_out is not None
        self.trunks.send(message, CallNote(DOMAIN, message.from_user, FLOW.device, False), *way_out)

    def fails(self, status: int, *, silent: bool = False, cancelled: bool = False, retry_after: str = "") -> None:
        """The destination that the call was sent to ended it, or was silent."""
        headers = {"Retry-After": retry_after} if retry_after else {}
        self.scene.failure(status, cancelled=cancelled, unanswered=silent, headers=headers)
        self.trunks.failed()

    @property
    def sent(self) -> list[str]:
        """Where the call went, in order."""
        return [relay.uri for relay in self.scene.transaction.sent]

    @property
    def note(self) -> CallNote:
        """What the transaction carries of the call."""
        return CallNote.unpack(self.scene.transaction.notes[call_note.NAME])
