"""What a state store is to the operations on it, be it one Redis, a primary named by Sentinels, or a Cluster."""

from __future__ import annotations

from typing import Any, Protocol

from kemi.store.breaker import Report, unreported
from kemi.store.cluster import Cluster
from kemi.store.connection import Connection
from kemi.store.links import Word
from kemi.store.sentinel import PrimaryConnection
from kemi.store.urls import Topology, target_of


class Commands(Protocol):
    """Each raises StoreUnavailable, but `post`; their words are Connection's."""

    def call(self, *words: Word) -> Any: ...
    def decide(self, operation: str, key: str, *args: Word) -> Any: ...
    def fcall(self, operation: str, key: str, *args: Word) -> Any: ...
    def post(self, operation: str, key: str, *args: Word) -> bool: ...
    @property
    def is_resting(self) -> bool: ...
    def hold(self, command: bytes) -> None: ...
    def pay(self) -> None: ...
    def settle(self) -> None: ...
    def load_functions(self) -> None: ...
    def doubt(self) -> None:
        """Something that this node has recorded may be lost."""

    def doubted(self) -> bool:
        """Whether that was so, at whichever of its processes, since this was asked last."""

    def close(self) -> None: ...


def commands_to(url: str, *, timeout_ms: int, retry_ms: int, report: Report = unreported) -> Commands:
    """The store that a URL names; nothing is connected yet. Raises BadUrl."""
    target = target_of(url)
    if target.topology is Topology.CLUSTER:
        return Cluster(target, timeout_ms=timeout_ms, retry_ms=retry_ms, report=report)
    if target.topology is Topology.SENTINEL:
        return PrimaryConnection(target, timeout_ms=timeout_ms, retry_ms=retry_ms, report=report)
    link = target.link(target.places[0] if target.places else None)
    return Connection(link, timeout_ms=timeout_ms, retry_ms=retry_ms, report=report)
