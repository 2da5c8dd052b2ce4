"""A worker for the tests of routing: every request that comes in goes through `Node.route`."""

from __future__ import annotations

from pathlib import Path

from kemi.accounts.directory import Directory
from kemi.accounts.model import DomainSettings
from kemi.errors import NotProvisioned
from kemi.lamps.book import Book
from kemi.lamps.watching import Watching
from kemi.pickup.elsewhere import Elsewhere
from kemi.pickup.reroute import Reroute
from kemi.pickup.service import PickupService
from kemi.queueing.service import Queueing
from kemi.routing.calls import Calls
from kemi.routing.feature_codes import FeatureCodes
from kemi.routing.guard import Guard
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog
from kemi.routing.initial import InitialRequests
from kemi.routing.media import Direct
from kemi.routing.requests import Requests
from kemi.routing.trunks import Trunks
from kemi.settings import Settings
from tests.support.directories import agent_group, directory_of, extension, hunt_group
from tests.support.fake_peers import FakeBus, FakePeers
from tests.support.fake_queue import FakeWaiters
from tests.support.fake_sip import FakeGateways, FakeMessage, FakeScene
from tests.support.fake_store import (
    FakeDialogs,
    FakePickupStore,
    FakeQueueStore,
    FakeRecord,
    FakeTracking,
    ringing_call,
)
from tests.unit.routing.test_identity import FakeDigest, admission_of
from tests.unit.routing.trunking import DESTINATIONS, TRUNK


class Node:
    """A worker with fakes around it; 104 is who authenticates, and numbers with + leave by a trunk."""

    def __init__(
        self,
        folder: Path,
        request: FakeMessage,
        *,
        user: str | None = "104",
        settings: DomainSettings | None = None,
    ) -> None:
        self.directory = directory_of(
            folder,
            extension("101", monitored_by=("104",)),
            extension("104", "Dave"),
            hunt_group("700"),
            agent_group("800", "104"),
            agent_group("801", "101", "104"),
            settings=settings,
            trunks=(TRUNK,),
        )
        self.provisioned = True
        self.scene = FakeScene(request, registered=("101",))
        self.tracking, self.store, self.record = (
            FakeTracking(),
            FakePickupStore(ringing_call(number="101")),
            FakeRecord(),
        )
        scene = self.scene
        at_hand = (self.current, scene.message, scene.transaction, scene.location)
        self.queue = FakeQueueStore()
        spiral, late_answers = scene.spiral, scene.late_answers
        queueing = Queueing(*at_hand, spiral, self.queue, FakeWaiters(), self.record, Settings())
        calls = Calls(*at_hand, self.tracking, queueing, late_answers, spiral, Settings())
        of_pickups = at_hand[:3]
        self.peers, self.bus = FakePeers(), FakeBus()
        reroute = Reroute(
            *of_pickups, spiral, self.store, self.record, late_answers, queueing.send_to_picker, self.peers, Settings()
        )
        elsewhere = Elsewhere(self.peers, scene.transaction)
        self.gateways = FakeGateways(*DESTINATIONS)
        self.dialogs = FakeDialogs()
        guard = Guard(self.dialogs, self.record)
        self.digest = FakeDigest(user)
        admission = admission_of(scene, self.current)
        self.in_dialog = InDialog(
            self.current, scene.message, scene.transaction, self.tracking, scene.proxy, late_answers, Direct()
        )
        self.book = Book(str(folder / "lamps.sqlite"))
        self.watching = Watching(*of_pickups[:3], self.book, Settings())
        identity = Identity(self.digest, admission)
        pickup = PickupService(*of_pickups, self.store, self.record, reroute, late_answers, elsewhere, Settings())
        self.initial = InitialRequests(
            self.current,
            scene.proxy,
            scene.transaction,
            scene.location,
            identity,
            FeatureCodes(self.current, scene.transaction, pickup, queueing),
            calls,
            pickup,
            Trunks(self.current, scene.transaction, scene.proxy, self.gateways, calls, Settings(), guard),
            guard,
            self.watching,
        )
        self.requests = Requests(
            self.current,
            scene.proxy,
            admission,
            scene.transaction,
            identity,
            self.in_dialog,
            reroute,
            spiral,
            self.watching,
            self.peers,
            self.bus,
            self.initial,
        )

    def current(self) -> Directory:
        if not self.provisioned:
            raise NotProvisioned
        return self.directory

    def route(self) -> None:
        self.requests.route(self.scene.request)

    @property
    def relays(self) -> int:
        return len(self.scene.transaction.sent)
