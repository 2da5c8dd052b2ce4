"""Carrying a pickup out by reroute: the caller's own INVITE gets one more branch, to the device that dialled.

The branch goes by way of this node itself, which gives it timers and headers of its own: in the caller's transaction it
is one that another proxy might have forked. What is sent where stands in the claim; a request that comes by
this way without a claim that says so is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable

from kemi.accounts.directory import Directory
from kemi.dialogs.late_answers import LateAnswers
from kemi.dialogs.tracking import Device, Parties
from kemi.errors import NotTaken, StoreUnavailable, Terminated
from kemi.nodes.hop import REACH
from kemi.nodes.peers import Peers
from kemi.pickup import attempt as notes
from kemi.pickup.attempt import Attempt, Target
from kemi.pickup.claim import Outcome, PickupRecord, PickupStore, Rerouted
from kemi.pickup.event import BY_CONSOLE, PICKED_UP
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.headers import IDENTITY, asserted_identity
from kemi.sip.ports import ANSWER_NOTE, Callback, Message, Spiral, Transaction, device_note
from kemi.sip.record_route import leaving_by
from kemi.sip.sdp import holds

DIALLED, ASKED = 480, 202
"""What the picker's INVITE was answered with, or who asked at the console, for the record."""
AUTOMATIC = ("Call-Info", "Alert-Info", "Answer-Mode", "Priv-Answer-Mode")
"""Headers by which a call asks to be answered by itself."""

SendWaiting = Callable[[str, str, int, str], bool]
"""Send a waiting call (its transaction) to a URI by way of this node, for so many ms, and release the claim with this
token if that comes to nothing; False when it waits no more."""


def _none(_number: str, _domain: str) -> int:
    return 0


