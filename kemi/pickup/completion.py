"""The caller's device has taken the picker: what is told to both, recorded, and ended of the old call."""

from __future__ import annotations

from collections.abc import Callable

from kemi.accounts.directory import Directory
from kemi.dialogs.far_end import FarEnd
from kemi.dialogs.late_answers import LateAnswers
from kemi.dialogs.tracking import Device, Parties
from kemi.errors import StoreUnavailable
from kemi.pickup.attempt import Attempt, Target
from kemi.pickup.claim import Outcome, PickupRecord, PickupStore
from kemi.pickup.devices import Verdict
from kemi.pickup.event import PICKED_UP
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.headers import asserted_identity
from kemi.sip.ports import Message
from kemi.sip.sdp import holds


class Completion:
    def __init__(
        self,
        directory: Callable[[], Directory],
        store: PickupStore,
        record: PickupRecord,
        late_answers: LateAnswers,
    ) -> None:
        self._directory = directory
        self._store = store
        self._record = record
        self._late_answers = late_answers

    def taken(self, message: Message, attempt: Attempt, target: Target) -> None:
        """The 2xx at hand is the pickup. attempt: as it was before; `done` in it when this 2xx is a repeated one."""
        message.remove_header("P-Asserted-Identity")
        # RFC 5876 §3.2 lets a proxy assert in a response.
        message.append_header(asserted_identity(f"{target.display} for {target.shown_for}", target.uri))
        if attempt.done:
            return
        self._settle(message, attempt, target)
        if not attempt.rings_back:
            self._store.remember_device(attempt.domain, target.caller_device, Verdict.GOOD)
        self._record.write(attempt.event(PICKED_UP, message.status))

    def _settle(self, message: Message, attempt: Attempt, target: Target) -> None:
        """The pickup is made: whatever else is still alive of the old call ends."""
        directory = self._directory()
        picked = attempt.picked(
            directory,
            DialogId.of(message),
            picker=Device(attempt.device, attempt.on_hold),
            caller=_caller_end(target, message),
            parties=Parties(attempt.picker, target.party(directory), message.to_tag),
        )
        self._late_answers.refuse(target.dialog)
        try:
            outcome, callee = self._store.picked(attempt.domain, picked)
        except StoreUnavailable:
            return
        if outcome is Outcome.CROSSED:
            far = FarEnd.unpack(callee)
            self._late_answers.end(far, far.other_end(target.contact, target.flow, target.routes))


def _caller_end(target: Target, message: Message) -> Device:
    """The caller's device that took the pickup; a trunk's address is no device whose hold anybody asks for."""
    if not target.caller_number:
        return Device("")
    return Device(Flow.parse(target.flow).device, bool(holds(message.body)))
