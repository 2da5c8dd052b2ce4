"""What the proxy's rules ask of the SIP stack. `kemi.ksr` answers with Kamailio; nothing here does I/O.

All of it is about the message that the worker has at hand.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from kemi.sip.flow import Flow


class Callback(StrEnum):
    """Names of the handler's methods that a transaction may be told to call."""

    CALL_REPLY = "ksr_reply_call"
    CALL_FAILURE = "ksr_failure_call"
    PICKUP_BRANCH = "ksr_branch_pickup"
    PICKUP_REPLY = "ksr_reply_pickup"
    PICKUP_FAILURE = "ksr_failure_pickup"
    RENEWED_REPLY = "ksr_reply_renewed"
    GATEWAY_FAILURE = "ksr_failure_gateway"
    QUEUE_RESUMED = "ksr_resumed_queue"
    QUEUE_FAILURE = "ksr_failure_queue"


class Message(Protocol):
    """The SIP message at hand: a request, or the reply that a callback is about."""

    @property
    def method(self) -> str: ...
    @property
    def status(self) -> int:
        """Status code of the reply at hand."""
        ...

    @property
    def ruri_user(self) -> str: ...
    @property
    def ruri_host(self) -> str:
        """In lower case."""
        ...

    @property
    def ruri_is_here(self) -> bool:
        """The Request-URI names a listen socket of this node."""
        ...

    @property
    def from_user(self) -> str: ...
    @property
    def from_host(self) -> str:
        """In lower case."""
        ...

    @property
    def from_display(self) -> str: ...
    @property
    def from_tag(self) -> str: ...
    @property
    def to_user(self) -> str: ...
    @property
    def to_host(self) -> str:
        """In lower case."""
        ...

    @property
    def to_tag(self) -> str: ...
    @property
    def call_id(self) -> str: ...
    @property
    def cseq(self) -> str:
        """Number of the CSeq."""
        ...

    @property
    def contact_uri(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def flow(self) -> Flow:
        """Where the message came from."""
        ...

    def header(self, name: str) -> str:
        """First value of a header field, '' when there is none."""
        ...

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every line of a header field, top to bottom."""
        ...

    def has_header(self, name: str) -> bool: ...
    def remove_header(self, name: str) -> None: ...
    def append_header(self, line: str) -> None:
        """Add a header line (without CRLF) to what is relayed."""
        ...


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
    def repeat_provisional(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        """Answer another transaction of this node provisionally once more."""
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
    def branch(self) -> int:
        """Branch of the reply at hand."""
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
        """Call-ID of the INVITE that the CANCEL at hand cancels, '' when there is none."""
        ...

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        """Make a URI the next target, over a given flow or where the URI itself leads."""
        ...


class Location(Protocol):
    """Where the extensions of this node are registered."""

    def save(self) -> bool:
        """Carry out the REGISTER at hand and answer it; False when it was refused (and answered)."""
        ...

    def ring(self, number: str, domain: str, *, first: bool) -> int:
        """Add a branch for each contact of an extension; first: no branch has been added yet. Returns how many."""
        ...

    def is_registered(self, number: str, domain: str) -> bool: ...
