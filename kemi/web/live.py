"""What rings now, for all who watch: one look at a domain every POLL_S seconds, however many browsers there are."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kemi.dialogs.record import CallRecord
from kemi.errors import NotProvisioned, StoreUnavailable
from kemi.pickup.event import PickupEvent
from kemi.store.calls import Survey
from kemi.web.asking import Asking
from kemi.web.in_force import InForce

POLL_S = 0.25
BEAT_S = 10.0
"""A watcher hears something at least so often: else a dead connection would look like a quiet one."""
ENTRIES_KEPT = 200


@dataclass
class Domain:
    """A watched domain as it was seen last."""

    calls: tuple[CallRecord, ...] = ()
    now_ms: int = 0
    """Of that look, by the store's clock, in ms since 1970."""
    is_known: bool = False
    is_away: bool = False
    """The store does not answer."""
    version: int = 0
    """Of the provisioning document that was in force then."""
    entries: deque[tuple[int, PickupEvent]] = field(default_factory=lambda: deque(maxlen=ENTRIES_KEPT))
    """New entries of the record, numbered."""
    count: int = 0
    last_entry: str = ""
    watchers: set[asyncio.Event] = field(default_factory=set)

    @property
    def picture(self) -> tuple[object, ...]:
        """What watchers are told anew when it has changed."""
        return self.calls, self.is_known, self.is_away, self.version, self.count

    def since(self, count: int) -> list[PickupEvent]:
        return [entry for number, entry in self.entries if number > count]

    def add(self, entries: list[PickupEvent]) -> None:
        for entry in entries:
            self.count += 1
            self.entries.append((self.count, entry))
            self.last_entry = entry.id


class Live:
    def __init__(self, asking: Asking, in_force: InForce) -> None:
        self._asking = asking
        self._in_force = in_force
        self._domains: dict[str, Domain] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._ending = False

    async def survey(self, domain: str) -> Survey:
        """The calls of a domain now; raises StoreUnavailable, NotProvisioned."""
        permits = self._in_force.directory.permission_ids(domain)
        return await self._asking(lambda store: store.calls.survey(domain, permits))

    async def watch(self, domain: str) -> AsyncIterator[Domain]:
        """The domain as it is now, then again whenever something has changed, and every BEAT_S seconds."""
        with self._watching(domain) as (seen, changed):
            while not self._ending:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), BEAT_S)
                changed.clear()
                if seen.is_known and not self._ending:
                    yield seen

    def end(self) -> None:
        """Let all watchers go."""
        self._ending = True
        for seen in self._domains.values():
            for changed in seen.watchers:
                changed.set()

    @contextmanager
    def _watching(self, domain: str) -> Iterator[tuple[Domain, asyncio.Event]]:
        seen = self._domains.setdefault(domain, Domain())
        changed = asyncio.Event()
        changed.set()
        seen.watchers.add(changed)
        if domain not in self._looking:
            self._looking[domain] = asyncio.create_task(self._look_again_and_again(domain, seen))
        try:
            yield seen, changed
        finally:
            seen.watchers.discard(changed)
            if not seen.watchers:
                self._looking.pop(domain).cancel()
                self._domains.pop(domain, None)

    async def _look_again_and_again(self, domain: str, seen: Domain) -> None:
        while True:
            if await self._look(domain, seen):
                for changed in seen.watchers:
                    changed.set()
            await asyncio.sleep(POLL_S)

    async def _look(self, domain: str, seen: Domain) -> bool:
        """Look once; whether anything is new."""
        before = seen.picture
        try:
            survey = await self.survey(domain)
            entries = await self._new_entries(domain, seen)
        except (StoreUnavailable, NotProvisioned):
            seen.is_known = seen.is_away = True
        else:
            seen.calls, seen.now_ms = survey.calls, survey.now_us // 1000
            seen.is_known, seen.is_away = True, False
            # Who may see what may have changed, and with it what each is to be shown of the same calls.
            seen.version = self._in_force.directory.version
            seen.add(entries)
        return before != seen.picture

    async def _new_entries(self, domain: str, seen: Domain) -> list[PickupEvent]:
        if seen.last_entry:
            after = seen.last_entry
            return await self._asking(lambda store: store.events.read(domain, after=after))
        newest = await self._asking(lambda store: store.events.latest(domain, count=1))
        # What was there before is asked for by itself.
        seen.last_entry = newest[-1].id if newest else "-"
        return []
