"""What a dead node has left in the store goes, tenant by tenant. Any living node does it, and it may be done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.errors import NotProvisioned
from kemi.nodes.peer import Peer

AT_ONCE_S = 0.3
"""A node that buries must go on to say that it lives."""


class BurialStore(Protocol):
    """Awaited; raises StoreUnavailable."""

    def bury(self, domain: str, instance: str) -> int:
        """Remove some of what the node held in a tenant; returns how much is left."""
        ...

    def buried(self, peer: Peer) -> None: ...


class Burial:
    """Call it again and again with a dead node, until the registry speaks of it no more."""

    def __init__(self, store: BurialStore, directory: Callable[[], Directory]) -> None:
        self._store = store
        self._directory = directory
        self._under_way: dict[str, Iterator[None]] = {}

    def __call__(self, peer: Peer) -> None:
        """Raises StoreUnavailable; what was not done is done the next time."""
        ends_s = time.monotonic() + AT_ONCE_S
        steps = self._under_way.pop(peer.instance, None) or self._bury(peer)
        for _ in steps:
            if time.monotonic() >= ends_s:
                self._under_way[peer.instance] = steps
                return

    def _bury(self, peer: Peer) -> Iterator[None]:
        try:
            domains = self._directory().domains()
        except NotProvisioned:
            return
        for domain in domains:
            while self._store.bury(domain, peer.instance):
                yield
            yield
        self._store.buried(peer)
