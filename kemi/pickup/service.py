"""Call pickup from `*87` to the final answer: find and claim, carry out, and on to the next call when one is lost."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension
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
from kemi.pickup.claim import PickupRecord, PickupStore, Wanted
from kemi.pickup.event import PickupEvent
from kemi.pickup.policy import scope_of
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.sip.feature_code import PickupCode
from kemi.sip.flow import Flow
from kemi.sip.headers import asserted_identity
from kemi.sip.ports import Message, Transaction
from kemi.sip.sdp import holds

FOREIGN_HEADERS = ("Replaces", "Join", "P-Asserted-Identity", "P-Preferred-Identity")
"""Whom to replace, and who picks up, is the proxy's word alone."""
CANNOT_TAKE_MEDIA = (415, 488, 606)
NO_SUCH_DIALOG = 481
ANSWERED_ALREADY = 486
NO_CALL = "no call that you may pick up is ringing"


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
        try:
            self._pursue(attempt)
        except PickupRefused as refusal:
            self._write(attempt, refusal.outcome, refusal.status)
            raise

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
        self._store.picked(
            attempt.domain,
            target.key,
            target.token,
            DialogId(message.call_id, message.from_tag),
            Device(attempt.device, attempt.on_hold),
            Device(Flow.parse(target.flow).device, bool(holds(message.body))),
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
            self._give_back(attempt, target)
            self._write(attempt, "cancelled", 487)
            return
        if status == NO_SUCH_DIALOG and len(target.callee_tags) > 1:
            attempt = replace(attempt, target=replace(target, callee_tags=target.callee_tags[1:]))
            if self._send(attempt):
                return
        self._give_back(attempt, target)
        try:
            if status in CANNOT_TAKE_MEDIA:
                raise MediaRefused("the caller's device cannot take your media; the call rings on")
            obstacle = f"the caller's device answered {status}"
            self._pursue(attempt.lost(obstacle, raced=status == ANSWERED_ALREADY))
        except PickupRefused as refusal:
            self._write(attempt, refusal.outcome, refusal.status)
            raise

    def _pursue(self, attempt: Attempt) -> None:
        """Claim the next call and go after it; raises PickupRefused when none is left."""
        picker = Aor(attempt.picker, attempt.domain)
        code = PickupCode(attempt.dialled)
        directory = self._directory()
        scope = scope_of(directory, picker, code)
        settings = directory.settings(attempt.domain)
        assert settings is not None, "an account without its domain"
        while len(attempt.tried) < self._settings.pickup_tries:
            wanted = Wanted(
                picker=picker,
                token=secrets.token_urlsafe(9),
                grants=scope.grants,
                number=scope.account.number if scope.account else "",
                kind=scope.account.kind if scope.account else None,
                device=attempt.device if settings.require_hold else "",
                tried=attempt.tried,
                includes_group_calls=settings.directed_includes_group_calls,
            )
            try:
                claim = self._store.claim(wanted)
            except StoreUnavailable as failure:
                raise PickupUnavailable("the state of calls is not known at the moment; try again") from failure
            if claim is None:
                break
            call = claim.call
            account = directory.account(attempt.domain, call.number)
            shown_for = (account.name if account else "") or call.number
            target = Target.of(call, claim.token, shown_for, time.time_ns() // 1000)
            attempt = attempt.after(target)
            # The index may lag behind a permission that was withdrawn a moment ago; the directory does not.
            if account is None or not account.permission.may_pick_up(picker.number):
                obstacle = f"{call.number} does not let {picker.number} pick up its calls"
            else:
                obstacle = replaces.obstacle(target, supported=call.caller.replaces)
            if not obstacle:
                if self._send(attempt):
                    return
                obstacle = "the caller's device cannot be reached"
            self._give_back(attempt, target)
            attempt = attempt.lost(obstacle)
        if attempt.raced and attempt.dialled:
            raise AlreadyAnswered("the call was answered before the pickup reached the caller")
        raise NothingEligible(attempt.obstacle or NO_CALL)

    def _send(self, attempt: Attempt) -> bool:
        assert attempt.target is not None
        self._transaction.remember(notes.NAME, attempt.pack())
        return replaces.send(
            self._transaction,
            attempt.target,
            silence_ms=self._settings.replaces_silence_ms,
            answer_ms=self._settings.replaces_answer_ms,
        )

    def _give_back(self, attempt: Attempt, target: Target) -> None:
        self._store.release(attempt.domain, target.key, target.token)

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
                mode=replaces.MODE if target else "",
                account=target.number if target else "",
                kind=target.kind.value if target else "",
                caller=target.uri if target else "",
                call_id=target.call_id if target else "",
                tried=len(attempt.tried),
                waited_ms=target.waited_ms if target else 0,
                took_ms=_now_ms() - attempt.started_ms,
            )
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
