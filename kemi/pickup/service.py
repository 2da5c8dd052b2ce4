"""Call pickup from `*87` to the final answer: find and claim, carry out, and on to the next call when one is lost."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension, Kind
from kemi.dialogs.tracking import Device
from kemi.errors import (
    AlreadyAnswered,
    MediaRefused,
    NothingEligible,
    PickupRefused,
    PickupUnavailable,
    StoreUnavailable,
)
from kemi.pickup import attempt as notes
from kemi.pickup import replaces
from kemi.pickup.attempt import Attempt, Target
from kemi.pickup.claim import Claim, Picked, PickupRecord, PickupStore, Wanted
from kemi.pickup.event import PickupEvent
from kemi.pickup.policy import Scope, scope_of
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.sip.feature_code import PickupCode
from kemi.sip.flow import Flow
from kemi.sip.headers import IDENTITY, REPLACING, asserted_identity
from kemi.sip.ports import Message, Transaction
from kemi.sip.sdp import holds

FOREIGN_HEADERS = (*REPLACING, *IDENTITY)
"""Whom to replace, and who picks up, is the proxy's word alone."""
CANNOT_TAKE_MEDIA = (415, 488, 606)
NO_SUCH_DIALOG = 481
ANSWERED_ALREADY = 486
NO_CALL = "no call that you may pick up is ringing"
LOOKED_AT_MOST = 100
"""Calls that one `*87` may claim, those included to which nothing can be sent: it must end in time."""


