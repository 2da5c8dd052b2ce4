"""A caller of the agent group 800, her INVITE, her agents' phones, and the queueing between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, AgentGroup, Domain, DomainSettings, Extension, Forward, Kind, Provisioning
from kemi.dialogs import call_note
from kemi.dialogs.call_note import CallNote
from kemi.dialogs.record import Caller
from kemi.errors import NotProvisioned, RequestRefused
from kemi.queueing.queue import Expired, Offer
from kemi.queueing.service import Queueing
from kemi.settings import Settings
from kemi.sip.flow import Flow
from kemi.sip.ports import Message, Transaction
from tests.support.fake_queue import (
    DOMAIN,
    AgentPhones,
    AgentRecord,
    Did,
    FakeQueueStore,
    FakeWaiters,
    QueuedInvite,
    QueuedTransaction,
)
from tests.support.fake_spiral import FakeSpiral

VOICEMAIL = "sip:800@vm.example.com"
SUPPORT = AgentGroup(
    "800", "Support", ("101", "102", "103"), ring_s=12, wrap_up_s=7, max_wait_s=300, overflow=VOICEMAIL
)
SALES = AgentGroup("801", "Sales", ("103",))
CONTACTS = {"101": 1, "102": 2}
"""103 has no phone."""


class Desk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._directory: Directory | None = None
        self.group = SUPPORT
        self.provision(SUPPORT, SALES)
        self.did: Did = []
        self.phones = AgentPhones(CONTACTS)
        self.transaction = QueuedTransaction(self.did, self.phones)
        self.spiral = FakeSpiral(self.transaction)
        self.store = FakeQueueStore(self.did)
        self.waiters = FakeWaiters()
        self.record = AgentRecord()
        self.message = QueuedInvite()
        self.refusals: list[tuple[int, str]] = []
        """Final answers that queueing has asked for: status and warning."""
        self.forwards: list[Forward] = []
        self.overflow_leads = True
        self.queueing = Queueing(
            self._current,
            lambda: cast(Message, self.message),
            cast(Transaction, self.transaction),
            self.phones,  # type: ignore[arg-type]
            self.spiral,
            self.store,
            self.waiters,
            self.record,
            Settings(phone_silence_ms=9_000),
        )
        self.queueing.forward = self._forward
        self.transaction.resumed = self._answering(self.queueing.resumed)

    @property
    def key(self) -> str:
        return self.message.dialog.key

    @property
    def note(self) -> CallNote:
        """What the transaction carries now."""
        return CallNote.unpack(self.transaction.notes[call_note.NAME])

    def provision(self, *groups: AgentGroup) -> None:
        """Another document comes into force."""
        accounts: list[Account] = [*(Extension(f"{number}", "", "") for number in range(101, 106)), *groups]
        path = self._folder / f"{len(list(self._folder.iterdir()))}.sqlite"
        snapshot.write(Provisioning((Domain(DOMAIN, DomainSettings(), tuple(accounts)),)), 1, str(path))
        self.close()
        self._directory = Directory(str(path))

    def close(self) -> None:
        """Close the document; as long as there is no other, nothing is provisioned."""
        if self._directory is not None:
            self._directory.close()
        self._directory = None

    def enqueue(self, caller_number: str = "105") -> None:
        """A call is routed to the group; its final answer, if it gets one, is raised."""
        note = CallNote(DOMAIN, caller_number, "udp:192.0.2.4:5070", on_hold=False).at(
            Kind.AGENT_GROUP, self.group.number
        )
        self.queueing.enqueue(cast(Message, self.message), note, self.group, self.caller(caller_number))

    def caller(self, number: str = "105") -> Caller:
        flow = Flow("udp", "192.0.2.4", 5070, "udp:192.0.2.1:5060")
        uri = f"sip:{number}@{DOMAIN}"
        return Caller(self.message.dialog, number, "", uri, "sip:192.0.2.4:5070", flow, (), True)

    def waits(self) -> None:
        """A caller waits; what led to it is forgotten."""
        self.enqueue()
        self.did.clear()

    def looks(self, *actions: Offer | Expired) -> None:
        """One look at which the store has this to do."""
        self.store.actions = list(actions)
        self.queueing.dispatch()

    def offers(self, *agents: str) -> None:
        self.looks(Offer(self.key, self.transaction.name, agents))

    def expires(self) -> None:
        self.looks(Expired(self.key, self.transaction.name))

    def rings(self, *agents: str) -> None:
        """A caller rings agents; what led to it is forgotten."""
        self.waits()
        self.offers(*agents)
        assert self.did[-1][0] == "ring"
        self.did.clear()

    def fails(self, *, cancelled: bool = False) -> None:
        """The phones that rang refused or were silent, or the longest wait is over, or the caller cancelled."""
        self.transaction.fail(cancelled=cancelled)
        self._answering(self.queueing.failed)()

    def has_used(self, branches: int) -> None:
        """The transaction has had so many branches already."""
        self.transaction.notes[call_note.NAME] = self.note._replace(branches=branches).pack()

    def _current(self) -> Directory:
        if self._directory is None:
            raise NotProvisioned("nothing is in force")
        return self._directory

    def _forward(self, message: Message, note: CallNote, forward: Forward) -> bool:
        assert message.call_id == self.message.call_id
        assert note.domain == DOMAIN
        self.forwards.append(forward)
        self.did.append(("forward", forward.to))
        return self.overflow_leads

    def _answering(self, act: Callable[[], None]) -> Callable[[], None]:
        def answer() -> None:
            try:
                act()
            except RequestRefused as refusal:
                self.refusals.append((refusal.status, refusal.warning))

        return answer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()
