"""What is worth keeping of a tenant's state: agents' duty, statistics of agent groups, the pickup record.

What rings, waits and talks is not: it is over before anybody could put it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kemi.store import keys
from kemi.store.answers import text, texts
from kemi.store.commands import Commands
from kemi.store.queues import Queues

AT_ONCE = 1000
"""Entries of the record that are read at once."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One tenant's part of a backup."""

    logged_in: dict[str, bool]
    """Agent → whether he takes calls."""
    statistics: dict[str, dict[str, int]]
    """Agent group → statistic → number."""
    record: list[list[str]]
    """Entries, oldest first: id, then field, value, …"""


class Backups:
    """All operations are awaited and raise StoreUnavailable."""

    def __init__(self, connection: Commands, queues: Queues) -> None:
        self._redis = connection
        self._queues = queues

    def read(self, domain: str, agents: Sequence[str], groups: Sequence[str]) -> Kept:
        """What there is of these agents and agent groups, and of the tenant's record."""
        roster = self._queues.roster(domain, agents, groups)
        return Kept(
            {agent.number: agent.logged_in for agent in roster.agents},
            {group.number: group.statistics for group in roster.groups if group.statistics},
            self._record(domain),
        )

    def restore(self, domain: str, kept: Kept) -> int:
        """Put it back, at once; the record only where there is none. Returns how many of its entries were."""
        words: list[str | int] = [len(kept.logged_in)]
        for agent, is_in in kept.logged_in.items():
            words += [agent, int(is_in)]
        figures = [(group, *pair) for group, names in kept.statistics.items() for pair in names.items()]
        words.append(len(figures))
        for figure in figures:
            words += figure
        for identity, *entry in kept.record:
            words += [identity, len(entry), *entry]
        return int(self._redis.fcall("restore", keys.tenant(domain), *words))

    def _record(self, domain: str) -> list[list[str]]:
        found: list[list[str]] = []
        start = "-"
        while True:
            answer = self._redis.call("XRANGE", keys.events(domain), start, "+", "COUNT", AT_ONCE)
            found += [[text(identity), *texts(words)] for identity, words in answer]
            if len(answer) < AT_ONCE:
                return found
            start = f"({found[-1][0]}"
