"""What the proxy's rules ask of the SIP stack. `kemi.ksr` answers with Kamailio; nothing here does I/O.

All of it is about the message that the worker has at hand.
"""

from __future__ import annotations

from enum import Enum, StrEnum
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


class Proof(Enum):
    """What credentials are worth (RFC 2617 §3.2.2)."""

    GOOD = "good"
    WRONG = "wrong"
    """The password is not the user's."""
    STALE = "stale"
    """The nonce is old or used up; of the password nothing is known."""
    NONE = "none"
    """They say nothing: the nonce is not this node's."""


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
    def is_own(self) -> bool:
        """It comes from a listen socket of this node: it passes through here once more."""
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
    def source(self) -> tuple[str, int]:
        """Address and port that the message came from."""
        ...

    @property
    def flow(self) -> Flow:
        """Where the message came from, and by what."""
        ...

    @property
    def fingerprint(self) -> str:
        """The same for messages that are alike byte for byte, as retransmissions are (RFC 3261 §17.1.1.2)."""
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

    def keep_connection(self) -> None:
        """The message is from somebody who is served here: its connection, if it came by one, may be idle for long."""
        ...

    def keep_flow(self, *, nearest: bool = False) -> None:
        """See that requests to the Contact of this message come back over the flow by which it came (RFC 5626 §5.3).

        Nothing is done where the Contact leads there anyhow, or when another proxy stands between. nearest: none does,
        though the message has come by one (this node itself).
        """
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


class Location(Protocol):
    """Where the extensions of this node are registered."""

    def save(self) -> bool:
        """Carry out the REGISTER at hand and answer it; False when it was refused (and answered)."""
        ...

    def ring(self, number: str, domain: str, *, first: bool) -> int:
        """Add a branch for each contact of an extension; first: no branch has been added yet. Returns how many."""
        ...

    def is_registered(self, number: str, domain: str) -> bool: ...
    def send_elsewhere(self) -> None:
        """In a branch callback: send a branch over a flow that another node holds there, with a note (device_note).

        One that has died since has no such branch.
        """
        ...

    def devices(self, number: str, domain: str) -> tuple[str, ...]:
        """The devices (Flow.device) that an extension has registered here; a WebSocket under both its names."""
        ...


class Errand(StrEnum):
    """What a process that has no request at hand has a worker do."""

    PICK_UP = "pick-up"
    """For a console (pickup/console.py)."""
    ANSWER = "answer"
    """Another INVITE; words: its Call-ID and CSeq, status and reason, packed."""


class Spiral(Protocol):
    """The way of a request by this node itself (RFC 3261 §6), which gives one branch timers and headers of its own."""

    def add_branch(self, transaction: str) -> bool:
        """Add to another transaction of this node a branch to the Contact of the request at hand, by way of this node.

        False when that transaction has ended, or none could be added.
        """
        ...

    def is_open(self, transaction: str) -> bool:
        """Whether another transaction of this node has had no final answer yet, and was not cancelled."""
        ...

    def aim(self, uri: str) -> None:
        """Make a URI the next target, by way of this node."""
        ...

    def begin(self, method: str, uri: str, next_hop: Flow, headers: tuple[str, ...], body: str = "") -> None:
        """Send a request of the node's own inside a dialog. headers: whole lines, with From, To, Call-ID and CSeq."""
        ...

    def end_branch(self, status: int, reason: str) -> None:
        """Let the transaction that the reply at hand belongs to see a negative final answer in its place."""
        ...

    def send_errand(self, kind: Errand, words: str) -> None:
        """Have a worker do something, with a request of the node's own at hand. words: one line of ASCII."""
        ...

    def answer(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        """Have a worker answer an INVITE of this node (Transaction.answer_another)."""
        ...

    def errand(self) -> tuple[Errand, str] | None:
        """What `send_errand` sent the request at hand for; None for any other."""
        ...

    def is_return(self) -> bool:
        """The request at hand comes from this node itself."""
        ...

    def goes_on(self) -> bool:
        """Aim a request that came by way of this node where `begin` said that it goes; False for any other."""
        ...

    def is_from_here(self) -> bool:
        """The reply at hand answers a request that went by way of this node."""
        ...
