"""The state store as a node's processes use it, with what they wait for it counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kemi.errors import StoreUnavailable
from kemi.metrics import catalogue
from kemi.metrics.meter import Meter
from kemi.store.commands import Commands
from kemi.store.links import Word

OPEN_NS = 5_000_000_000
"""How long after a failure a process counts as one with an open breaker: it may have nothing to ask meanwhile."""


class Metered:
    """Implements Commands by others."""

    def __init__(self, commands: Commands, meter: Meter) -> None:
        self._commands, self._meter = commands, meter
        self.post, self.hold = commands.post, commands.hold
        self.load_functions, self.close = commands.load_functions, commands.close
        self.doubt, self.doubted = commands.doubt, commands.doubted

    def call(self, *words: Word) -> Any:
        return self._timed(lambda: self._commands.call(*words))

    def decide(self, operation: str, key: str, *args: Word) -> Any:
        return self._timed(lambda: self._commands.decide(operation, key, *args))

    def fcall(self, operation: str, key: str, *args: Word) -> Any:
        return self._timed(lambda: self._commands.fcall(operation, key, *args))

    @property
    def is_resting(self) -> bool:
        return self._commands.is_resting

    def pay(self) -> None:
        self._told(self._commands.pay)

    def settle(self) -> None:
        """Nobody waits for it, and often there is nothing to do."""
        self._told(self._commands.settle)

    def _timed(self, act: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        answer = self._told(act)
        self._meter.observe(catalogue.OPERATION_SECONDS, time.perf_counter() - began)
        return answer

    def _told(self, act: Callable[[], Any]) -> Any:
        """What it returns; what it raises is counted."""
        rested = self._commands.is_resting
        try:
            return act()
        except StoreUnavailable:
            self._meter.count(catalogue.NOT_ASKED if rested else catalogue.FAILURES)
            if self._commands.is_resting:
                self._meter.put(catalogue.BREAKER, time.monotonic_ns() + OPEN_NS)
            raise
