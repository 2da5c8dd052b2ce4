"""Call pickup from `*87` to the final answer: find and claim, carry out, and on to the next call when one is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from kemi.accounts.directory import Directory
from kemi.dialogs.late_answers import LateAnswers
from kemi.dialogs.record import CallRecord
from kemi.errors import (
    AlreadyAnswered,
    CallIsBeingSent,
    MediaRefused,
    NothingEligible,
    PickupRefused,
    RateLimited,
    StoreUnavailable,
)
from kemi.pickup import attempt as notes
from kemi.pickup import replaces
from kemi.pickup.attempt import Attempt, Target
from kemi.pickup.claim import Claim, PickupRecord, PickupStore, Rerouted
from kemi.pickup.completion import Completion
from kemi.pickup.devices import Verdict
from kemi.pickup.elsewhere import Elsewhere, Result, Told
from kemi.pickup.reroute import Reroute
from kemi.pickup.search import Search
from kemi.pickup.way import (
    ANSWERED_ALREADY,
    CANNOT_TAKE_MEDIA,
    DOES_NOT_REPLACE,
    NO_SUCH_DIALOG,
    Way,
    choose,
    goes_on_by_reroute,
)
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode
from kemi.sip.headers import IDENTITY, REPLACING
from kemi.sip.ports import Message, Transaction

FOREIGN_HEADERS = (*REPLACING, *IDENTITY)
"""Whom to replace, and who picks up, is the proxy's word alone."""
HAS_ENDED = "the call has ended"
NO_MEDIA = "the caller's device cannot take your media; the call rings on"
NO_CALL = "no call that you may pick up is ringing"
LOOKED_AT_MOST = 100
"""Calls that one `*87` may claim, those included to which nothing can be sent: it must end in time."""
RING_BACK_MS = 30_000
"""How long a caller is rung whose device gave his call up for a picker and then took nobody."""


