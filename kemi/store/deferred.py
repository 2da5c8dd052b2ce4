"""The store as the workers of a node use it: what is only posted waits in their outbox.

It goes ahead of the next question of any of them, in one packet with it, or a process of the node's own delivers it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from kemi.errors import StoreUnavailable
from kemi.store import functions
from kemi.store.commands import Commands
from kemi.store.links import Word
from kemi.store.outbox import Outbox
from kemi.store.wire import packed

MISS_NOTHING = frozenset({"picked", "replaced"})
"""Operations that must see all that this node has posted, as those that `decide` does."""


class Deferred:
    """Implements Commands by others. outbox: made before the fork."""

    def __init__(self, commands: Commands, outbox: Outbox) -> None:
        self._commands = commands
        self._outbox = outbox
        self.pay, self.load_functions, self.close = commands.pay, commands.load_functions, commands.close
        self.doubt, self.doubted = commands.doubt, commands.doubted

    def call(self, *words: Word) -> Any:
        return self._asking(lambda: self._commands.call(*words))

    def decide(self, operation: str, key: str, *args: Word) -> Any:
        """Nothing that this node has posted is missed; raises StoreUnavailable when that is not done in time."""
        return self._asking(lambda: self._commands.decide(operation, key, *args), misses_nothing=True, or_fails=True)

    def fcall(self, operation: str, key: str, *args: Word) -> Any:
        return self._asking(
            lambda: self._commands.fcall(operation, key, *args), misses_nothing=operation in MISS_NOTHING
        )

    def post(self, operation: str, key: str, *args: Word) -> bool:
        """As Connection.post; what has been left in the outbox counts as sent."""
        command = packed(("FCALL", functions.name_of(operation), 1, key, *args))
        if self._outbox.put(command):
            return True
        try:
            # What lies there was posted before. One that is too long for it must not go ahead of that; where there is
            # no room nobody else may have sent anything for a while, and it is not waited for them.
            waits = not self._outbox.can_hold(command)
            return bool(self._asking(lambda: self._commands.post(operation, key, *args), misses_nothing=waits))
        except StoreUnavailable:
            return False

    @property
    def is_resting(self) -> bool:
        return self._commands.is_resting

    def hold(self, command: bytes) -> None:
        self._commands.hold(command)

    def settle(self) -> None:
        """See that all that this node has posted is done, whoever has taken it; raises StoreUnavailable."""
        self._asking(lambda: None, misses_nothing=True, or_fails=True)

    def deliver(self, wait_s: float) -> None:
        """Send what lies in the outbox, or comes there within wait_s seconds; what cannot be sent leaves a gap."""
        if self._outbox.wait(wait_s):
            self._outbox.gather()
            with contextlib.suppress(StoreUnavailable):
                self._asking(lambda: None)

    def _asking(self, ask: Callable[[], Any], *, misses_nothing: bool = False, or_fails: bool = False) -> Any:
        if self._commands.is_resting:
            # This process could only lose what another may well be able to send.
            return ask()
        posted = self._outbox.take(waits=misses_nothing)
        if posted is None and or_fails:
            # A call that has just begun to ring would be none, and one that was answered would ring.
            raise StoreUnavailable("what this node has recorded is not done yet")
        posted = posted or []
        try:
            for command in posted:
                self._commands.hold(command)
            answer = ask()
        except StoreUnavailable:
            if posted:
                # Another node of a cluster may be well: once the outbox is free, what is taken next must not overtake.
                with contextlib.suppress(StoreUnavailable):
                    self._commands.settle()
            raise
        else:
            if posted:
                # What a question has not taken along: it asked nothing, or another node of a cluster.
                self._commands.settle()
            return answer
        finally:
            self._outbox.done()
