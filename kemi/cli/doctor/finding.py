"""What a check comes to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Worth a look; calls and pickups work."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check`: what was looked at. `remedy`: what to do about it, in one line; empty when it is well."""

    check: str
    state: State
    said: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The shape of each of `star87 doctor --json`."""
        return asdict(self)


def ok(check: str, said: str) -> Finding:
    return Finding(check, State.OK, said)


def note(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, State.NOTE, said, remedy)


def wrong(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, State.WRONG, said, remedy)
