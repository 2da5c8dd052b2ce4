"""What came of the runs of a crossing, and what is wrong with a run that does not settle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.races.crossings import Crossing
from tests.support.races.device import End

DOUBLE_ANSWER, LOST_CALL, STUCK_RINGING = "double_answer", "lost_call", "stuck_ringing"


@dataclass
class Line:
    """All runs of a crossing in one mode."""

    crossing: Crossing
    mode: str
    runs: int = 0
    double_answers: int = 0
    lost_calls: int = 0
    left_keys: int = 0
    stuck_ringing: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    settled_ms_most: float = 0.0
    """Longest that it took until nothing was under way any more, from the moment at which both things were planned."""
    told: list[str] = field(default_factory=list)
    """The first runs that went wrong, message by message."""

    def has(self, faults: Sequence[str]) -> None:
        """Count what was wrong with one run."""
        self.double_answers += DOUBLE_ANSWER in faults
        self.lost_calls += LOST_CALL in faults
        self.stuck_ringing += STUCK_RINGING in faults

    def expects(self, outcome: str) -> bool:
        return outcome in (*self.crossing.expected[self.mode], *self.crossing.allowed.get(self.mode, ()))

    @property
    def is_sound(self) -> bool:
        counted = self.double_answers or self.lost_calls or self.left_keys or self.stuck_ringing
        return not counted and all(self.expects(outcome) for outcome in self.outcomes)

    @property
    def was_forced(self) -> bool:
        """Everything that may come of it has come of some runs: the moments did cross."""
        return all(self.outcomes[outcome] for outcome in self.crossing.expected[self.mode])

    def as_json(self) -> dict[str, Any]:
        return {
            "crossing": self.crossing.name,
            "mode": self.mode,
            "runs": self.runs,
            "double_answers": self.double_answers,
            "lost_calls": self.lost_calls,
            "left_keys": self.left_keys,
            "stuck_ringing": self.stuck_ringing,
            "outcomes": dict(sorted(self.outcomes.items())),
            "settled_ms_most": round(self.settled_ms_most, 1),
            "seconds": round(self.seconds, 1),
        }


def total(lines: Sequence[Line], seconds: float) -> dict[str, Any]:
    """The sums, as the last JSON line."""
    names = ("runs", "double_answers", "lost_calls", "left_keys", "stuck_ringing")
    return {
        "total": len(lines),
        **{name: sum(getattr(line, name) for line in lines) for name in names},
        "seconds": round(seconds, 1),
    }


def judge(
    near_ends: Sequence[End], far_ends: Sequence[End], *, rings: bool, caller_waits: bool, unacknowledged: bool
) -> list[str]:
    """What is wrong with a call that does not settle.

    near_ends, far_ends: the dialogs that the caller's phone believes to have, and the other phones with it.
    rings: a phone rings. caller_waits: the caller's INVITE has no final answer. unacknowledged: a 2xx got no ACK.
    """
    faults = []
    if max(len(near_ends), len(far_ends)) > 1:
        faults.append(DOUBLE_ANSWER)
    if unacknowledged or (rings and not caller_waits):
        faults.append(STUCK_RINGING)
    return faults or [LOST_CALL]
