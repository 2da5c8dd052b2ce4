"""The queue of an agent group, in a proxy: the caller's INVITE is suspended after a 182, and resumed for each offer.

One process of each node dispatches: it asks the store again and again which caller is next for which agent, and
resumes the transactions that this node holds. So a queue is one queue over all nodes, and an agent who becomes idle,
by whatever way, is found at the next look.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kemi.accounts.directory import Directory
from kemi.accounts.model import AgentGroup, Forward
from kemi.dialogs import call_note
from kemi.dialogs.call_note import CallNote
from kemi.dialogs.own_calls import named
from kemi.dialogs.record import Caller
from kemi.errors import NodeDrains, NotProvisioned, NotReachable, StoreUnavailable
from kemi.pickup.claim import PickupRecord
from kemi.queueing import waiter
from kemi.queueing.duty import set_duty, write_logged_out_after_misses
from kemi.queueing.queue import Duty, Expired, Joined, LetGo, Line, Offer, QueueStore
from kemi.queueing.roll_call import QUEUED, RollCall
from kemi.queueing.waiter import SLACK_S, Waiter, Waiters
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.sip.ports import Callback, Location, Message, Spiral, Transaction

BRANCHES_MOST = 24
"""tm numbers at most 30 branches in one transaction; each suspension takes one, each offer one for each contact."""
PICKER_SLACK_MS = 2_000
"""So much sooner than the caller's transaction does the picker's, which it rings by, end it."""
PAUSE_LEAST_S = 1
"""How long an agent who did not take a caller is offered nobody, at least: his phone still ends the offer that was
cancelled, and would answer the same call on another branch with 482 (RFC 3261 §8.2.2.2)."""


@dataclass(frozen=True, slots=True)
class Picker:
    """Ring the device of a picker for a waiting caller."""

    contact: str
    answer_ms: int
    claim: str
    """Its token."""


Forwarding = Callable[[Message, CallNote, Forward], bool]


def _nowhere(_message: Message, _note: CallNote, _forward: Forward) -> bool:
    return False


def _never() -> bool:
    return False


def _by_nobody(_call: DialogId) -> bool:
    return False


class Queueing:
    def __init__(
        self,
        directory: Callable[[], Directory],
        message: Callable[[], Message],
        transaction: Transaction,
        location: Location,
        spiral: Spiral,
        store: QueueStore,
        waiters: Waiters,
        record: PickupRecord,
        settings: Settings,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._location = location
        self._spiral = spiral
        self._store = store
        self._waiters = waiters
        self._roll = RollCall(waiters, spiral, store, lambda call: self.is_taken(call), settings)
        self._record = record
        self._settings = settings
        self._resumed: Offer | Expired | LetGo | Picker | None = None
        self.forward: Forwarding = _nowhere
        """How a call goes on to an overflow (set by the wiring: routing lies above queueing)."""
        self.is_taken: Callable[[DialogId], bool] = _by_nobody
        """Whether a call is somebody's already (set by the wiring)."""
        self.is_draining: Callable[[], bool] = _never
        """Whether this node lets nobody wait any more (set by the wiring)."""

    def enqueue(self, message: Message, note: CallNote, group: AgentGroup, caller: Caller) -> None:
        """Let a call wait for an agent of the group. Raises NotReachable (480), StoreUnavailable (nothing was done)."""
        self._transaction.create()
        directory = self._directory()
        waits = Waiter(
            domain=note.domain,
            number=group.number,
            caller=caller,
            transaction=self._transaction.name,
            cseq=message.cseq,
            caller_agents=(caller.number,) if caller.number in directory.agents(note.domain) else (),
            since_us=time.monotonic_ns() // 1000,
        )
        joined = self._store.join(waits.entry(group, directory.settings(note.domain)))
        if joined is Joined.ENDED:
            return
        if joined is not Joined.WAITS:
            why = "no agent is logged in" if joined is Joined.NOBODY_LOGGED_IN else "the queue is full"
            self._overflow(message, note, group, why)
            return
        # Whoever hears that he waits can be taken: a transaction is resumed only once it is suspended.
        self._suspend(note, group)
        longest_s = group.max_wait_s + SLACK_S
        self._waiters.hold(waits.name, waits.pack(), longest_s)
        self._store.ready(note.domain, caller.dialog, "")
        self._transaction.provisional(*QUEUED)
        waits = waits.tagged(self._transaction.own_tag)
        self._waiters.renew(waits.name, waits.pack(), longest_s)
        self._store.ready(note.domain, caller.dialog, waits.tag)

    def dispatch(self) -> None:
        """One look at every tenant whose callers this node holds; runs in a process of its own."""
        if self.is_draining():
            self._let_all_go()
        self._roll.repeat()
        try:
            directory = self._directory()
            domains = self._store.domains()
            self._roll.call(directory)
            for domain in domains:
                lines = [Line(group, self._reachable(group, domain)) for group in directory.agent_groups(domain)]
                for action in self._store.dispatch(domain, lines):
                    self._carry_out(domain, action)
        except (NotProvisioned, StoreUnavailable):
            self._roll.doubt()

    def send_to_picker(self, transaction: str, contact: str, answer_ms: int, claim: str) -> bool:
        """Ring a picker's device, by way of this node, for a caller who waits; False when that cannot be.

        answer_ms: longest that it may ring. After that the caller is back at his place. claim: token of the picker's,
        which is given back when he is suspended again, and not before: a transaction is resumed only then.
        """
        self._resumed = Picker(contact, answer_ms, claim)
        self._transaction.resume(transaction, Callback.QUEUE_RESUMED)
        resumed, self._resumed = self._resumed is None, None
        return resumed

    def resumed(self) -> None:
        """The transaction of an Offer, Expired or Picker is at hand again."""
        action, self._resumed = self._resumed, None
        message = self._message()
        note = self._note()
        group = self._group(note)
        self._let_go(note, message)
        if isinstance(action, Picker):
            if not self._ring_picker(note, action):
                # Not carried out: send_to_picker sees it still there.
                self._resumed = action
                self._wait_on(message, note, group)
        elif isinstance(action, LetGo):
            self._store.overflowed(note.domain, action.key)
            raise NodeDrains("this node lets nobody wait any more")
        elif group is None or not isinstance(action, Offer):
            self._leave(message, note, group, "waited too long")
        elif not self._offer(note, group, action):
            self._back(message, note, group, in_vain=False)

    def failed(self) -> None:
        """The agents that were offered the caller did not take him, or nobody continued him in time."""
        message = self._message()
        note = self._note()
        self._let_go(note, message)
        if self._transaction.is_cancelled:
            return
        group = self._group(note)
        dialog = DialogId.of(message)
        if self.is_taken(dialog):
            self._store.overflowed(note.domain, dialog.key)
        elif note.claim:
            self._wait_on(message, note, group)
        elif group is None or not note.rung:
            self._leave(message, note, group, "waited too long")
        else:
            self._back(message, note, group, in_vain=True)

    def ended(self, domain: str, dialog: DialogId) -> None:
        """A caller, who may wait here, hung up."""
        self._waiters.let_go(named(domain, dialog.key))

    def set_duty(self, domain: str, agent: str, duty: Duty) -> bool:
        """Log an agent in or out; False when he was so already. Raises StoreUnavailable."""
        return set_duty(self._store, self._record, domain, agent, duty)

    def _carry_out(self, domain: str, action: Offer | Expired | LetGo) -> None:
        self._resumed = action
        self._transaction.resume(action.transaction, Callback.QUEUE_RESUMED)
        if self._resumed is not None:
            # The caller had gone, or the node was restarted: nobody is there to be rung for.
            self._resumed = None
            self._waiters.let_go(named(domain, action.key))
            self._store.lost(domain, action.key)

    def _let_all_go(self) -> None:
        """Nobody waits at this node any more, whether or not there is a store to know it."""
        for waits in map(Waiter.unpack, self._waiters.all()):
            self._carry_out(waits.domain, LetGo(waits.caller.dialog.key, waits.transaction))

    def _reachable(self, group: AgentGroup, domain: str) -> tuple[str, ...]:
        return tuple(agent for agent in group.agents if self._location.is_registered(agent, domain))

    def _note(self) -> CallNote:
        return CallNote.unpack(self._transaction.recall(call_note.NAME))

    def _group(self, note: CallNote) -> AgentGroup | None:
        account = self._directory().account(note.domain, note.number)
        return account if isinstance(account, AgentGroup) else None

    def _offer(self, note: CallNote, group: AgentGroup, offer: Offer) -> bool:
        contacts: list[tuple[str, int]] = []
        for agent in offer.agents:
            count = self._location.ring(agent, note.domain, first=not contacts)
            if count:
                contacts.append((agent, count))
        if not contacts:
            return False
        self._transaction.remember(call_note.NAME, note.ringing(contacts).pack())
        self._transaction.call_back(reply=Callback.CALL_REPLY, failure=Callback.QUEUE_FAILURE)
        self._transaction.set_timers(answer_ms=group.ring_s * 1000, silence_ms=self._settings.phone_silence_ms)
        return self._transaction.relay()

    def _ring_picker(self, note: CallNote, picker: Picker) -> bool:
        self._transaction.remember(call_note.NAME, note._replace(branches=note.branches + 1, claim=picker.claim).pack())
        self._transaction.call_back(reply=Callback.CALL_REPLY, failure=Callback.QUEUE_FAILURE)
        longest_ms = picker.answer_ms + PICKER_SLACK_MS
        self._transaction.set_timers(answer_ms=longest_ms, silence_ms=longest_ms)
        self._spiral.aim(picker.contact)
        return self._transaction.relay()

    def _wait_on(self, message: Message, note: CallNote, group: AgentGroup | None) -> None:
        """A picker's device did not take the caller, who has kept his place."""
        if group is None or note.branches >= BRANCHES_MOST:
            self._leave(message, note, group, "picked up in vain too often")
        else:
            self._suspend(note, group)
            self._hold(note, message, group)
            if note.claim:
                key = DialogId.of(message).key
                self._store.release(note.domain, key, note.claim)

    def _back(self, message: Message, note: CallNote, group: AgentGroup, *, in_vain: bool) -> None:
        """Back to his place in the queue; on to the overflow when the transaction can take no more offers."""
        if note.branches >= BRANCHES_MOST:
            self._leave(message, note, group, "offered too often")
            return
        # Suspended first: the dispatcher may resume him as soon as the store has him waiting.
        self._suspend(note, group)
        self._hold(note, message, group)
        try:
            dialog = DialogId.of(message)
            pause_s = max(group.wrap_up_s, PAUSE_LEAST_S)
            _, logged_out = self._store.missed(note.domain, dialog, in_vain=in_vain, pause_s=pause_s)
        except StoreUnavailable:
            return
        for agent in logged_out:
            write_logged_out_after_misses(self._record, note.domain, agent, group.number)

    def _suspend(self, note: CallNote, group: AgentGroup) -> None:
        # The dispatcher ends a wait in time; these timers end it when the dispatcher or the store is gone.
        longest_ms = (group.max_wait_s + SLACK_S) * 1000
        self._transaction.set_timers(answer_ms=longest_ms, silence_ms=longest_ms)
        self._transaction.remember(call_note.NAME, note._replace(branches=note.branches + 1, rung=(), claim="").pack())
        self._transaction.call_back(reply=None, failure=Callback.QUEUE_FAILURE)
        self._transaction.suspend()

    def _hold(self, note: CallNote, message: Message, group: AgentGroup) -> None:
        """He waits here again. The stack may have forgotten the tag of his 182 by now; the note has not."""
        if words := self._transaction.recall(waiter.NAME):
            self._waiters.hold(_name(note, message), words, group.max_wait_s + SLACK_S)

    def _let_go(self, note: CallNote, message: Message) -> None:
        """He does not wait now, but may again."""
        if words := self._waiters.let_go(_name(note, message)):
            self._transaction.remember(waiter.NAME, words)

    def _leave(self, message: Message, note: CallNote, group: AgentGroup | None, why: str) -> None:
        self._store.overflowed(note.domain, DialogId.of(message).key)
        self._overflow(message, note, group, why)

    def _overflow(self, message: Message, note: CallNote, group: AgentGroup | None, why: str) -> None:
        if group is None or not group.overflow or not self.forward(message, note, Forward(group.overflow)):
            raise NotReachable(why)


def _name(note: CallNote, message: Message) -> str:
    """Of the waiter whose INVITE is at hand."""
    return named(note.domain, DialogId.of(message).key)
