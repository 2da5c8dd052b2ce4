"""A call on its way, with a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import Account, DomainSettings
from kemi.dialogs.call_note import CallNote
from kemi.dialogs.far_end import FarEnd
from kemi.dialogs.tracking import Answer
from kemi.queueing.service import Queueing
from kemi.routing import calls as calls_module
from kemi.routing.calls import Calls
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from tests.support.directories import directory_of, extension
from tests.support.fake_queue import FakeWaiters
from tests.support.fake_sip import DOMAIN, FLOW, FakeScene, invite
from tests.support.fake_store import FakeQueueStore, FakeRecord, FakeTracking

VOICEMAIL = "sip:101@vm.example.com"
DIALOG = DialogId("call-1", "caller-tag")
RING_MAX_MS = Settings().ring_max_s * 1000
TALK = "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 0\r\n"


class Placing:
    """104 calls; the phones in `registered` can be rung; `clock_ms` is the node's clock."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        *accounts: Account,
        registered: tuple[str, ...],
        settings: DomainSettings | None = None,
    ) -> None:
        self.clock_ms = 1_000_000
        monkeypatch.setattr(calls_module, "now_ms", lambda: self.clock_ms)
        monkeypatch.setattr("kemi.dialogs.call_note.now_ms", lambda: self.clock_ms)
        self.directory = directory_of(folder, extension("104", "Dave"), *accounts, settings=settings)
        self.scene = FakeScene(invite(), registered=registered)
        self.tracking = FakeTracking()
        scene = self.scene
        self.queue, self.record = FakeQueueStore(), FakeRecord()
        at_hand = (lambda: self.directory, scene.message, scene.transaction, scene.location)
        queueing = Queueing(*at_hand, scene.spiral, self.queue, FakeWaiters(), self.record, Settings())
        self.calls = Calls(*at_hand, self.tracking, queueing, scene.late_answers, scene.spiral, Settings())
        queueing.forward = self.calls.forward

    def place(self, number: str, caller: str = "104") -> None:
        account = self.directory.account(DOMAIN, number)
        assert account is not None
        self.calls.place(self.scene.request, self.note(caller), account)

    def note(self, caller: str = "104") -> CallNote:
        """What is known of a call before it is routed."""
        return CallNote(DOMAIN, caller, FLOW.device, False)

    def fails(self, status: int, *, after_s: int = 0, cancelled: bool = False) -> None:
        self.clock_ms += after_s * 1000
        self.scene.failure(status, cancelled=cancelled)
        self.calls.failed()

    def replies(self, status: int, *, tag: str = "b1", branch: int = 0, body: str = "") -> None:
        self.scene.reply(status, to_tag=tag, branch=branch, body=body)
        self.calls.replied()

    @property
    def rang(self) -> list[tuple[str, ...]]:
        """Who rang, relay by relay; where a forward leads outside, its URI."""
        return [
            tuple(branch.partition("@")[0] for branch in relay.branches) or (relay.uri,)
            for relay in self.scene.transaction.sent
        ]

    @property
    def answers(self) -> list[Answer]:
        """What the store heard of each answer, without the callee's end of the dialog."""
        told = [answer for _, _, answer in self.tracking.named("answered") if isinstance(answer, Answer)]
        assert all(FarEnd.unpack(answer.callee_end).call_id == DIALOG.call_id for answer in told)
        return [answer._replace(callee_end="") for answer in told]

    @property
    def timers_ms(self) -> list[int]:
        return [relay.answer_ms for relay in self.scene.transaction.sent]


class Maker:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch

    def __call__(
        self, *accounts: Account, registered: tuple[str, ...] = (), settings: DomainSettings | None = None
    ) -> Placing:
        return Placing(self._folder, self._monkeypatch, *accounts, registered=registered, settings=settings)


@pytest.fixture
def placing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    return Maker(tmp_path, monkeypatch)