class Reroute:
    def __init__(
        self,
        directory: Callable[[], Directory],
        message: Callable[[], Message],
        transaction: Transaction,
        spiral: Spiral,
        store: PickupStore,
        record: PickupRecord,
        late_answers: LateAnswers,
        send_waiting: SendWaiting,
        peers: Peers,
        settings: Settings,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._spiral = spiral
        self._store = store
        self._record = record
        self._late_answers = late_answers
        self._send_waiting = send_waiting
        self._peers = peers
        self._settings = settings
        self.ring_devices: Callable[[str, str], int] = _none
        """Rings every device of an extension (number, domain); returns how many there are (set by the wiring)."""

    def obstacle(self, attempt: Attempt, target: Target) -> str:
        """Why a call cannot be picked up this way, '' when it can."""
        if not attempt.contact:
            return "your device gave no Contact"
        if not target.transaction:
            return "the transaction of the call is not known"
        return ""

    def send(self, attempt: Attempt) -> Rerouted:
        """Send the claimed call to the device whose INVITE is at hand. GONE: nothing was sent, the claim stays."""
        target = attempt.target
        assert target is not None
        answer_ms = self._settings.reroute_answer_s * 1000
        found = self._tell(attempt, target, ttl_ms=answer_ms + self._settings.claim_ttl_ms, offer=attempt.pack())
        if found is not Rerouted.DONE:
            return found
        dialog = target.dialog
        self._late_answers.contest(dialog)
        if target.waiting:
            sent = self._send_waiting(target.transaction, attempt.contact, answer_ms, target.token)
        else:
            sent = self._spiral.add_branch(target.transaction)
        if not sent:
            self._late_answers.call_off(dialog)
        return Rerouted.DONE if sent else Rerouted.GONE

    def is_over(self, target: Target) -> bool:
        """Whether the transaction of a call that this node holds has ended."""
        return bool(target.transaction) and not self._spiral.is_open(target.transaction)

    def is_given_up(self, attempt: Attempt) -> bool:
        """Whether the caller's device has ended its call for the picker, where nothing can be sent to him."""
        assert attempt.target is not None
        return self._tell(attempt, attempt.target, ttl_ms=self._settings.claim_ttl_ms, offer="") is Rerouted.GIVEN_UP

    def _tell(self, attempt: Attempt, target: Target, *, ttl_ms: int, offer: str) -> Rerouted:
        try:
            return self._store.reroute(attempt.domain, target.key, target.token, ttl_ms=ttl_ms, offer=offer)
        except StoreUnavailable:
            return Rerouted.GONE

    def arrived(self, message: Message, domain: str) -> None:
        """The caller's INVITE has come round: on to the picker's device. Raises NotTaken."""
        try:
            offer = self._store.rerouted(domain, DialogId.of(message)) if domain else ""
        except StoreUnavailable:
            offer = ""
        if not offer:
            raise NotTaken("the call is not being sent to anybody")
        attempt = Attempt.unpack(offer)
        target = attempt.target
        assert target is not None
        self._transaction.create()
        self._transaction.remember(notes.NAME, offer)
        answer_ms = self._settings.reroute_answer_s * 1000
        self._transaction.set_timers(answer_ms=answer_ms, silence_ms=answer_ms)
        # Another node ends what it rings by itself, should this one be no more.
        self._transaction.remember(ANSWER_NOTE, str(answer_ms))
        if attempt.flow:
            rung = int(self._aim(message, attempt, answer_ms))
        else:
            rung = self.ring_devices(attempt.picker, attempt.domain)
        self._transaction.call_back(
            reply=Callback.REROUTE_REPLY,
            failure=Callback.REROUTE_FAILURE,
            branch=None if attempt.flow else Callback.REROUTE_BRANCH,
        )
        # Of several devices a person chooses by answering one.
        _dress(message, attempt, target, is_automatic=rung == 1)
        if not rung or not self._transaction.relay():
            self._end(attempt, target, "not_taken")
            raise NotTaken("the device that dialled cannot be reached")

    def dress_branch(self) -> None:
        """One of the picker's devices is about to be rung: by a socket of its own, or by way of another node."""
        note = self._transaction.recall(notes.NAME)
        if note and not Attempt.unpack(note).flow:
            flow = self._transaction.leaves_by
            if flow.socket:
                _keep_to(self._message(), flow)

    def replied(self) -> None:
        """The picker's device answered; a 2xx is the pickup, unless the call was faster."""
        message = self._message()
        self._transaction.see_others_end(message.status)
        if not 200 <= message.status < 300:
            return
        attempt = Attempt.unpack(self._transaction.recall(notes.NAME))
        target = attempt.target
        assert target is not None
        far = self._transaction.recall(device_note(self._transaction.branch))
        # How a phone at another node is reached, that node has written down.
        if not attempt.routes and not attempt.peer and not far:
            message.keep_flow(nearest=True)
        for name in IDENTITY:
            message.remove_header(name)
        message.append_header(asserted_identity(attempt.picker_name, f"sip:{attempt.picker}@{attempt.domain}"))
        if attempt.done:
            return
        self._transaction.remember(notes.NAME, attempt._replace(done=True).pack())
        if self._settle(message, attempt, target, far):
            self._late_answers.refuse(DialogId.of(message), winner=message.to_tag)
            self._record.write(attempt.event(PICKED_UP, _status(attempt)))
        else:
            self._late_answers.end_this()
            self._record.write(attempt.event("lost", _status(attempt)))

    def failed(self) -> None:
        """The picker's device did not take the call, which rings on, or it ended before that. Raises NotTaken."""
        attempt = Attempt.unpack(self._transaction.recall(notes.NAME))
        target = attempt.target
        assert target is not None
        if self._transaction.is_cancelled:
            self._end(attempt, target, "lost")
            if self._transaction.final_status != Terminated.status:
                raise Terminated("the device refused as the caller gave up")
            return
        # Its answer may have been refused: the called phone's was first.
        was_late = self._late_answers.is_taken(target.dialog)
        self._end(attempt, target, "lost" if was_late else "not_taken")
        # Who waits rings nobody else: this would be the one answer that his own CANCEL finds.
        refusal = Terminated if target.waiting else NotTaken
        raise refusal("the device that dialled did not answer")

    def _aim(self, message: Message, attempt: Attempt, answer_ms: int) -> bool:
        """The picker's device is next, by way of the node that it is at; False when that is not there any more."""
        if not attempt.peer:
            flow = Flow.parse(attempt.flow)
            _keep_to(message, flow)
            self._transaction.aim(attempt.contact, flow)
            return True
        peer = self._peers.find(attempt.peer)
        if peer is None:
            return False
        _keep_to(message, self._peers.flow_to(peer))
        self._peers.aim(peer, attempt.contact)
        words = (attempt.domain, attempt.contact, attempt.flow, str(answer_ms), *attempt.routes)
        self._peers.instruct(peer, REACH, words)
        return True

    def _settle(self, message: Message, attempt: Attempt, target: Target, far: str) -> bool:
        """far: the device that answered, if it is at another node and was rung from here."""
        directory = self._directory()
        picked = attempt.picked(
            directory,
            target.dialog,
            picker=Device(attempt.device or far or message.flow.device, bool(holds(message.body))),
            caller=Device(Flow.parse(target.flow).device if target.caller_number else ""),
            parties=Parties(target.party(directory), attempt.picker, message.to_tag),
        )
        try:
            outcome, _ = self._store.picked(attempt.domain, picked)
        except StoreUnavailable:
            # Nobody can tell; the caller's transaction takes the first answer that comes.
            return True
        return outcome is Outcome.DONE

    def _end(self, attempt: Attempt, target: Target, outcome: str) -> None:
        self._late_answers.call_off(target.dialog)
        if not target.waiting:
            self._store.release(attempt.domain, target.key, target.token)
        self._record.write(attempt.event(outcome, _status(attempt)))


def _status(attempt: Attempt) -> int:
    return ASKED if attempt.by == BY_CONSOLE else DIALLED


def _keep_to(message: Message, flow: Flow) -> None:
    """The Record-Route was written for the way round; in the dialog the picker's device comes by its own."""
    routes = leaving_by(message.header_values("Record-Route"), flow)
    if routes is not None:
        message.remove_header("Record-Route")
        for route in routes:
            message.append_header(f"Record-Route: {route}")


def _dress(message: Message, attempt: Attempt, target: Target, *, is_automatic: bool) -> None:
    """What the picker's device is to know: who calls, for whom, and that it is to answer by itself."""
    for name in (*AUTOMATIC, *IDENTITY):
        message.remove_header(name)
    for route in () if attempt.peer else attempt.routes:
        message.append_header(f"Route: {route}")
    message.append_header(asserted_identity(f"{target.display} for {target.shown_for}", target.uri))
    if not is_automatic:
        return
    message.append_header(f"Call-Info: <sip:{attempt.domain}>;answer-after=0")
    message.append_header(f"Alert-Info: <http://{attempt.domain}>;info=alert-autoanswer;delay=0")
    if attempt.answers_by_itself:
        # RFC 5373 §4.1: only who says so understands it.
        message.append_header("Answer-Mode: Auto")
