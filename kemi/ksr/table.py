"""What is read of a whole htable, and what is done to it by one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import KSR

ITERATOR = "entries"


@contextmanager
def locked(table: str, name: str) -> Iterator[None]:
    """Meanwhile no other process changes what stands there under this name."""
    KSR.htable.sht_lock(table, name)
    try:
        yield
    finally:
        KSR.htable.sht_unlock(table, name)


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
