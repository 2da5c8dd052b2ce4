"""A picker's INVITE at hand, a store with calls in line, and the service between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kemi.accounts.model import Account, DomainSettings
from kemi.dialogs.record import CallRecord
from kemi.pickup.elsewhere import Elsewhere
from kemi.pickup.reroute import Reroute
from kemi.pickup.service import PickupService
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode
from kemi.sip.flow import Flow
from tests.support.directories import agent_group, directory_of, extension, hunt_group
from tests.support.fake_peers import FakePeers
from tests.support.fake_sip import DOMAIN, FakeScene, invite
from tests.support.fake_store import FakePickupStore, FakeRecord

PICKER = Aor("103", DOMAIN)
PICKER_FLOW = Flow("udp", "192.0.2.3", 5073, "udp:192.0.2.1:5060")
PICKER_CONTACT = "sip:103@192.0.2.3:5073"


class Pickup:
    """103 "Carol" dials; 101 "Reception", 700 "Sales" and 800 "Support" admit her, 102 does not, 105 lets her see only.

    104, who calls, and 106 are agents of 800.
    """

    def __init__(self, folder: Path, *line: CallRecord | Exception, settings: DomainSettings | None = None) -> None:
        self.accounts: list[Account] = [
            extension("101", "Reception", monitored_by=("103",)),
            extension("102", "Alice"),
            extension("103", "Carol"),
            extension("104", "Dave"),
            extension("105", "Erin", monitored_by=("*",), seen_by=("103",)),
            extension("106", "", monitored_by=("103",)),
            hunt_group("700", name="Sales", monitored_by=("10*",)),
            agent_group("800", "104", "106", monitored_by=("103",)),
        ]
        self.folder = folder
        self.domain_settings = settings or DomainSettings()
        self._directory = directory_of(folder, *self.accounts, settings=self.domain_settings)
        self.store = FakePickupStore(*line)
        self.record, self.peers = FakeRecord(), FakePeers()
        request = invite(
            "*87", from_user="103", from_display="Carol", call_id="pickup", flow=PICKER_FLOW, contact_uri=PICKER_CONTACT
        )
        self.scene = FakeScene(request)
        scene = self.scene
        self.peers.transaction = scene.transaction
        self.released_before: list[str] = []
        """Keys of the calls that a test expects to be given back before the one that is sent."""
        self.waits = True
        """Whether a caller who waited when he was claimed can still be had."""
        self.sent_waiting: list[tuple[str, str, int]] = []
        """Transaction, URI and ms of each waiting call that was sent to a device."""
        at_hand = (lambda: self._directory, scene.message, scene.transaction)
        self.reroute = Reroute(
            *at_hand,
            scene.spiral,
            self.store,
            self.record,
            scene.late_answers,
            self._send_waiting,
            self.peers,
            Settings(),
        )
        elsewhere = Elsewhere(self.peers, scene.transaction)
        self.service = PickupService(
            *at_hand, self.store, self.record, self.reroute, scene.late_answers, elsewhere, Settings()
        )

    @property
    def sent(self) -> list[str]:
        """Where the picker's INVITE went, in order."""
        return [relay.uri for relay in self.scene.transaction.sent]

    def dial(self, number: str = "", picker: Aor = PICKER) -> None:
        self.service.begin(self.scene.request, picker, PickupCode(number))

    def _send_waiting(self, transaction: str, uri: str, answer_ms: int, claim: str) -> bool:
        assert claim in self.store.held.values(), "the claim is another's"
        self.sent_waiting.append((transaction, uri, answer_ms))
        return self.waits

    def fails(self, status: int, *, cancelled: bool = False) -> None:
        """The caller's device, or the picker, ended what was sent."""
        self.scene.failure(status, cancelled=cancelled)
        self.service.failed()

    def succeeds(self, body: str = "") -> None:
        self.scene.reply(200, to_tag="new", body=body)
        self.service.replied()

    def withdraw(self, number: str) -> None:
        """A new document in which an account admits nobody."""
        changed: list[Account] = [
            extension(number) if account.number == number else account for account in self.accounts
        ]
        folder = self.folder / "newer"
        folder.mkdir()
        self._directory = directory_of(folder, *changed, settings=self.domain_settings)


@pytest.fixture
def pickup(tmp_path: Path) -> Callable[..., Pickup]:
    """Make a Pickup with these calls in line."""

    def make(*line: CallRecord | Exception, settings: DomainSettings | None = None) -> Pickup:
        return Pickup(tmp_path, *line, settings=settings)

    return make
