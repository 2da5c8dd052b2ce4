"""What the double of KSR knows of htable: tables of text in shared memory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.support.fake_ksr_state import Part, yes

if TYPE_CHECKING:
    from tests.support.fake_ksr import FakeKsr

TABLES = ("refused", "hops")
"""Those that kamailio.cfg defines."""
NO_TABLE = {"sht_sets": -1, "sht_is_null": 2, "sht_rm": -1, "sht_lock": -1, "sht_unlock": -1}
Tables = defaultdict[str, dict[str, str]]


class Htable(Part):
    def __init__(self, fake: FakeKsr) -> None:
        super().__init__(fake)
        self._tables = fake.tables
        self._locked: set[tuple[str, str]] = set()

    def sht_sets(self, table: str, name: str, value: str) -> int:
        if table not in TABLES:
            return NO_TABLE["sht_sets"]
        self._tables[table][name] = value
        return 1

    def sht_is_null(self, table: str, name: str) -> int:
        if table not in TABLES:
            return NO_TABLE["sht_is_null"]
        return yes(name not in self._tables[table])

    def sht_get(self, table: str, name: str) -> str | None:
        return self._tables[table].get(name) if table in TABLES else None

    def sht_rm(self, table: str, name: str) -> int:
        if table not in TABLES:
            return NO_TABLE["sht_rm"]
        self._tables[table].pop(name, None)
        return 1

    def sht_lock(self, table: str, name: str) -> int:
        assert (table, name) not in self._locked, "locked twice"
        self._locked.add((table, name))
        return 1 if table in TABLES else NO_TABLE["sht_lock"]

    def sht_unlock(self, table: str, name: str) -> int:
        self._locked.remove((table, name))
        return 1 if table in TABLES else NO_TABLE["sht_unlock"]
