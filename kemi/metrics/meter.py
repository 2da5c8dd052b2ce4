"""Counting, as the processes of a node do it: one addition in memory, no lock, no system call."""

from __future__ import annotations

import json
import os
from array import array
from bisect import bisect_left
from collections.abc import MutableSequence

from kemi.metrics.catalogue import BUCKETS_S, DROPPED, OTHER, Series
from kemi.metrics.cells import Cells

SPARE = 256


class Meter:
    """What this process counts. Before `open` it goes nowhere.

    folder: of the node's counts, with a file for each process.
    domains: how many tenants get series of their own; the others share OTHER's.
    """

    def __init__(self, folder: str, domains: int) -> None:
        self._folder, self._domains_most = folder, domains
        self._domains: set[str] = set()
        self._at: dict[tuple[str, ...], int] = {}
        self._cells: Cells | None = None
        self._values: MutableSequence[int] = array("Q", [0] * (len(BUCKETS_S) + 2))

    def open(self) -> None:
        """Once in each process, after the fork. Raises OSError; what is counted then goes nowhere."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._cells = Cells(f"{self._folder}/{os.getpid()}")
        self._values = self._cells.values  # type: ignore[assignment]  # a view that is written to
        self._at = {}
        for number, name in enumerate(self._cells.names):
            self._at.setdefault(tuple(json.loads(name)), number)
        self.count(DROPPED, more=0)

    def count(self, series: Series, *labels: str, more: int = 1) -> None:
        """One more, or so many."""
        key = (series.name, *labels)
        at = self._at.get(key)
        self._values[self._begin(key, ()) if at is None else at] += more

    def observe(self, series: Series, seconds: float, *labels: str) -> None:
        """A time, into a histogram: its buckets' cells, and one of the sum in µs."""
        key = (series.name, *labels)
        at = self._at.get(key)
        if at is None:
            at = self._begin(key, ("sum", *map(str, BUCKETS_S), "+Inf"))
        self._values[at] += int(seconds * 1_000_000)
        self._values[at + 1 + bisect_left(BUCKETS_S, seconds)] += 1

    def put(self, series: Series, number: int) -> None:
        """This is how it is."""
        key = (series.name,)
        at = self._at.get(key)
        self._values[self._begin(key, ()) if at is None else at] = number

    def domain(self, name: str) -> str:
        """The label of a tenant."""
        if name not in self._domains:
            if len(self._domains) >= self._domains_most:
                return OTHER
            self._domains.add(name)
        return name

    def _begin(self, key: tuple[str, ...], parts: tuple[str, ...]) -> int:
        if self._cells is None:
            return 0
        names = [json.dumps([*key, part]) for part in parts] or [json.dumps(key)]
        # Only the labels of counters may grow; histograms find room.
        at = self._cells.begin(names, spare=0 if parts else SPARE)
        if at < 0:
            return self._at[DROPPED.name,]
        self._at[key] = at
        return at
