"""The pickup record: one entry for each attempt, refusals too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PickupEvent:
    """What came of one `*87`. Times in ms; texts are empty and numbers 0 where nothing was found."""

    domain: str
    picker: str
    dialled: str
    """Number after the code; empty: general."""
    outcome: str
    """`picked_up`, or the outcome of a PickupRefused, or `cancelled`."""
    status: int
    """Final status that the picker's phone got."""
    mode: str = ""
    """`replaces` or empty."""
    account: str = ""
    kind: str = ""
    caller: str = ""
    call_id: str = ""
    tried: int = 0
    """How many calls it was sent after; 0: the call that is named could not be sent to."""
    waited_ms: int = 0
    """How long the call had been ringing when it was claimed."""
    took_ms: int = 0
    """From the picker's INVITE to the final answer."""
    at_ms: int = 0
    """When, in ms since 1970, by the store's clock (set by the store)."""
    id: str = ""
    """Name in the record (set by the store)."""

    def as_json(self) -> dict[str, Any]:
        """The shape of `star87 events --json`."""
        return asdict(self)
