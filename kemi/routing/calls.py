"""A call on its way to an account: rung, stage after stage, and on to where a forward points."""

from __future__ import annotations

from collections.abc import Callable

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, AgentGroup, Forward, HuntGroup, Kind, Stage
from kemi.dialogs import call_note
from kemi.dialogs.call_note import CallNote, now_ms
from kemi.dialogs.far_end import FarEnd
from kemi.dialogs.late_answers import LateAnswers
from kemi.dialogs.tracking import Answer, Device, Parties, Placement, Tracking, trunk_party
from kemi.errors import NodeDrains, NotReachable, StoreUnavailable
from kemi.queueing.service import Queueing
from kemi.routing.caller import caller_of
from kemi.routing.draining import Draining
from kemi.routing.plan import forward_after, no_answer_of, remaining_ms, ring_ms, stages_of, tracked_ms
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.sip.headers import retry_after
from kemi.sip.ports import Callback, Location, Message, Spiral, Transaction, device_note
from kemi.sip.record_route import routes_before
from kemi.sip.sdp import holds
from kemi.sip.uri import user_and_host

FORWARDS_MOST = 5


def _nothing(_domain: str, _call: DialogId) -> None:
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
        queueing: Queueing,
        late_answers: LateAnswers,
        spiral: Spiral,
        settings: Settings,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._location = location
        self._tracking = tracking
        self._queueing = queueing
        self._late_answers = late_answers
        self._spiral = spiral
        self._settings = settings
        self.draining = Draining(lambda: 0)
        """Whether what rings is to end (set by the wiring)."""
        self.taken: Callable[[str, DialogId], None] = _nothing
        """Told of a tenant's call that a picker's device has answered (set by the wiring)."""

    def place(self, message: Message, note: CallNote, account: Account) -> None:
        """Route an INVITE to an account; raises NotReachable (480) when nobody can be rung."""
        note = note.at(account.kind, account.number)
        if isinstance(account, AgentGroup):
            try:
                self._queueing.enqueue(message, note, account, caller_of(message, note.caller_number))
            except StoreUnavailable:
                # Nobody can queue without the store; the agents are rung one after another instead.
                pass
            else:
                return
        self._ring(message, note, account, entering=True)

    def hand_over(self, note: CallNote, number: str) -> None:
        """Ring an extension's phones with an INVITE that replaces a call of theirs; raises NotReachable (480).

        One of them has that call. So nobody else is rung, and it is no call that could be picked up or forwarded.
        """
        count = self._location.ring(number, note.domain, first=True)
        if not count:
            raise NotReachable("none of its phones is registered")
        self._follow(note.outside().ringing([(number, count)]))
        if not self._transaction.relay():
            self._transaction.relay_failed()

    def send_outside(self, note: CallNote, uri: str) -> None:
        """Send an INVITE to a target that is no account; it is not eligible for pickup there."""
        if not self.try_outside(note, uri):
            self._transaction.relay_failed()

    def try_outside(
        self, note: CallNote, uri: str, *, failure: Callback = Callback.CALL_FAILURE, silence_ms: int = 0
    ) -> bool:
        """As send_outside, with another callback when it fails; False, and nothing answered, when it cannot be sent."""
        self._follow(note.outside(), failure=failure, silence_ms=silence_ms)
        self._transaction.aim(uri)
        return self._transaction.relay()

    def forward(self, message: Message, note: CallNote, forward: Forward) -> bool:
        """Send a call on. To another account it counts as routed directly there. False when it leads nowhere."""
        if note.forwards >= FORWARDS_MOST:
            return False
        note = note._replace(forwards=note.forwards + 1)
        user, host = user_and_host(forward.to)
        if host == note.domain:
            account = self._directory().account(host, user)
            if account is None:
                return False
            self.place(message, note, account)
            return True
        self._tracking.forget(note.domain, DialogId.of(message))
        self.send_outside(note, forward.to)
        return True

    def replied(self) -> None:
        """A reply of a branch is about to be relayed."""
        message = self._message()
        note = self._note()
        self._transaction.see_others_end(message.status)
        if self._spiral.is_from_here():
            # From the device of a picker: his own transaction has told.
            if 200 <= message.status < 300:
                self.taken(note.domain, DialogId.of(message))
                self._stop_others(note)
            return
        dialog = DialogId.of(message)
        if note.number and 100 < message.status < 300:
            message.keep_flow()
        if 200 <= message.status < 300:
            self._answered(message, note, dialog)
        elif not note.number:
            return
        elif message.status >= 300:
            self._tracking.branch_failed(note.domain, dialog, self._transaction.branch)
        elif message.status > 100 and message.to_tag:
            self._tracking.ringing(note.domain, dialog, self._transaction.branch, message.to_tag)

    def failed(self) -> None:
        """Every branch has ended without an answer: the next stage, a forward, or the end."""
        note = self._note()
        if self._transaction.is_cancelled:
            return
        message = self._message()
        dialog = DialogId.of(message)
        if self.draining.is_ending():
            self._tracking.forget(note.domain, dialog)
            self._transaction.reply(NodeDrains.status, NodeDrains.reason, (retry_after(NodeDrains.retry_after_s),))
            return
        if not note.number:
            return
        account = self._directory().account(note.domain, note.number)
        try:
            went_on = (
                account is not None and not self._late_answers.is_taken(dialog) and self._go_on(message, note, account)
            )
        except NotReachable:
            went_on = False
        if not went_on:
            self._tracking.forget(note.domain, dialog)

    def _stop_others(self, note: CallNote) -> None:
        """Where the phones that rang are to log a missed call: the stack would tell them that it was answered."""
        settings = self._directory().settings(note.domain)
        if settings and not settings.completed_elsewhere:
            self._transaction.cancel_others()

    def _answered(self, message: Message, note: CallNote, dialog: DialogId) -> None:
        far = FarEnd.of(message)
        self._tracking.answered(note.domain, dialog, self._answer(message, note, far))
        # A pickup marks the call first, and then asks whether it was answered: one of the two sees the other.
        if self._late_answers.is_taken(dialog, besides=message.to_tag):
            # So late that it cannot be kept from the caller any more.
            contact, flow = self._transaction.caller_end
            routes = routes_before(message.header_values("Record-Route"))
            self._late_answers.end_when_acknowledged(far, far.other_end(contact, str(flow), routes))
            # The caller's device takes it for the end of its INVITE: no CANCEL will come.
            self._tracking.forget(note.domain, dialog)

    def _note(self) -> CallNote:
        return CallNote.unpack(self._transaction.recall(call_note.NAME))

    def _follow(
        self,
        note: CallNote,
        *,
        answer_ms: int = 0,
        silence_ms: int = 0,
        failure: Callback = Callback.CALL_FAILURE,
    ) -> None:
        """Have the callbacks of this class (but for another failure) answer what becomes of the call."""
        self._transaction.remember(call_note.NAME, note.pack())
        self._transaction.call_back(reply=Callback.CALL_REPLY, failure=failure)
        self._transaction.set_timers(
            answer_ms=answer_ms or self._settings.ring_max_s * 1000,
            silence_ms=silence_ms or self._settings.phone_silence_ms,
        )

    def _go_on(self, message: Message, note: CallNote, account: Account) -> bool:
        left_ms = remaining_ms(note, account, now_ms(), self._settings.ring_max_s)
        if note.stage + 1 < len(stages_of(account)) and left_ms > 0:
            try:
                self._ring(message, note._replace(stage=note.stage + 1), account, entering=False)
            except PickedUpMeanwhile:
                return False
            except NotReachable:
                pass
            else:
                return True
        onward = forward_after(account, self._transaction.final_status)
        if onward is None:
            return False
        if not self._tell_stage(note._replace(rung=()), DialogId.of(message), account):
            return False
        return self.forward(message, note, onward)

    def _ring(self, message: Message, note: CallNote, account: Account, *, entering: bool) -> None:
        """Ring the note's stage, or the first after it that has anybody; raises NotReachable."""
        stages = stages_of(account)
        for index in range(note.stage, len(stages)):
            contacts = self._branch_out(note, stages[index])
            if contacts:
                self._relay(message, note._replace(stage=index).ringing(contacts), account, entering=entering)
                return
        forward = no_answer_of(account)
        if entering and forward is not None and self.forward(message, note, forward):
            return
        raise NotReachable("none of its phones is registered")

    def _branch_out(self, note: CallNote, stage: Stage) -> list[tuple[str, int]]:
        """Add the members' contacts as branches; the caller's own phone is no member of a group that he calls."""
        contacts: list[tuple[str, int]] = []
        for member in stage.members:
            if member == note.caller_number and member != note.number:
                continue
            count = self._location.ring(member, note.domain, first=not contacts)
            if count:
                contacts.append((member, count))
        return contacts

    def _relay(self, message: Message, note: CallNote, account: Account, *, entering: bool) -> None:
        dialog = DialogId.of(message)
        stage_ms = ring_ms(note, account, now_ms(), self._settings.ring_max_s)
        if entering:
            self._transaction.create()
            self._enter(message, note, account)
        elif not self._tell_stage(note, dialog, account):
            raise PickedUpMeanwhile
        self._follow(note, answer_ms=stage_ms)
        if isinstance(account, HuntGroup):
            self._transaction.ignore_6xx()
        if not self._transaction.relay():
            self._tracking.forget(note.domain, dialog)
            self._transaction.relay_failed()

    def _enter(self, message: Message, note: CallNote, account: Account) -> None:
        settings = self._directory().settings(note.domain)
        by_member = bool(settings and settings.directed_includes_group_calls and isinstance(account, HuntGroup))
        self._tracking.enter(
            Placement(
                domain=note.domain,
                kind=account.kind,
                number=account.number,
                permission_id=account.permission.id,
                caller=caller_of(message, note.caller_number),
                ringing=note.extensions,
                ttl_ms=tracked_ms(account, self._settings.ring_max_s),
                by_member=by_member,
                agents=self._agents(note.domain, note.caller_number, *note.extensions),
                transaction=self._transaction.name,
            )
        )

    def _tell_stage(self, note: CallNote, dialog: DialogId, account: Account) -> bool:
        ttl_ms = tracked_ms(account, self._settings.ring_max_s)
        agents = self._agents(note.domain, note.caller_number, *note.extensions)
        try:
            return self._tracking.next_stage(note.domain, dialog, note.extensions, ttl_ms, agents)
        except StoreUnavailable:
            # The group rings on without its record.
            return True

    def _answer(self, message: Message, note: CallNote, far: FarEnd) -> Answer:
        answerer = note.extension_on(self._transaction.branch)
        group = self._directory().account(note.domain, note.number) if note.kind is Kind.AGENT_GROUP else None
        return Answer(
            caller=Device(note.device, note.on_hold),
            callee=Device(self._device(message) if answerer else "", bool(holds(message.body))),
            agents=self._agents(note.domain, note.caller_number, answerer),
            serves=answerer if isinstance(group, AgentGroup) else "",
            wrap_up_s=group.wrap_up_s if isinstance(group, AgentGroup) else 0,
            callee_end=far.pack(),
            parties=Parties(
                note.caller_number or (trunk_party(note.caller_trunk) if note.caller_trunk else ""),
                answerer or (trunk_party(note.callee_trunk) if note.callee_trunk else ""),
                message.to_tag,
            ),
        )

    def _device(self, message: Message) -> str:
        """Who answered: another node says nothing of the phone that is behind it."""
        return self._transaction.recall(device_note(self._transaction.branch)) or message.flow.device

    def _agents(self, domain: str, *numbers: str) -> tuple[str, ...]:
        agents = self._directory().agents(domain)
        return tuple(number for number in numbers if number in agents)
