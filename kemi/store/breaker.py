"""The circuit breaker: a store that failed is left alone for a while, so that a worker never queues up behind it.

What is said of it is said here, too: one line for each loss and return.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kemi.store.failures import Failure, told

REFUSED_SOONER = 10
"""A store that refuses is tried again so many times sooner than one that hangs."""
SILENT_S = 5.0
"""A store that goes and comes is not reported more often."""

Report = Callable[[str], None]


def unreported(_line: str) -> None:
    return None


class Breaker:
    """Whether a store is failing, and whether it is asked meanwhile.

    retry_ms: how long a store that failed is not asked again. report: gets the lines.
    """

    def __init__(self, retry_ms: int, report: Report = unreported) -> None:
        self.report = report
        self.is_failing = False
        """Whether the last operation failed for a reason that others share."""
        self._retry_s = retry_ms / 1000
        self.open_until_s = 0.0
        """When it closes, or closed last, by the monotonic clock."""
        self._said = False
        self._say_not_before_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nothing is sent for a moment."""
        return self.is_failing and time.monotonic() < self.open_until_s

    def open(self, failure: Failure) -> None:
        """Nothing is sent for as long as it is of no use to ask again; `lose` says why."""
        # A refusal costs nothing and may be asked for again soon; a wait costs the whole time-out.
        waits = failure in (Failure.SILENT, Failure.UNAUTHORIZED)
        self.open_until_s = time.monotonic() + (self._retry_s if waits else self._retry_s / REFUSED_SOONER)

    def lose(self, error: Exception, failure: Failure) -> None:
        """The store fails. It is asked all the same, unless the breaker has been opened."""
        if not self.is_failing:
            self.is_failing, self._said = True, False
        if not self._said and time.monotonic() >= self._say_not_before_s:
            self.report(told(error, failure))
            self._said, self._say_not_before_s = True, time.monotonic() + SILENT_S

    def recover(self) -> None:
        """The store that was failing did what it was asked."""
        self.is_failing = False
        if self._said:
            self.report("the state store is back")