class PickupService:
    """Carries out `*87` for the picker's INVITE that the worker has at hand."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        message: Callable[[], Message],
        transaction: Transaction,
        store: PickupStore,
        record: PickupRecord,
        settings: Settings,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._store = store
        self._record = record
        self._settings = settings

    def begin(self, message: Message, picker: Aor, code: PickupCode) -> None:
        """An authenticated extension dialled the code. Raises PickupRefused with the picker's final answer."""
        account = self._directory().account(picker.domain, picker.number)
        attempt = Attempt(
            domain=picker.domain,
            picker=picker.number,
            picker_name=account.name if isinstance(account, Extension) else "",
            dialled=code.number,
            device=message.flow.device,
            on_hold=bool(holds(message.body)),
            started_ms=_now_ms(),
        )
        for name in FOREIGN_HEADERS:
            message.remove_header(name)
        self._pursue(attempt)

    def dress_branch(self) -> None:
        """The INVITE to the caller is about to be sent."""
        attempt = self._attempt()
        if attempt.target is not None:
            replaces.dress(self._message(), attempt, attempt.target)

    def replied(self) -> None:
        """The caller's device answered; a 2xx is the pickup."""
        message = self._message()
        if not 200 <= message.status < 300:
            return
        attempt = self._attempt()
        target = attempt.target
        if target is None:
            return
        message.remove_header("P-Asserted-Identity")
        # RFC 5876 §3.2 lets a proxy assert in a response.
        message.append_header(asserted_identity(f"{target.display} for {target.shown_for}", target.uri))
        if attempt.done:
            return
        self._transaction.remember(notes.NAME, replace(attempt, done=True).pack())
        agents = self._directory().agents(attempt.domain)
        self._store.picked(
            attempt.domain,
            Picked(
                key=target.key,
                token=target.token,
                dialog=DialogId(message.call_id, message.from_tag),
                picker=Device(attempt.device, attempt.on_hold),
                caller=_caller_end(target, message),
                agents=tuple(number for number in (attempt.picker, target.caller_number) if number in agents),
                group=target.number if target.kind is Kind.AGENT_GROUP else "",
            ),
        )
        self._write(attempt, "picked_up", message.status)

    def failed(self) -> None:
        """The caller's device did not take the picker: another early dialog of the call, the next call, or the end."""
        attempt = self._attempt()
        target = attempt.target
        if target is None:
            return
        status = self._transaction.final_status
        if self._transaction.is_cancelled:
            self._give_back(attempt)
            self._write(attempt, "cancelled", 487)
            return
        if status == NO_SUCH_DIALOG and len(target.callee_tags) > 1:
            attempt = replace(attempt, target=replace(target, callee_tags=target.callee_tags[1:]))
            if self._send(attempt):
                return
        self._give_back(attempt)
        if status in CANNOT_TAKE_MEDIA:
            self._refuse(attempt, MediaRefused("the caller's device cannot take your media; the call rings on"))
        obstacle = f"the caller's device answered {status}"
        self._pursue(attempt.lost(obstacle, raced=status == ANSWERED_ALREADY))

    def _pursue(self, attempt: Attempt) -> None:
        """Claim the next call that can be had and go after it; raises PickupRefused when none is left."""
        try:
            scope = scope_of(self._directory(), Aor(attempt.picker, attempt.domain), PickupCode(attempt.dialled))
            while attempt.sent < self._settings.pickup_tries and len(attempt.tried) < LOOKED_AT_MOST:
                claim = self._claim(attempt, scope)
                if claim is None:
                    break
                attempt = self._after(attempt, claim)
                obstacle = self._obstacle(attempt, claim)
                if not obstacle:
                    if self._send(replace(attempt, sent=attempt.sent + 1)):
                        return
                    obstacle = "the caller's device cannot be reached"
                self._give_back(attempt)
                attempt = attempt.lost(obstacle)
            if attempt.raced and attempt.dialled:
                raise AlreadyAnswered("the call was answered before the pickup reached the caller")
            raise NothingEligible(attempt.obstacle or NO_CALL)
        except PickupRefused as refusal:
            self._refuse(attempt, refusal)

    def _claim(self, attempt: Attempt, scope: Scope) -> Claim | None:
        settings = self._directory().settings(attempt.domain)
        assert settings is not None, "an account without its domain"
        wanted = Wanted(
            picker=Aor(attempt.picker, attempt.domain),
            token=secrets.token_urlsafe(9),
            grants=scope.grants,
            number=scope.account.number if scope.account else "",
            kind=scope.account.kind if scope.account else None,
            device=attempt.device if settings.require_hold else "",
            tried=attempt.tried,
            includes_group_calls=settings.directed_includes_group_calls,
        )
        try:
            return self._store.claim(wanted)
        except StoreUnavailable as failure:
            raise PickupUnavailable("the state of calls is not known at the moment; try again") from failure

    def _after(self, attempt: Attempt, claim: Claim) -> Attempt:
        account = self._directory().account(attempt.domain, claim.call.number)
        shown_for = (account.name if account else "") or claim.call.number
        return attempt.after(Target.of(claim.call, claim.token, shown_for, time.time_ns() // 1000))

    def _obstacle(self, attempt: Attempt, claim: Claim) -> str:
        """Why nothing can be sent after a claimed call, '' when it can."""
        call = claim.call
        account = self._directory().account(attempt.domain, call.number)
        # The index may lag behind a permission that was withdrawn a moment ago; the directory does not.
        if account is None or not account.permission.may_pick_up(attempt.picker):
            return f"{call.number} does not let {attempt.picker} pick up its calls"
        assert attempt.target is not None
        return replaces.obstacle(attempt.target, supported=call.caller.replaces)

    def _send(self, attempt: Attempt) -> bool:
        assert attempt.target is not None
        self._transaction.remember(notes.NAME, attempt.pack())
        return replaces.send(
            self._transaction,
            attempt.target,
            silence_ms=self._settings.replaces_silence_ms,
            answer_ms=self._settings.replaces_answer_ms,
        )

    def _give_back(self, attempt: Attempt) -> None:
        if attempt.target is not None:
            self._store.release(attempt.domain, attempt.target.key, attempt.target.token)

    def _refuse(self, attempt: Attempt, refusal: PickupRefused) -> NoReturn:
        self._write(attempt, refusal.outcome, refusal.status)
        raise refusal

    def _attempt(self) -> Attempt:
        return Attempt.unpack(self._transaction.recall(notes.NAME))

    def _write(self, attempt: Attempt, outcome: str, status: int) -> None:
        target = attempt.target
        self._record.write(
            PickupEvent(
                domain=attempt.domain,
                picker=attempt.picker,
                dialled=attempt.dialled,
                outcome=outcome,
                status=status,
                mode=replaces.MODE if attempt.sent else "",
                account=target.number if target else "",
                kind=target.kind.value if target else "",
                caller=target.uri if target else "",
                call_id=target.call_id if target else "",
                tried=attempt.sent,
                waited_ms=target.waited_ms if target else 0,
                took_ms=_now_ms() - attempt.started_ms,
            )
        )


def _caller_end(target: Target, message: Message) -> Device:
    """The caller's device that took the pickup; a trunk's address is no device whose hold anybody asks for."""
    if not target.caller_number:
        return Device("")
    return Device(Flow.parse(target.flow).device, bool(holds(message.body)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
