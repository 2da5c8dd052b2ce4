"""A watcher's subscription (RFC 6665): the dialog in which he is told."""

from __future__ import annotations

from dataclasses import dataclass

from kemi.lamps.document import CONTENT_TYPE
from kemi.sip.flow import Flow

REJECTED, NO_RESOURCE, TIMEOUT = "rejected", "noresource", "timeout"
"""RFC 6665 §4.1.3: may no longer watch; the account is gone; it expired or was given up."""
BURST = 3


@dataclass(slots=True)
class Subscription:
    """What it takes to send a NOTIFY. The four counts change, the rest follows each SUBSCRIBE."""

    key: str
    domain: str
    number: str
    """The account that is watched."""
    watcher: str
    """Extension number."""
    call_id: str
    local: str
    """From of a NOTIFY, with its tag."""
    remote: str
    """To of a NOTIFY, with its tag."""
    contact: str
    """This node's."""
    target: str
    """URI of the watcher's Contact."""
    flow: str
    """Where his SUBSCRIBE came from (Flow)."""
    routes: str
    """Route set towards him, a hop a line."""
    event: str
    """Value of Event: an id must come back (RFC 6665 §8.2.1)."""
    expires_at_s: float
    """By this node's clock, since 1970."""
    remote_cseq: int
    """Of his last SUBSCRIBE."""
    cseq: int = 0
    """Of the last NOTIFY."""
    version: int = -1
    """Of the last document."""

    @property
    def next_hop(self) -> Flow:
        return Flow.parse(self.flow)

    def headers(self, state: str) -> tuple[str, ...]:
        """Header lines of a NOTIFY. state: value of Subscription-State."""
        return (
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} NOTIFY",
            *(f"Route: {route}" for route in self.routes.splitlines()),
            f"Contact: {self.contact}",
            f"Event: {self.event}",
            f"Subscription-State: {state}",
            f"Content-Type: {CONTENT_TYPE}",
        )


class Pace:
    """RFC 4235 §3.10: one NOTIFY in `gap_s`, though up to three may follow one another at once after a quiet time."""

    __slots__ = ("_gap_s", "_paid_until_s")

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._paid_until_s = 0.0

    def allows(self, now_s: float) -> bool:
        return self._paid_until_s - now_s <= self._gap_s * (BURST - 1)

    def sent(self, now_s: float) -> None:
        self._paid_until_s = max(self._paid_until_s, now_s) + self._gap_s
