"""When everybody acts in one run of a crossing: spread evenly over all that is possible, and alike each time."""

from __future__ import annotations

import math
from dataclasses import dataclass

_STEPS = tuple(math.sqrt(prime) for prime in (2, 3, 5, 7, 11, 13, 17, 19))
SLOWEST_MS = 10.0
"""Longest that a phone takes to do what it does by itself."""


@dataclass(frozen=True, slots=True)
class Moments:
    """All in ms."""

    offset_ms: float
    """The other event, after the picker's INVITE."""
    accepts_after_ms: float
    """The caller's phone answers a Replaces, after that came."""
    cancels_after_ms: float
    """The caller's phone cancels its old call, after it has accepted a Replaces."""
    takes_after_ms: float
    """The picker's phone answers what is sent to it, after that came."""
    rings_first: bool
    """It sends 180 before, and the caller's phone 100 before it answers a Replaces."""
    ends_second_answers: bool
    """The caller's phone ends another phone's answer to an INVITE that was answered; else it keeps it."""
    accepts_after_giving_up: bool
    """The caller's phone accepts a Replaces for a call that its human has given up and that has not ended yet."""
    ends_by_answer: bool
    """A call that rings on is answered at last; else its caller gives up."""
    caller_ends: bool
    """The caller says BYE at last; else the other end does."""


def moments(run: int, least_ms: float, most_ms: float) -> Moments:
    """Of one run. least_ms, most_ms: the window of the offset."""
    # Multiples of irrational numbers fill every window evenly, in however many dimensions.
    shares = [(run + 1) * step % 1.0 for step in _STEPS]

    def reaction_ms(share: float) -> float:
        return max(0.0, share * 1.5 - 0.5) * SLOWEST_MS

    return Moments(
        offset_ms=least_ms + (most_ms - least_ms) * shares[0],
        accepts_after_ms=reaction_ms(shares[1]),
        cancels_after_ms=reaction_ms(shares[2]),
        takes_after_ms=reaction_ms(shares[3]),
        rings_first=shares[4] < 0.5,
        ends_second_answers=shares[5] < 0.5,
        accepts_after_giving_up=shares[6] < 0.5,
        ends_by_answer=shares[7] < 0.5,
        caller_ends=run % 2 == 0,
    )
