"""The transaction of the message at hand, and where its callbacks lead."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from kemi.sip.flow import Flow


class Callback(StrEnum):
    """Names of the handler's methods that a transaction may be told to call."""

    CALL_BRANCH = "ksr_branch_call"
    CALL_REPLY = "ksr_reply_call"
    CALL_FAILURE = "ksr_failure_call"
    REACHED_BRANCH = "ksr_branch_reached"
    PICKUP_BRANCH = "ksr_branch_pickup"
    PICKUP_REPLY = "ksr_reply_pickup"
    PICKUP_FAILURE = "ksr_failure_pickup"
    RENEWED_REPLY = "ksr_reply_renewed"
    PRACK_REPLY = "ksr_reply_prack"
    PASSED_REPLY = "ksr_reply_passed"
    GATEWAY_FAILURE = "ksr_failure_gateway"
    REROUTE_BRANCH = "ksr_branch_reroute"
    REROUTE_REPLY = "ksr_reply_reroute"
    REROUTE_FAILURE = "ksr_failure_reroute"
    QUEUE_RESUMED = "ksr_resumed_queue"
    QUEUE_FAILURE = "ksr_failure_queue"
    LAMP_FAILURE = "ksr_failure_lamp"


def device_note(branch: int) -> str:
    """Name of the note of a transaction that says which device (Flow.device) a branch by way of another node rings."""
    return f"device_{branch}"


ANSWER_NOTE = "answer_ms"
"""Name of the note of a transaction that says how long its branches may ring, in ms; none: as long as any call."""


class Transaction(Protocol):
    """The transaction of the message at hand."""

    def reply(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        """Final answer; an INVITE's is retransmitted until it is acknowledged. headers: lines without CRLF."""
        ...

    def create(self) -> None:
        """Make the transaction before anything is sent, to answer it provisionally or suspend it."""
        ...

    @property
    def name(self) -> str:
        """`index:label`: names the transaction on this node."""
        ...

    @property
    def own_tag(self) -> str:
        """To tag of the early dialog that this node's own provisional answer made."""
        ...

    def provisional(self, status: int, reason: str) -> None: ...
    def answer_another(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        """Answer another INVITE of this node. At hand is a request of the node's own, and that ends with it."""
        ...

    def suspend(self) -> None:
        """Leave the transaction open with nothing sent, until it is resumed or its timers run out."""
        ...

    def resume(self, name: str, callback: Callback) -> None:
        """Take up a suspended transaction: the callback runs, as a failure callback, before this returns.

        It does not run when the transaction is no longer there or was cancelled.
        """
        ...

    def relay(self) -> bool:
        """Forward to the Request-URI and to every branch added; False when not one could be sent."""
        ...

    def relay_failed(self) -> None:
        """Answer for a relay that failed (477, 408, … as the stack sees it)."""
        ...

    def call_back(
        self, *, reply: Callback | None, failure: Callback | None, branch: Callback | None = None
    ) -> None: ...
    def set_timers(self, *, answer_ms: int, silence_ms: int) -> None:
        """Longest wait for a final answer, and for any answer at all."""
        ...

    def cancel_others(self) -> None:
        """Cancel, without a Reason, every branch but that of the reply at hand."""
        ...

    def see_others_end(self, status: int) -> None:
        """An answer of one of several branches is at hand: once there is a 2xx, none of the others rings on."""
        ...

    def ignore_6xx(self) -> None:
        """A 6xx of one branch is to end that branch only (a hunt group's member speaks for itself)."""
        ...

    def remember(self, name: str, note: str) -> None:
        """Keep a note with the transaction; later callbacks recall it."""
        ...

    def recall(self, name: str) -> str:
        """A note, '' when there is none."""
        ...

    @property
    def caller_end(self) -> tuple[str, Flow]:
        """In a reply callback: the Contact URI of the request that is answered, and where that came from."""
        ...

    @property
    def branch(self) -> int:
        """Branch of the reply at hand; in a branch callback the one that is about to be sent."""
        ...

    @property
    def leaves_by(self) -> Flow:
        """In a branch callback: over what the branch that is about to be sent goes out; socket '': nobody has said."""
        ...

    @property
    def final_status(self) -> int:
        """In a failure callback: the status that would be sent upstream."""
        ...

    def final_header(self, name: str) -> str:
        """First value of a header field in the final answer that a failure callback is about, '' when there is none."""
        ...

    def drop_answers(self) -> None:
        """In a failure callback that goes on elsewhere: what has been answered so far is no longer the answer."""
        ...

    @property
    def is_unanswered(self) -> bool:
        """In a failure callback: nothing at all came from where the request was sent, not even 100."""
        ...

    @property
    def is_cancelled(self) -> bool: ...
    @property
    def is_known(self) -> bool:
        """The request belongs to an existing transaction: a retransmission, a CANCEL, an ACK of a negative answer."""
        ...

    @property
    def cancels(self) -> str:
        """Call-ID of the INVITE that the CANCEL at hand cancels, '' when there is none that came from its address."""
        ...

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        """Make a URI the next target, over a given flow or where the URI itself leads."""
        ...
