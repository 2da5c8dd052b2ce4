"""A picker goes after one call after the other: each is claimed, and then sent for or given back before the next is.

It ends when one is sent for, by the one way or the other, or with the answer that none is left.
"""

from __future__ import annotations

from typing import NoReturn

from kemi.errors import AlreadyAnswered, CallIsBeingSent, NothingEligible, PickupRefused, RateLimited
from kemi.pickup import attempt as notes
from kemi.pickup import replaces
from kemi.pickup.attempt import Attempt
from kemi.pickup.claim import Claim, PickupRecord, PickupStore, Rerouted
from kemi.pickup.elsewhere import Elsewhere, Result
from kemi.pickup.reroute import Reroute
from kemi.pickup.search import Search
from kemi.pickup.way import Way, choose
from kemi.settings import Settings
from kemi.sip.ports import Transaction

HAS_ENDED = "the call has ended"
NO_CALL = "no call that you may pick up is ringing"
LOOKED_AT_MOST = 100
"""Calls that one `*87` may claim, those included to which nothing can be sent: it must end in time."""
RING_BACK_MS = 30_000
"""How long a caller is rung whose device gave his call up for a picker and then took nobody."""


class Pursuit:
    """Of the picker's INVITE that the worker has at hand."""

    def __init__(
        self,
        transaction: Transaction,
        store: PickupStore,
        search: Search,
        record: PickupRecord,
        reroute: Reroute,
        elsewhere: Elsewhere,
        settings: Settings,
    ) -> None:
        self._transaction = transaction
        self._store = store
        self._search = search
        self._record = record
        self._reroute = reroute
        self._elsewhere = elsewhere
        self._settings = settings
        self._sent: Attempt | None = None
        """What this worker sent last, and its note: the branch callback comes while it is being sent."""
        self._sent_note = ""

    def claim_next(self, attempt: Attempt) -> None:
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
                attempt, obstacle = self.go_after(attempt, claim)
                if not obstacle:
                    return
                self.give_back(attempt, may_be_over=obstacle == HAS_ENDED)
                attempt = attempt.lost(obstacle)
            if attempt.raced and attempt.account:
                raise AlreadyAnswered("the call was answered before the pickup reached the caller")
            raise NothingEligible(attempt.obstacle or NO_CALL)
        except PickupRefused as refusal:
            self.refuse(attempt, refusal)

    def go_after(self, attempt: Attempt, claim: Claim) -> tuple[Attempt, str]:
        """Send the picker after a claimed call; with why he could not be, '' when he was. Raises CallIsBeingSent."""
        target, obstacle = self._search.target(attempt, claim)
        is_another = not attempt.sent or attempt.target is None or attempt.target.key != target.key
        attempt = attempt.after(target)
        if obstacle:
            return attempt, obstacle
        if self._elsewhere.holds(target):
            sent = attempt._replace(sent=attempt.sent + is_another, way="")
            asks = target.node not in attempt.silent and self.send(sent)
            return (sent, "") if asks else (attempt, "the node that holds the call is not there")
        way, obstacle = choose(
            self._search.settings(attempt.domain).pickup_mode,
            target.verdict,
            against_replaces=replaces.obstacle(target),
            against_reroute=self._reroute.obstacle(attempt, target),
        )
        if way is None:
            return attempt, obstacle
        sent = attempt._replace(sent=attempt.sent + is_another, way=way)
        if way is Way.REPLACES:
            return (sent, "") if self.send(sent) else (attempt, "the caller's device cannot be reached")
        if self._reroute.send(sent) is Rerouted.DONE:
            raise CallIsBeingSent
        return attempt, HAS_ENDED

    def send(self, attempt: Attempt) -> bool:
        """Send the picker's INVITE to the caller's device, or to the node that holds the call; False: nowhere to."""
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

    def of_note(self, note: str) -> Attempt:
        """The attempt whose note the transaction has."""
        return self._sent if note == self._sent_note and self._sent else Attempt.unpack(note)

    def give_back(self, attempt: Attempt, *, may_be_over: bool = False) -> None:
        """The claim is released.

        may_be_over: look whether the call has ended, which the store was not told: or the next is sent after it.
        """
        target = attempt.target
        if target is not None:
            is_over = may_be_over and self._reroute.is_over(target)
            self._store.release(attempt.domain, target.key, target.token, is_over=is_over)

    def refuse(self, attempt: Attempt, refusal: PickupRefused) -> NoReturn:
        """The picker's final answer, which is recorded; raises it."""
        if not attempt.peer and (not isinstance(refusal, RateLimited) or refusal.is_first):
            self._record.write(attempt.event(refusal.outcome, refusal.status))
        raise refusal
