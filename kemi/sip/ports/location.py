"""Where phones are registered."""

from __future__ import annotations

from typing import Protocol


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
