"""The pickup record: one entry for each attempt, refusals too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

PICKED_UP = "picked_up"
BY_REPLACES = "replaces"
BY_CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class PickupEvent:
    """What came of one `*87`, or of a Replaces that a phone sent of its own accord.

    Times in ms; texts are empty and numbers 0 where nothing was found.
    """

    domain: str
    picker: str
    dialled: str
    """Number after the code; empty: general."""
    outcome: str
    """`picked_up`, or the outcome of a PickupRefused, `cancelled`, or `replaces_denied`: an answered call of others."""
    status: int
    """Final status that the picker's phone got."""
    mode: str = ""
    """`replaces` or empty."""
    by: str = ""
    """`replaces`: the phone named the call itself (RFC 3891); `console`: asked for in the browser or by the API, which
    got the status; empty: the code was dialled."""
    account: str = ""
    kind: str = ""
    caller: str = ""
    call_id: str = ""
    tried: int = 0
    """How many calls it was sent after; 0: the call that is named could not be sent to."""
    waited_ms: int = 0
    """How long the call had been ringing when it was claimed."""
    rang: tuple[str, ...] = ()
    """The extensions that the call rang when it was claimed."""
    took_ms: int = 0
    """From the picker's INVITE to the final answer."""
    at_ms: int = 0
    """When, in ms since 1970, by the store's clock (set by the store)."""
    id: str = ""
    """Name in the record (set by the store)."""

    @property
    def answered_by(self) -> str:
        """The extension that got the call by this attempt; empty: none did."""
        return self.picker if self.outcome == PICKED_UP else ""

    def concerns(self, number: str) -> bool:
        """Whether an extension did this itself, or another one answered what rang it."""
        return self.picker == number or (bool(self.answered_by) and number in self.rang)

    def as_json(self) -> dict[str, Any]:
        """The shape of `star87 events --json`."""
        return {**asdict(self), "rang": list(self.rang), "answered_by": self.answered_by}
