"""What the double of KSR knows of htable: tables of text in shared memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.support.fake_ksr_state import Part, yes

if TYPE_CHECKING:
    from tests.support.fake_ksr import FakeKsr

TABLES = ("refused", "hops", "asked")
"""Those that kamailio.cfg defines."""
NO_TABLE = {"sht_sets": -1, "sht_is_null": 2, "sht_rm": -1, "sht_lock": -1, "sht_unlock": -1}
Tables = defaultdict[str, dict[str, str]]


class Htable(Part):
    def __init__(self, fake: FakeKsr) -> None:
        super().__init__(fake)
        self._tables = fake.tables
        self._locked: set[tuple[str, str]] = set()
        self._iterators: dict[str, Iterator[tuple[str, str]]] = {}

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

    def sht_iterator_start(self, iterator: str, table: str) -> int:
        assert table in TABLES
        self._iterators[iterator] = iter(sorted(self._tables[table].items()))
        return 1

    def sht_iterator_next(self, iterator: str) -> int:
        name, value = next(self._iterators[iterator], (None, None))
        self._fake.message.variables[f"$shtitkey({iterator})"] = name
        self._fake.message.variables[f"$shtitval({iterator})"] = value
        return 1 if name is not None else -255

    def sht_iterator_end(self, iterator: str) -> int:
        del self._iterators[iterator]
        return 1

    def sht_lock(self, table: str, name: str) -> int:
        assert (table, name) not in self._locked, "locked twice"
        self._locked.add((table, name))
        return 1 if table in TABLES else NO_TABLE["sht_lock"]

    def sht_unlock(self, table: str, name: str) -> int:
        self._locked.remove((table, name))
        return 1 if table in TABLES else NO_TABLE["sht_unlock"]
