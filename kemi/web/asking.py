"""Asking the state store from an event loop: one question at a time, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from kemi.store import Store

T = TypeVar("T")


class Asking:
    """A store, which is for one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, question: Callable[[Store], T]) -> T:
        """The answer; raises StoreUnavailable."""
        async with self._one_at_a_time:
            # A question that nobody waits for any more must still end before the next begins.
            return await asyncio.shield(asyncio.to_thread(question, self._store))
