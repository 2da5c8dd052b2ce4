"""Call pickup from `*87` to the final answer: what is asked for, what each answer means, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable

from kemi.accounts.directory import Directory
from kemi.dialogs.late_answers import LateAnswers
from kemi.dialogs.record import CallRecord
from kemi.errors import CallIsBeingSent, MediaRefused, StoreUnavailable
from kemi.pickup import attempt as notes
from kemi.pickup import replaces
from kemi.pickup.attempt import Attempt, Target
from kemi.pickup.claim import Claim, PickupRecord, PickupStore, Rerouted
from kemi.pickup.completion import Completion
from kemi.pickup.devices import Verdict
from kemi.pickup.elsewhere import Elsewhere, Result, Told
from kemi.pickup.pursuit import HAS_ENDED, Pursuit
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
NO_MEDIA = "the caller's device cannot take your media; the call rings on"


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
        self._pursuit = Pursuit(transaction, store, self._search, record, reroute, elsewhere, settings)

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
        self._set_out(message, attempt._replace(target=target, only=target.key))

    def _set_out(self, message: Message, attempt: Attempt) -> None:
        for name in FOREIGN_HEADERS:
            message.remove_header(name)
        self._pursuit.claim_next(attempt)

    def dress_branch(self) -> None:
        """The INVITE to the caller is about to be sent."""
        note = self._transaction.recall(notes.NAME)
        if not note:
            # tm runs the branch route that the worker used last for a branch that tsilo adds elsewhere.
            return
        attempt = self._pursuit.of_note(note)
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
            self._transaction.remember(notes.NAME, attempt._replace(done=True).pack())
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
            self._pursuit.give_back(attempt)
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
            self._pursuit.claim_next(attempt.lost(HAS_ENDED))
            return

        def go_after(claim: Claim) -> None:
            after, obstacle = self._pursuit.go_after(attempt, claim)
            if obstacle:
                self._pursuit.give_back(after, may_be_over=obstacle == HAS_ENDED)
                self._pursuit.claim_next(after.lost(obstacle))

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
        self._pursuit.give_back(attempt)
        attempt = attempt._replace(way=told.way, unknown=told.unknown or attempt.unknown)
        if told.result is Result.SILENT and attempt.target is not None:
            attempt = attempt._replace(silent=(*attempt.silent, attempt.target.node))
        if told.result is Result.MEDIA:
            self._pursuit.refuse(attempt, MediaRefused(NO_MEDIA))
        attempt = attempt.once_more(told.obstacle) if told.once_more else attempt.lost(told.obstacle, raced=told.raced)
        self._pursuit.claim_next(attempt)

    def _lost(self, attempt: Attempt, target: Target) -> None:
        status = self._transaction.final_status
        if status == NO_SUCH_DIALOG and not attempt.rings_back:
            self._try_another_dialog(attempt, target)
            return
        if status in DOES_NOT_REPLACE and not attempt.rings_back:
            self._store.remember_device(attempt.domain, target.caller_device, Verdict.BAD)
        if goes_on_by_reroute(status) and not attempt.rings_back and self._goes_on(attempt, target):
            return
        self._pursuit.give_back(attempt)
        if status in CANNOT_TAKE_MEDIA:
            self._pursuit.refuse(attempt, MediaRefused(NO_MEDIA))
        obstacle = f"the caller's device answered {status}"
        self._pursuit.claim_next(attempt.lost(obstacle, raced=status == ANSWERED_ALREADY))

    def _try_another_dialog(self, attempt: Attempt, target: Target) -> None:
        """The caller's device does not know the early dialog: it may know another one, a newer one above all."""
        attempt = attempt._replace(unknown=(*attempt.unknown, target.early_dialog(target.callee_tags[0])))
        if len(target.callee_tags) > 1:
            attempt = attempt._replace(target=target._replace(callee_tags=target.callee_tags[1:]))
            if self._pursuit.send(attempt):
                return
        self._pursuit.give_back(attempt, may_be_over=True)
        self._pursuit.claim_next(attempt.once_more(f"the caller's device answered {NO_SUCH_DIALOG}"))

    def _goes_on(self, attempt: Attempt, target: Target) -> bool:
        """The same call by another way, after its caller's device refused. Raises CallIsBeingSent."""
        settings = self._search.settings(attempt.domain)
        barred = "the caller's device does not carry it out"
        against = self._reroute.obstacle(attempt, target)
        way, _ = choose(settings.pickup_mode, Verdict.BAD, against_replaces=barred, against_reroute=against)
        if way is None:
            is_given_up = self._reroute.is_given_up(attempt)
        else:
            came_of_it = self._reroute.send(attempt._replace(way=Way.REROUTE))
            if came_of_it is Rerouted.DONE:
                raise CallIsBeingSent
            is_given_up = came_of_it is Rerouted.GIVEN_UP
        return is_given_up and self._pursuit.send(attempt._replace(rings_back=True))

    def _attempt(self) -> Attempt:
        return Attempt.unpack(self._transaction.recall(notes.NAME))
