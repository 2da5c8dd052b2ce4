"""Counts that all workers of the node share, in a Kamailio htable."""

from __future__ import annotations

import time

import KSR

NO_NUMBER = -255
"""htable's answer when it cannot count."""
BUDGET = "new"
BUDGET_S = 60


class KamailioCounters:
    """Implements kemi.abuse.counters.Counters.

    table: an htable of kamailio.cfg with autoexpire, updateexpire=0 and initval=0. new_a_minute: how many names may
    be begun in a minute, 0 for any number: whoever forges sources must not fill the shared memory.
    """

    def __init__(self, table: str, *, new_a_minute: int = 0) -> None:
        self._table = table
        self._new_a_minute = new_a_minute

    def add(self, name: str, *, keep_s: int) -> int:
        number = self._up(name)
        if number == 1:
            # Also for an old name: htable begins it anew when it counts past its end, but leaves that end as it is.
            KSR.htable.sht_setex(self._table, name, keep_s)
            if self._new_a_minute and self._begun() > self._new_a_minute:
                KSR.htable.sht_rm(self._table, name)
                return 0
        return max(0, number)

    def take(self, name: str) -> None:
        if self.value(name) > 0:
            KSR.htable.sht_dec(self._table, name)

    def value(self, name: str) -> int:
        number = KSR.htable.sht_get(self._table, name)
        return number if isinstance(number, int) else 0

    def put(self, name: str, number: int, *, keep_s: int) -> None:
        KSR.htable.sht_setxi(self._table, name, number, keep_s)

    def drop(self, name: str) -> None:
        KSR.htable.sht_rm(self._table, name)

    def _begun(self) -> int:
        """How many names were begun in this minute."""
        name = f"{BUDGET}{int(time.time()) // BUDGET_S % 3}"
        number = self._up(name)
        if number == 1:
            KSR.htable.sht_setex(self._table, name, BUDGET_S)
        return number

    def _up(self, name: str) -> int:
        number = int(KSR.htable.sht_inc(self._table, name))
        return 0 if number == NO_NUMBER else number
