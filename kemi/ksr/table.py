"""What is read of a whole htable."""

from __future__ import annotations

from collections.abc import Callable

import KSR

ITERATOR = "entries"


def entries(table: str) -> list[tuple[str, str]]:
    """Names and values, as they are at one moment or another."""
    values = f"$shtitval({ITERATOR})"
    return [(name, str(value)) for name, value in _each(table, lambda: KSR.pv.get(values))]


def names(table: str) -> list[str]:
    """The names alone."""
    return [name for name, _ in _each(table, lambda: None)]


def _each(table: str, value: Callable[[], object]) -> list[tuple[str, object]]:
    found: list[tuple[object, object]] = []
    # A part of the table is locked meanwhile: nothing here may raise.
    KSR.htable.sht_iterator_start(ITERATOR, table)
    while KSR.htable.sht_iterator_next(ITERATOR) > 0:
        found.append((KSR.pv.get(f"$shtitkey({ITERATOR})"), value()))
    KSR.htable.sht_iterator_end(ITERATOR)
    return [(str(name), value) for name, value in found]