class PickupService:
    """Carries out `*87` for the picker's INVITE that the worker has at hand."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        message: Callable[[], Message],
        transaction: Transaction,
        store: PickupStore,
        record: PickupRecord,
        reroute: Reroute,
        late_answers: LateAnswers,
        elsewhere: Elsewhere,
        settings: Settings,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._store = store
        self._search = Search(directory, store)
        self._record = record
        self._reroute = reroute
        self._completion = Completion(directory, store, record, late_answers)
        self._elsewhere = elsewhere
        self._settings = settings
        self._sent: Attempt | None = None
        """What this worker sent last, and its note: the branch callback comes while it is being sent."""
        self._sent_note = ""

    def begin(self, message: Message, picker: Aor, code: PickupCode) -> None:
        """An authenticated extension dialled the code.

        Raises PickupRefused with the picker's final answer, or CallIsBeingSent.
        """
        self._set_out(message, Attempt.of(message, self._directory(), picker, code.number))

    def take(self, message: Message, picker: Aor, call: CallRecord) -> None:
        """An authenticated extension's phone named a ringing call by a Replaces of its own (RFC 3891 §3).

        As `begin`, but for this call alone: the same permission, answers and record. What the phone wrote into the
        header goes no further. Raises as `begin` does.
        """
        target = self._search.named(picker.domain, Claim("", call))
        attempt = Attempt.of(message, self._directory(), picker, "")
        self._set_out(message, replace(attempt, target=target, only=target.key))

    def _set_out(self, message: Message, attempt: Attempt) -> None:
        for name in FOREIGN_HEADERS:
            message.remove_header(name)
        self._pursue(attempt)

    def dress_branch(self) -> None:
        """The INVITE to the caller is about to be sent."""
        note = self._transaction.recall(notes.NAME)
        if not note:
            # tm runs the branch route that the worker used last for a branch that tsilo adds elsewhere.
            return
        attempt = self._sent if note == self._sent_note and self._sent else Attempt.unpack(note)
        if attempt.target is None:
            return
        if self._elsewhere.holds(attempt.target):
            self._elsewhere.dress(attempt, attempt.target)
        else:
            replaces.dress(self._message(), attempt, attempt.target)

    def replied(self) -> None:
        """The caller's device answered; a 2xx is the pickup."""
        message = self._message()
        if message.status >= 300:
            return
        attempt = self._attempt()
        target = attempt.target
        if target is None:
            return
        if self._elsewhere.holds(target):
            if message.status >= 200:
                self._elsewhere.over()
            return
        if target.caller_number:
            message.keep_flow()
        if message.status < 200:
            return
        if not attempt.done:
            self._transaction.remember(notes.NAME, replace(attempt, done=True).pack())
        self._completion.taken(message, attempt, target)

    def failed(self) -> None:
        """The caller's device did not take the picker: another dialog or way, the next call, or the end.

        Raises as `begin` does.
        """
        attempt = self._attempt()
        target = attempt.target
        if target is None:
            return
        if self._transaction.is_cancelled:
            if self._elsewhere.holds(target):
                self._elsewhere.over()
            self._give_back(attempt)
            if not attempt.peer:
                self._record.write(attempt.event("cancelled", 487))
        elif self._elsewhere.holds(target):
            self._go_on(attempt, self._elsewhere.told())
        else:
            self._answering_peer(attempt, lambda: self._lost(attempt, target))

    def carry_out(self, words: tuple[str, ...], sender: str) -> None:
        """Another node's picker is after a call that this node holds, and has claimed it. The INVITE at hand is his.

        words: of the instruction (elsewhere.PICKUP); sender: instance of his node.
        """
        attempt, key, token = self._elsewhere.asked(words, sender)
        try:
            claim = self._store.entrust(attempt.domain, key, token)
        except StoreUnavailable:
            claim = None
        if claim is None:
            self._pursue(attempt.lost(HAS_ENDED))
            return

        def go_after(claim: Claim) -> None:
            after, obstacle = self._go_after(attempt, claim)
            if obstacle:
                self._give_back(after, may_be_over=obstacle == HAS_ENDED)
                self._pursue(after.lost(obstacle))

        self._answering_peer(attempt, lambda: go_after(claim))

    def _answering_peer(self, attempt: Attempt, act: Callable[[], None]) -> None:
        """An end that is the picker's, too, is told to the node that he is at."""
        try:
            act()
        except (CallIsBeingSent, MediaRefused) as end:
            if not attempt.peer:
                raise
            result = Result.SENT if isinstance(end, CallIsBeingSent) else Result.MEDIA
            self._elsewhere.tell(attempt, result)

    def _go_on(self, attempt: Attempt, told: Told) -> None:
        """The node that holds the call answered for it. Raises as `begin` does."""
        if told.result is Result.SENT:
            raise CallIsBeingSent
        self._give_back(attempt)
        attempt = replace(attempt, way=told.way, unknown=told.unknown or attempt.unknown)
        if told.result is Result.SILENT and attempt.target is not None:
            attempt = replace(attempt, silent=(*attempt.silent, attempt.target.node))
        if told.result is Result.MEDIA:
            self._refuse(attempt, MediaRefused(NO_MEDIA))
        attempt = attempt.once_more(told.obstacle) if told.once_more else attempt.lost(told.obstacle, raced=told.raced)
        self._pursue(attempt)

    def _lost(self, attempt: Attempt, target: Target) -> None:
        status = self._transaction.final_status
        if status == NO_SUCH_DIALOG and not attempt.rings_back:
            self._try_another_dialog(attempt, target)
            return
        if status in DOES_NOT_REPLACE and not attempt.rings_back:
            self._store.remember_device(attempt.domain, target.caller_device, Verdict.BAD)
        if goes_on_by_reroute(status) and not attempt.rings_back and self._goes_on(attempt, target):
            return
        self._give_back(attempt)
        if status in CANNOT_TAKE_MEDIA:
            self._refuse(attempt, MediaRefused(NO_MEDIA))
        obstacle = f"the caller's device answered {status}"
        self._pursue(attempt.lost(obstacle, raced=status == ANSWERED_ALREADY))

    def _try_another_dialog(self, attempt: Attempt, target: Target) -> None:
        """The caller's device does not know the early dialog: it may know another one, a newer one above all."""
        attempt = replace(attempt, unknown=(*attempt.unknown, target.early_dialog(target.callee_tags[0])))
        if len(target.callee_tags) > 1:
            attempt = replace(attempt, target=replace(target, callee_tags=target.callee_tags[1:]))
            if self._send(attempt):
                return
        self._give_back(attempt, may_be_over=True)
        self._pursue(attempt.once_more(f"the caller's device answered {NO_SUCH_DIALOG}"))

    def _goes_on(self, attempt: Attempt, target: Target) -> bool:
        """The same call by another way, after its caller's device refused. Raises CallIsBeingSent."""
        settings = self._search.settings(attempt.domain)
        barred = "the caller's device does not carry it out"
        against = self._reroute.obstacle(attempt, target)
        way, _ = choose(settings.pickup_mode, Verdict.BAD, against_replaces=barred, against_reroute=against)
        if way is None:
            is_given_up = self._reroute.is_given_up(attempt)
        else:
            came_of_it = self._reroute.send(replace(attempt, way=Way.REROUTE))
            if came_of_it is Rerouted.DONE:
                raise CallIsBeingSent
            is_given_up = came_of_it is Rerouted.GIVEN_UP
        return is_given_up and self._send(replace(attempt, rings_back=True))

    def _pursue(self, attempt: Attempt) -> None:
        """Claim the next call that can be had and go after it; another node's picker is that node's to lead on.

        Raises CallIsBeingSent when it comes by reroute, PickupRefused when none is left.
        """
        if attempt.peer:
            self._elsewhere.tell(attempt, Result.LOST)
            return
        try:
            scope = self._search.scope(attempt)
            while attempt.sent < self._settings.pickup_tries and len(attempt.tried) < LOOKED_AT_MOST:
                claim = self._search.claim(attempt, scope)
                if claim is None:
                    break
                attempt, obstacle = self._go_after(attempt, claim)
                if not obstacle:
                    return
                self._give_back(attempt, may_be_over=obstacle == HAS_ENDED)
                attempt = attempt.lost(obstacle)
            if attempt.raced and attempt.account:
                raise AlreadyAnswered("the call was answered before the pickup reached the caller")
            raise NothingEligible(attempt.obstacle or NO_CALL)
        except PickupRefused as refusal:
            self._refuse(attempt, refusal)

    def _go_after(self, attempt: Attempt, claim: Claim) -> tuple[Attempt, str]:
        """Send the picker after a claimed call; with why he could not be, '' when he was. Raises CallIsBeingSent."""
        target, obstacle = self._search.target(attempt, claim)
        is_another = not attempt.sent or attempt.target is None or attempt.target.key != target.key
        attempt = attempt.after(target)
        if obstacle:
            return attempt, obstacle
        if self._elsewhere.holds(target):
            sent = replace(attempt, sent=attempt.sent + is_another, way="")
            asks = target.node not in attempt.silent and self._send(sent)
            return (sent, "") if asks else (attempt, "the node that holds the call is not there")
        way, obstacle = choose(
            self._search.settings(attempt.domain).pickup_mode,
            target.verdict,
            against_replaces=replaces.obstacle(target),
            against_reroute=self._reroute.obstacle(attempt, target),
        )
        if way is None:
            return attempt, obstacle
        sent = replace(attempt, sent=attempt.sent + is_another, way=way)
        if way is Way.REPLACES:
            return (sent, "") if self._send(sent) else (attempt, "the caller's device cannot be reached")
        if self._reroute.send(sent) is Rerouted.DONE:
            raise CallIsBeingSent
        return attempt, HAS_ENDED

    def _send(self, attempt: Attempt) -> bool:
        assert attempt.target is not None
        self._sent, self._sent_note = attempt, attempt.pack()
        self._transaction.remember(notes.NAME, self._sent_note)
        if self._elsewhere.holds(attempt.target):
            code = self._search.settings(attempt.domain).pickup_code
            return self._elsewhere.send(attempt, f"sip:{code}{attempt.dialled}@{attempt.domain}")
        return replaces.send(
            self._transaction,
            attempt.target,
            silence_ms=self._settings.replaces_silence_ms,
            answer_ms=RING_BACK_MS if attempt.rings_back else self._settings.replaces_answer_ms,
        )

    def _give_back(self, attempt: Attempt, *, may_be_over: bool = False) -> None:
        """may_be_over: look whether the call has ended, which the store was not told: or the next is sent after it."""
        target = attempt.target
        if target is not None:
            is_over = may_be_over and self._reroute.is_over(target)
            self._store.release(attempt.domain, target.key, target.token, is_over=is_over)

    def _refuse(self, attempt: Attempt, refusal: PickupRefused) -> NoReturn:
        if not attempt.peer and (not isinstance(refusal, RateLimited) or refusal.is_first):
            self._record.write(attempt.event(refusal.outcome, refusal.status))
        raise refusal

    def _attempt(self) -> Attempt:
        return Attempt.unpack(self._transaction.recall(notes.NAME))
