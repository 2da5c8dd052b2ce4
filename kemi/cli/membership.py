"""A node's name in the registry of nodes, from before it starts until after it has ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from kemi.cli.outcome import CommandFailed
from kemi.cli.reach import open_named_store
from kemi.errors import StoreUnavailable
from kemi.nodes.peer import Peer
from kemi.nodes.registry import SECRET_BYTES
from kemi.settings import Settings
from kemi.store import Store

BOOT_FILE = "boot"
"""In the node's folder: the boot id of the run that had it last."""
NAME_FREE_WITHIN_S = 2.0
"""Beyond the silence after which a node is dead."""
KNOWN_WITHIN_S = 2.3
"""A beat of theirs and a look of their workers, and as much again for a busy host."""
POLL_S = 0.1


class Membership:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = Peer(settings.node, settings.boot, settings.peer)
        self._entered_s = 0.0

    def enter(self, store: Store, pause: Callable[[float], None]) -> None:
        """Take the node's name; raises CommandFailed when another living node has it, and what `pause` raises.

        A node that was killed has it no longer than `node_silence_ms`; one that was killed in this folder, no more.
        """
        boot = Path(self._settings.node_dir, BOOT_FILE)
        with contextlib.suppress(OSError):
            # Nobody else may run in this folder: that run has ended, however it did.
            store.nodes.depart(self._own.name, boot.read_text())
        deadline = time.monotonic() + self._settings.node_silence_ms / 1000 + NAME_FREE_WITHIN_S
        while not store.nodes.announce(self._own, token_hex(SECRET_BYTES)).accepted:
            if time.monotonic() >= deadline:
                raise CommandFailed(f"another living node on this state store is called {self._own.name!r}: say --node")
            pause(POLL_S)
        boot.write_text(self._own.boot)
        self._entered_s = time.monotonic()

    def await_known(self, pause: Callable[[float], None]) -> None:
        """Return when the other nodes have heard of this one: what rings here can be picked up there."""
        while self._entered_s and time.monotonic() < self._entered_s + KNOWN_WITHIN_S:
            pause(POLL_S)

    def leave(self, settings: Settings) -> None:
        """The node has ended: the others need not wait until it is silent for long enough."""
        if not self._entered_s:
            return
        store = open_named_store(settings)
        with contextlib.suppress(StoreUnavailable):
            store.nodes.depart(self._own.name, self._own.boot)
        store.close()
