"""What Kamailio calls: one method a route, and the one error boundary.

A phone always gets a SIP answer, and Kamailio always gets an int: None would break the worker's next request.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

from kemi.accounts.current import Follower
from kemi.dialogs.late_answers import LateAnswers
from kemi.errors import NotProvisioned, RequestRefused, StoreUnavailable
from kemi.lamps.notifier import Notifier
from kemi.lamps.watching import Watching
from kemi.nodes.peers import Bus
from kemi.nodes.registry import Registry
from kemi.pickup.reroute import Reroute
from kemi.pickup.service import PickupService
from kemi.queueing.service import Queueing
from kemi.routing.calls import Calls
from kemi.routing.in_dialog import InDialog
from kemi.routing.media import Media
from kemi.routing.requests import Requests
from kemi.routing.trunks import Trunks
from kemi.routing.websocket import WebSocketGate
from kemi.sip.headers import retry_after, warning
from kemi.sip.ports import Location, Message, Transaction

OK = 1
RETRY_AFTER_S = 2
DELIVER_WAIT_S = 1.0


def _nothing() -> None:
    return None


class Handler:
    def __init__(
        self,
        requests: Requests,
        calls: Calls,
        pickup: PickupService,
        reroute: Reroute,
        in_dialog: InDialog,
        queueing: Queueing,
        trunks: Trunks,
        late_answers: LateAnswers,
        follower: Follower,
        registry: Registry,
        location: Location,
        bus: Bus,
        media: Media,
        gate: WebSocketGate,
        watching: Watching,
        notifier: Notifier,
        message: Callable[[], Message],
        transaction: Transaction,
        look: Callable[[], None],
        deliver: Callable[[float], None],
        report: Callable[[str], None],
    ) -> None:
        self._requests = requests
        self._calls = calls
        self._pickup = pickup
        self._reroute = reroute
        self._in_dialog = in_dialog
        self._queueing = queueing
        self._trunks = trunks
        self._late_answers = late_answers
        self._follower = follower
        self._registry = registry
        self._location = location
        self._bus = bus
        self._media = media
        self._gate = gate
        self._watching = watching
        self._notifier = notifier
        self._message = message
        self._transaction = transaction
        self._look = look
        self._deliver = deliver
        self._report = report
        self.see_what_rings: Callable[[], None] = _nothing
        """Sees that the store knows what rings from this node (set by the wiring)."""
        self.fetch: Callable[[], None] = _nothing
        """Looks what consoles have asked of this node (set by the wiring)."""
        self.begin: Callable[[], None] = _nothing
        """What each process does first (set by the wiring)."""

    def child_init(self, _rank: int) -> int:
        try:
            self.begin()
        except Exception:
            self._report(traceback.format_exc())
        return OK

    def ksr_request_route(self, _message: object) -> int:
        message = self._message()
        return self._answering(lambda: self._requests.route(message))

    def ksr_branch_call(self, _message: object) -> int:
        return self._guarded(self._media.branch, self._location.send_elsewhere)

    def ksr_branch_reached(self, _message: object) -> int:
        """A branch for another node, which has done all with it that is to be done."""
        return self._guarded()

    def ksr_reply_call(self, _message: object) -> int:
        return self._guarded(self._calls.replied, self._media.replied)

    def ksr_failure_call(self, _message: object) -> int:
        return self._guarded(self._media.over, self._calls.failed)

    def ksr_branch_pickup(self, _message: object) -> int:
        return self._guarded(self._pickup.dress_branch, self._media.branch)

    def ksr_reply_pickup(self, _message: object) -> int:
        return self._guarded(self._pickup.replied, self._media.replied)

    def ksr_failure_pickup(self, _message: object) -> int:
        return self._failing(self._pickup.failed)

    def ksr_branch_reroute(self, _message: object) -> int:
        return self._guarded(self._media.branch, self._location.send_elsewhere, self._reroute.dress_branch)

    def ksr_reply_reroute(self, _message: object) -> int:
        return self._guarded(self._reroute.replied)

    def ksr_failure_reroute(self, _message: object) -> int:
        return self._answering(self._reroute.failed)

    def ksr_late_answer(self, _message: object) -> int:
        return self._guarded(self._late_answers.arrived)

    def ksr_first_answer(self, _message: object) -> int:
        return self._guarded(self._late_answers.contested)

    def ksr_reply_renewed(self, _message: object) -> int:
        return self._guarded(self._in_dialog.renewed, self._media.replied)

    def ksr_reply_prack(self, _message: object) -> int:
        return self._guarded(self._media.replied)

    def ksr_reply_passed(self, _message: object) -> int:
        return self._guarded(self._in_dialog.passed)

    def ksr_http(self, _message: object, _event: str) -> int:
        return self._guarded(self._gate.answer)

    def ksr_failure_gateway(self, _message: object) -> int:
        return self._failing(self._trunks.failed)

    def ksr_failure_queue(self, _message: object) -> int:
        return self._failing(self._queueing.failed)

    def ksr_resumed_queue(self, _message: object) -> int:
        return self._answering(self._queueing.resumed)

    def ksr_dispatch(self, _message: object, _event: str) -> int:
        return self._guarded(self._queueing.dispatch, self.see_what_rings, self.fetch)

    def ksr_lamps(self, _message: object, _event: str) -> int:
        return self._guarded(self._notifier.look)

    def ksr_failure_lamp(self, _message: object) -> int:
        return self._guarded(self._watching.not_taken)

    def ksr_follow_provisioning(self, _message: object, _event: str) -> int:
        return self._guarded(self._follower.follow)

    def ksr_beat(self, _message: object, _event: str) -> int:
        """In a process of its own, every second."""
        return self._guarded(self._registry.beat, self._bus.beat)

    def ksr_local_request(self, _message: object, _event: str) -> int:
        """A request of the stack's own is about to be sent."""
        return self._guarded(self._bus.seal)

    def ksr_contact_ended(self, _message: object, _event: str) -> int:
        """A contact is no more, without a word of its phone."""
        return self._guarded(self._bus.contact_ended)

    def ksr_deliver(self, _message: object, _event: str) -> int:
        """In a process of its own, again and again: it may wait."""
        return self._guarded(lambda: self._deliver(DELIVER_WAIT_S))

    def _failing(self, act: Callable[[], None]) -> int:
        """Where every branch of a request has ended without an answer."""
        self._guarded(self._media.over)
        return self._answering(act)

    def _answering(self, act: Callable[[], None]) -> int:
        """Where a request still waits for its answer: every error becomes one."""
        try:
            self._look()
            act()
        except RequestRefused as refusal:
            self._refuse(refusal.status, refusal.reason, refusal.warning, refusal.retry_after_s)
        except (StoreUnavailable, NotProvisioned) as absence:
            self._refuse(503, "Service Unavailable", str(absence), RETRY_AFTER_S)
        except UnicodeDecodeError:
            self._refuse(400, "Bad Request", "the request is not UTF-8 (RFC 3261 §7)", 0)
        except Exception:
            self._report(traceback.format_exc())
            self._refuse(500, "Server Internal Error", "", 0)
        return OK

    def _guarded(self, *acts: Callable[[], None]) -> int:
        """Where Kamailio goes on by itself: an error is reported and changes nothing else."""
        for act in (self._look, *acts):
            try:
                act()
            except Exception:
                self._report(traceback.format_exc())
        return OK

    def _refuse(self, status: int, reason: str, text: str, retry_after_s: int) -> None:
        try:
            if self._is_ack():
                return
            headers = [warning("star87", text)] if text else []
            if retry_after_s:
                headers.append(retry_after(retry_after_s))
            self._transaction.reply(status, reason, tuple(headers))
        except Exception:
            self._report(traceback.format_exc())

    def _is_ack(self) -> bool:
        try:
            return self._message().method == "ACK"
        except UnicodeDecodeError:
            return False
