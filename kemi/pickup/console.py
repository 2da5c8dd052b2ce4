"""A pickup that was asked for at a console: the picker's own phones are rung, and the first that answers has the call.

The console asks the node that holds the call's transaction. A process of the node fetches it and hands it on to a
worker, where it is a pickup like any other: the same permission, hold, claim and record. It is always a reroute.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension, PickupMode
from kemi.errors import (
    NothingEligible,
    NotPermitted,
    NotProvisioned,
    NotRegistered,
    PickupRefused,
    PickupUnavailable,
    RateLimited,
    StoreUnavailable,
)
from kemi.pickup.attempt import Attempt, now_ms
from kemi.pickup.claim import Claim, PickupRecord, PickupStore, Rerouted, Wanted
from kemi.pickup.event import BY_CONSOLE
from kemi.pickup.policy import Scope
from kemi.pickup.pursuit import NO_CALL
from kemi.pickup.reroute import ASKED, Reroute
from kemi.pickup.search import Search
from kemi.pickup.way import Way
from kemi.settings import Settings
from kemi.sip import packed
from kemi.sip.aor import Aor
from kemi.sip.ports import Errand, Location, Spiral

RINGING = "Your Phone Rings"
ONLY_BY_PHONE = "calls of this domain are picked up by the phone that dials the code (pickup_mode: replaces)"
RINGS_YOU = "it rings your own phone already: answer it there"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, for one extension."""

    id: str
    """Names the request."""
    domain: str
    picker: str
    number: str
    """Account that the call was routed to."""
    key: str
    """The call (CallRecord.key)."""

    def pack(self) -> str:
        return packed.pack(astuple(self))

    @classmethod
    def unpack(cls, text: str) -> Asked:
        return cls(*packed.unpack(text))


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it: 202, the picker's phones ring, or a refusal with the status that a phone would have got."""

    status: int
    reason: str
    warning: str = ""
    retry_after_s: int = 0

    def pack(self) -> str:
        return packed.pack(astuple(self))

    @classmethod
    def unpack(cls, text: str) -> Told:
        return cls(*packed.unpack(text))


class Mail(Protocol):
    """This node's mailbox; awaited, raises StoreUnavailable."""

    def fetch(self) -> list[str]: ...
    def tell(self, request: str, told: Told) -> None: ...


class ConsolePickup:
    def __init__(
        self,
        directory: Callable[[], Directory],
        location: Location,
        spiral: Spiral,
        store: PickupStore,
        record: PickupRecord,
        mailbox: Mail,
        reroute: Reroute,
        settings: Settings,
    ) -> None:
        self._directory = directory
        self._location = location
        self._spiral = spiral
        self._store = store
        self._search = Search(directory, store)
        self._record = record
        self._mailbox = mailbox
        self._reroute = reroute
        self._settings = settings

    def fetch(self) -> None:
        """Look into the mailbox once; in a process of its own, which hands all on to a worker.

        A branch can be added only where a request is at hand.
        """
        with contextlib.suppress(StoreUnavailable):
            for words in self._mailbox.fetch():
                self._spiral.send_errand(Errand.PICK_UP, words)

    def carry_out(self, words: str) -> None:
        """Pick up what was asked for (Asked.pack), and tell who asked what came of it."""
        asked = Asked.unpack(words)
        try:
            self._pick_up(asked)
            told = Told(ASKED, RINGING)
        except PickupRefused as refusal:
            told = Told(refusal.status, refusal.reason, refusal.warning, refusal.retry_after_s)
        except (StoreUnavailable, NotProvisioned) as absence:
            told = Told(PickupUnavailable.status, PickupUnavailable.reason, str(absence))
        with contextlib.suppress(StoreUnavailable):
            self._mailbox.tell(asked.id, told)

    def _pick_up(self, asked: Asked) -> None:
        picker = Aor(asked.picker, asked.domain)
        account = self._directory().account(picker.domain, picker.number)
        if not isinstance(account, Extension):
            raise NotPermitted(f"{picker.number} is no extension")
        attempt = Attempt(
            domain=picker.domain,
            picker=picker.number,
            picker_name=account.name,
            dialled=asked.number,
            flow="",
            contact=picker.uri,
            routes=(),
            answers_by_itself=False,
            on_hold=False,
            started_ms=now_ms(),
            only=asked.key,
            by=BY_CONSOLE,
        )
        try:
            claim = self._claim(attempt, self._search.scope(attempt))
            attempt, obstacle = self._send(attempt, claim)
            if obstacle:
                self._store.release(attempt.domain, claim.call.key, claim.token)
                raise NothingEligible(obstacle)
        except PickupRefused as refusal:
            if not isinstance(refusal, RateLimited) or refusal.is_first:
                self._record.write(attempt.event(refusal.outcome, refusal.status))
            raise

    def _claim(self, attempt: Attempt, scope: Scope) -> Claim:
        assert scope.account is not None, "a console names the account"
        settings = self._search.settings(attempt.domain)
        if settings.pickup_mode is PickupMode.REPLACES:
            raise NothingEligible(ONLY_BY_PHONE)
        devices = self._location.devices(attempt.picker, attempt.domain)
        if not devices:
            raise NotRegistered("none of your phones is registered")
        if not self._location.is_registered(attempt.picker, attempt.domain):
            raise NotRegistered("the node that your phones are connected to does not answer")
        wanted = Wanted(
            picker=Aor(attempt.picker, attempt.domain),
            token=secrets.token_urlsafe(9),
            grants=scope.grants,
            number=scope.account.number,
            kind=scope.account.kind,
            device=" ".join(devices) if settings.require_hold else "",
            only=attempt.only,
        )
        try:
            claim = self._store.claim(wanted)
        except StoreUnavailable as failure:
            raise PickupUnavailable("the state of calls is not known at the moment; try again") from failure
        if claim is None:
            raise NothingEligible(NO_CALL)
        return claim

    def _send(self, attempt: Attempt, claim: Claim) -> tuple[Attempt, str]:
        """Ring the picker's phones; with why that cannot be, '' when it was done."""
        target, obstacle = self._search.target(attempt, claim)
        attempt = attempt.after(target)
        if attempt.picker in target.rang:
            obstacle = RINGS_YOU
        obstacle = obstacle or self._reroute.obstacle(attempt, target)
        if obstacle:
            return attempt, obstacle
        sent = attempt._replace(sent=1, way=Way.REROUTE)
        if self._reroute.send(sent) is Rerouted.DONE:
            return sent, ""
        return attempt, "the call has ended"
