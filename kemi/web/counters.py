"""The counts of kemi.abuse in the memory of this process: who tries passwords at the console."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 100_000
"""When strangers use them up, what they do is not counted; the oldest go first."""


class MemoryCounters:
    """Implements kemi.abuse.counters.Counters. now: seconds, monotonic."""

    def __init__(self, now: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._now = now
        self._most = most
        self._kept: dict[str, tuple[int, float]] = {}
        """Number and end of each name."""

    def add(self, name: str, *, keep_s: int) -> int:
        number, until_s = self._kept.get(name, (0, 0.0))
        if until_s <= self._now():
            number, until_s = 0, self._now() + keep_s
        self._put(name, number + 1, until_s)
        return number + 1

    def take(self, name: str) -> None:
        number = self.value(name)
        if number:
            self._kept[name] = (number - 1, self._kept[name][1])

    def value(self, name: str) -> int:
        number, until_s = self._kept.get(name, (0, 0.0))
        return number if until_s > self._now() else 0

    def put(self, name: str, number: int, *, keep_s: int) -> None:
        self._put(name, number, self._now() + keep_s)

    def drop(self, name: str) -> None:
        self._kept.pop(name, None)

    def _put(self, name: str, number: int, until_s: float) -> None:
        if name not in self._kept and len(self._kept) >= self._most:
            self._tidy()
        self._kept[name] = (number, until_s)

    def _tidy(self) -> None:
        now = self._now()
        self._kept = {name: kept for name, kept in self._kept.items() if kept[1] > now}
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
