"""What the node sends to itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from kemi.sip.flow import Flow


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
