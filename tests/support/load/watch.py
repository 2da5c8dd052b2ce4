"""The memory of a node of one's own, moment by moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.support.load.cost import Memory, memory_of
from tests.support.load.ground import Meter
from tests.support.node import Node
from tests.support.until import until

TABLES = ("names", "refused", "abuse")
"""Shared tables whose entries outlive a call (who has proved himself is known for two hours), and may be emptied while
there is none."""
REST_WITHIN_S, KEYS_WITHIN_S = 60.0, 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """at: minutes since the watch began. Memory in bytes; private and pkg by process id."""

    at: float
    processes: dict[int, Memory]
    pkg: dict[int, int]
    shm_used: int
    shm_real: int
    """With what its allocator takes for itself."""
    entries: int
    """In the shared tables, which forget them after minutes."""
    transactions: int
    redis_used: int
    redis_keys: int
    failed: int


@dataclass(frozen=True, slots=True)
class Rest:
    """A node after its last transaction, with empty tables. entry_bytes: what an entry of a table took."""

    shm_used: int
    redis_used: int
    left_keys: int
    entry_bytes: float
    transactions: int = 0
    """Those that did not end."""


class Watch:
    """Looks at one node; `failed` tells how many calls have failed so far."""

    def __init__(self, node: Node, domain: str, now: Callable[[], float], failed: Callable[[], int]) -> None:
        """now: seconds of a clock that never goes back."""
        self._node, self._domain, self._now, self._failed = node, domain, now, failed
        self._meter = Meter(node)
        self._began = now()
        self.samples: list[Sample] = []
        self.names = node.processes()

    def look(self) -> None:
        shm = numbers(self._node.kamcmd("core.shmmem"))
        used, keys = self._meter.redis_memory()
        self.samples.append(
            Sample(
                at=(self._now() - self._began) / 60,
                processes={pid: memory_of(pid) for pid in self.names},
                pkg=pkg_used(self._node.kamcmd("pkg.stats")),
                shm_used=shm["used"],
                shm_real=shm["real_used"],
                entries=self._entries(),
                transactions=self._transactions(),
                redis_used=used,
                redis_keys=keys,
                failed=self._failed(),
            )
        )

    def rest(self) -> Rest:
        """Wait for the end of every transaction and of what calls leave for seconds, and empty the tables."""
        with suppress(AssertionError):
            until(lambda: not self._transactions(), within_s=REST_WITHIN_S)
        with suppress(AssertionError):
            until(lambda: not self._node.left_keys(self._domain), within_s=KEYS_WITHIN_S)
        transactions, left = self._transactions(), len(self._node.left_keys(self._domain))
        entries, before = self._entries(), self._shm()
        for table in TABLES:
            self._node.kamcmd("htable.flush", table)
        freed, after = entries - self._entries(), self._shm()
        used, _ = self._meter.redis_memory()
        return Rest(after, used, left, (before - after) / freed if freed > 0 else 0.0, transactions)

    def _shm(self) -> int:
        return numbers(self._node.kamcmd("core.shmmem"))["used"]

    def _entries(self) -> int:
        return table_entries(self._node.kamcmd("htable.stats"))

    def _transactions(self) -> int:
        return numbers(self._node.kamcmd("tm.stats"))["current"]


def numbers(told: str) -> dict[str, int]:
    """What kamcmd prints as `name: number` lines."""
    return {name: int(value) for name, value in re.findall(r"^\s*([\w-]+): (\d+)\s*$", told, re.MULTILINE)}


def pkg_used(told: str) -> dict[int, int]:
    """Of `kamcmd pkg.stats`: bytes in use by process id."""
    return {int(pid): int(used) for pid, used in re.findall(r"pid: (\d+)\s+rank: -?\d+\s+used: (\d+)", told)}


def table_entries(told: str) -> int:
    """Of `kamcmd htable.stats`: entries of all tables of TABLES."""
    found = re.findall(r"name: (\w+)\s+slots: \d+\s+all: (\d+)", told)
    return sum(int(count) for name, count in found if name in TABLES)
