"""A call on its way to an account: an extension, a hunt group in stages, and on to where a forward points.

An extension is rung like a group of one stage with one member, so that both share ringing, time-out and forwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, AgentGroup, Extension, Forward, HuntGroup, Stage
from kemi.dialogs.tracking import Device, Placement, Tracking
from kemi.errors import NotReachable, StoreUnavailable
from kemi.routing import call_note
from kemi.routing.call_note import CallNote, now_ms
from kemi.routing.caller import caller_of
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.sip.ports import Callback, Location, Message, Transaction
from kemi.sip.sdp import holds
from kemi.sip.uri import user_and_host

FORWARDS_MOST = 5
TRACKING_SLACK_S = 20
"""How long a call's keys outlive its longest ring, so that a late event still finds them."""
BUSY = (486, 600)
UNANSWERED = (408, 480)


def stages_of(account: Account) -> tuple[Stage, ...]:
    return account.stages if isinstance(account, HuntGroup) else (Stage((account.number,)),)


def no_answer_of(account: Account) -> Forward | None:
    return None if isinstance(account, AgentGroup) else account.no_answer


def forward_after(account: Account, status: int) -> Forward | None:
    """Where a call goes on that ended here with a status. A group has one way out, whatever its members said."""
    if isinstance(account, HuntGroup):
        return account.no_answer
    if isinstance(account, Extension):
        return account.busy if status in BUSY else account.no_answer if status in UNANSWERED else None
    return None


class PickedUpMeanwhile(NotReachable):
    """The caller's phone has taken the picker's call instead: nobody else is to be rung or sent the call."""


