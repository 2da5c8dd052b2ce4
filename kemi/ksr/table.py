"""What is read of a whole htable."""

from __future__ import annotations

import KSR

ITERATOR = "entries"


def entries(table: str) -> list[tuple[str, str]]:
    """Names and values, as they are at one moment or another."""
    found: list[tuple[object, object]] = []
    # A part of the table is locked meanwhile: nothing here may raise.
    KSR.htable.sht_iterator_start(ITERATOR, table)
    while KSR.htable.sht_iterator_next(ITERATOR) > 0:
        found.append((KSR.pv.get(f"$shtitkey({ITERATOR})"), KSR.pv.get(f"$shtitval({ITERATOR})")))
    KSR.htable.sht_iterator_end(ITERATOR)
    return [(str(name), str(value)) for name, value in found]
