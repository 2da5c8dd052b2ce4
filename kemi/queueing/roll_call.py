"""What a node does for those who wait at it whatever became of the store: they hear so again, and are in line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter

from kemi.accounts.directory import Directory
from kemi.accounts.model import AgentGroup
from kemi.dialogs.own_calls import Standing
from kemi.queueing.queue import QueueStore
from kemi.queueing.waiter import Waiter, Waiters
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.sip.ports import Spiral

QUEUED = (182, "Queued")
EVERY_S = 2.0
"""Less than a mark of a call that is over stays in the store (store/lua/_line.lua: MARK_MS)."""
NOW_S = 0.0
OF_TENANT = attrgetter("domain")


class RollCall:
    """Belongs to the process that dispatches. is_taken: whether a call is somebody's already."""

    def __init__(
        self,
        waiters: Waiters,
        spiral: Spiral,
        store: QueueStore,
        is_taken: Callable[[DialogId], bool],
        settings: Settings,
    ) -> None:
        self._waiters = waiters
        self._spiral = spiral
        self._store = store
        self._is_taken = is_taken
        self._repeat_s = settings.queue_repeat_ms / 1000
        self._every_s = min(EVERY_S, self._repeat_s / 2)
        self._says_at_s = self._calls_at_s = NOW_S
        self._said_s: dict[str, float] = {}
        self._offered: set[str] = set()
        """Who was offered to agents, by the store's account, when he waited here at the roll call before."""

    def repeat(self) -> None:
        """Have those told once more that they wait who have not heard it for long (RFC 3261 §13.3.1.1)."""
        now_s = time.monotonic()
        if now_s < self._says_at_s:
            return
        self._says_at_s = now_s + self._every_s
        said_s: dict[str, float] = {}
        for waiter in self._all():
            last_s = self._said_s.get(waiter.name, now_s)
            if now_s - last_s >= self._repeat_s - self._every_s:
                self._spiral.answer(waiter.caller.dialog.call_id, waiter.cseq, *QUEUED)
                last_s = now_s
            said_s[waiter.name] = last_s
        self._said_s = said_s

    def doubt(self) -> None:
        """The store was away: what it knows is looked at as soon as it is back."""
        self._calls_at_s = NOW_S

    def call(self, directory: Directory) -> None:
        """See that the store knows who waits here. Raises StoreUnavailable; then it is to be called again."""
        now_s = time.monotonic()
        if now_s < self._calls_at_s:
            return
        offered: set[str] = set()
        for domain, waiters in groupby(sorted(self._all(), key=OF_TENANT), key=OF_TENANT):
            offered.update(self._in_tenant(directory, domain, tuple(waiters)))
        self._offered = offered
        self._calls_at_s = now_s + self._every_s

    def _in_tenant(self, directory: Directory, domain: str, waiters: tuple[Waiter, ...]) -> Iterable[str]:
        here_us = time.monotonic_ns() // 1000
        there_us, standings = self._store.standings(domain, [waiter.caller.dialog.key for waiter in waiters])
        for waiter, standing in zip(waiters, standings, strict=True):
            if standing is Standing.OVER or self._is_taken(waiter.caller.dialog):
                # Somebody has him; his phone has yet to end this call.
                self._waiters.let_go(waiter.name)
            elif standing is Standing.MISSING:
                # The two clocks are compared once for all, lest they change places.
                self._stand_again(directory, waiter, there_us - (here_us - waiter.since_us))
            elif standing is Standing.OFFERED:
                if waiter.name in self._offered:
                    # Nobody rings for him: the store was away when he came back, or when his node was told.
                    self._store.missed(domain, waiter.caller.dialog, in_vain=False, pause_s=0)
                yield waiter.name

    def _stand_again(self, directory: Directory, waiter: Waiter, at_us: int) -> None:
        group = directory.account(waiter.domain, waiter.number)
        if isinstance(group, AgentGroup) and self._waiters.is_held(waiter.name):
            entry = waiter.entry(group, directory.settings(waiter.domain))
            self._store.stand_again(entry, at_us, waiter.tag)

    def _all(self) -> list[Waiter]:
        return [Waiter.unpack(words) for words in self._waiters.all()]
