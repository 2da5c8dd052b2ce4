"""The message at hand, and whose it is."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from kemi.sip.flow import Flow


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