class Calls:
    """Places calls, and answers the transaction's callbacks until they are answered or over."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        message: Callable[[], Message],
        transaction: Transaction,
        location: Location,
        tracking: Tracking,
        settings: Settings,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._location = location
        self._tracking = tracking
        self._settings = settings

    def place(self, message: Message, note: CallNote, account: Account) -> None:
        """Route an INVITE to an account; raises NotReachable (480) when nobody can be rung."""
        if isinstance(account, AgentGroup):
            raise NotReachable("agent groups do not take calls yet")
        self._ring(message, note.at(account.kind, account.number), account, entering=True)

    def replied(self) -> None:
        """A reply of a branch is about to be relayed."""
        message = self._message()
        note = self._note()
        if not note.number:
            return
        dialog = DialogId(message.call_id, message.from_tag)
        if 100 < message.status < 200:
            if message.to_tag:
                self._tracking.ringing(note.domain, dialog, self._transaction.branch, message.to_tag)
        elif 200 <= message.status < 300:
            caller = Device(note.device, note.on_hold)
            callee = Device(message.flow.device, holds(message.body) or False)
            self._tracking.answered(note.domain, dialog, caller, callee)
        elif message.status >= 300:
            self._tracking.branch_failed(note.domain, dialog, self._transaction.branch)

    def failed(self) -> None:
        """Every branch has ended without an answer: the next stage, a forward, or the end."""
        note = self._note()
        if self._transaction.is_cancelled or not note.number:
            return
        message = self._message()
        account = self._directory().account(note.domain, note.number)
        try:
            if account is None or not self._go_on(message, note, account):
                self._tracking.forget(note.domain, DialogId(message.call_id, message.from_tag))
        except NotReachable:
            self._tracking.forget(note.domain, DialogId(message.call_id, message.from_tag))

    def _note(self) -> CallNote:
        return CallNote.unpack(self._transaction.recall(call_note.NAME))

    def _go_on(self, message: Message, note: CallNote, account: Account) -> bool:
        if note.stage + 1 < len(stages_of(account)) and self._remaining_ms(note, no_answer_of(account)) > 0:
            try:
                self._ring(message, replace(note, stage=note.stage + 1), account, entering=False)
            except PickedUpMeanwhile:
                return True
            except NotReachable:
                pass
            else:
                return True
        onward = forward_after(account, self._transaction.final_status)
        if onward is None:
            return False
        if not self._tell_stage(note, DialogId(message.call_id, message.from_tag), (), 0):
            return True
        return self._forward(message, note, onward)

    def _ring(self, message: Message, note: CallNote, account: Account, *, entering: bool) -> None:
        """Ring the note's stage, or the first after it that has anybody; raises NotReachable."""
        stages = stages_of(account)
        for index in range(note.stage, len(stages)):
            ringing = self._branch_out(note, stages[index])
            if ringing:
                self._relay(message, replace(note, stage=index), account, ringing, entering=entering)
                return
        forward = no_answer_of(account)
        if entering and forward is not None and self._forward(message, note, forward):
            return
        raise NotReachable("none of its phones is registered")

    def _branch_out(self, note: CallNote, stage: Stage) -> tuple[str, ...]:
        """Add the members' contacts as branches; the caller's own phone is no member of a group that he calls."""
        ringing: list[str] = []
        for member in stage.members:
            if member == note.caller_number and member != note.number:
                continue
            if self._location.ring(member, note.domain, first=not ringing):
                ringing.append(member)
        return tuple(ringing)

    def _relay(
        self, message: Message, note: CallNote, account: Account, ringing: tuple[str, ...], *, entering: bool
    ) -> None:
        ring_ms = self._ring_ms(note, account)
        dialog = DialogId(message.call_id, message.from_tag)
        if entering:
            self._enter(message, note, account, ringing)
        elif not self._tell_stage(note, dialog, ringing, ring_ms):
            raise PickedUpMeanwhile
        self._transaction.remember(call_note.NAME, note.pack())
        self._transaction.call_back(reply=Callback.CALL_REPLY, failure=Callback.CALL_FAILURE)
        self._transaction.set_timers(answer_ms=ring_ms)
        if isinstance(account, HuntGroup):
            self._transaction.ignore_6xx()
        if not self._transaction.relay():
            self._tracking.forget(note.domain, dialog)
            self._transaction.relay_failed()

    def _enter(self, message: Message, note: CallNote, account: Account, ringing: tuple[str, ...]) -> None:
        settings = self._directory().settings(note.domain)
        by_member = bool(settings and settings.directed_includes_group_calls and isinstance(account, HuntGroup))
        self._tracking.enter(
            Placement(
                domain=note.domain,
                kind=account.kind,
                number=account.number,
                permission_id=account.permission.id,
                caller=caller_of(message, note.caller_number),
                ringing=ringing,
                ttl_ms=self._tracked_ms(account),
                by_member=by_member,
            )
        )

    def _tell_stage(self, note: CallNote, dialog: DialogId, ringing: tuple[str, ...], ring_ms: int) -> bool:
        try:
            ttl_ms = ring_ms + (self._settings.ring_max_s + TRACKING_SLACK_S) * 1000
            return self._tracking.next_stage(note.domain, dialog, ringing, ttl_ms)
        except StoreUnavailable:
            # The group rings on without its record.
            return True

    def _remaining_ms(self, note: CallNote, forward: Forward | None) -> int:
        if forward is None or not forward.after_s:
            return self._settings.ring_max_s * 1000
        return note.routed_at_ms + forward.after_s * 1000 - now_ms()

    def _ring_ms(self, note: CallNote, account: Account) -> int:
        """How long the note's stage rings: the last one until no_answer.after_s, none beyond it."""
        stages = stages_of(account)
        stage = stages[note.stage]
        forward = no_answer_of(account)
        remaining_ms = self._remaining_ms(note, forward)
        is_last = note.stage == len(stages) - 1
        if is_last and (forward is not None or not stage.ring_s):
            return max(remaining_ms, 1)
        return max(min(stage.ring_s * 1000 or remaining_ms, remaining_ms), 1)

    def _tracked_ms(self, account: Account) -> int:
        """How long the record may live until the next stage lengthens it."""
        longest_s = max(stage.ring_s for stage in stages_of(account))
        forward = no_answer_of(account)
        longest_s = max(longest_s, forward.after_s if forward else 0, self._settings.ring_max_s)
        return (longest_s + TRACKING_SLACK_S) * 1000

    def _forward(self, message: Message, note: CallNote, forward: Forward) -> bool:
        """Send the call on. To another account it counts as routed directly there; outside it is no longer eligible."""
        if note.forwards >= FORWARDS_MOST:
            return False
        note = replace(note, forwards=note.forwards + 1)
        user, host = user_and_host(forward.to)
        directory = self._directory()
        if host == note.domain:
            account = directory.account(host, user)
            if account is None:
                return False
            self.place(message, note, account)
            return True
        self._tracking.forget(note.domain, DialogId(message.call_id, message.from_tag))
        self._transaction.remember(call_note.NAME, note.outside().pack())
        self._transaction.call_back(reply=Callback.CALL_REPLY, failure=Callback.CALL_FAILURE)
        self._transaction.set_timers(answer_ms=self._settings.ring_max_s * 1000)
        self._transaction.aim(forward.to)
        if not self._transaction.relay():
            self._transaction.relay_failed()
        return True
