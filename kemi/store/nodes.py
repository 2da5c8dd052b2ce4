"""The registry of nodes in the store."""

from __future__ import annotations

from kemi.nodes.peer import Peer
from kemi.nodes.registry import Announced
from kemi.settings import Settings
from kemi.store import keys
from kemi.store.answers import text, texts
from kemi.store.commands import Commands

AT_ONCE = 500
"""Calls that one operation removes at most, so that others get their turn."""
WORDS = 4
"""Of a node in what `announce` returns."""


class Nodes:
    """Implements kemi.nodes.registry.NodeStore. All is awaited and raises StoreUnavailable."""

    def __init__(self, connection: Commands, settings: Settings) -> None:
        self._redis = connection
        self._silence_ms = settings.node_silence_ms

    def announce(self, peer: Peer, secret: str) -> Announced:
        """A node lives, and hears who else does. secret: what all nodes share, if none is in force yet."""
        accepted, shared, now_us, registry_ms, was_dead, *words = self._redis.fcall(
            "announce", keys.NODES, peer.name, peer.boot, peer.address, self._silence_ms, secret
        )
        living: list[Peer] = []
        dead: list[Peer] = []
        for at in range(0, len(words), WORDS):
            name, boot, address, lives = texts(words[at : at + WORDS])
            (living if lives == "1" else dead).append(Peer(name, boot, address))
        heard = bool(accepted), text(shared), int(now_us), int(registry_ms), bool(was_dead)
        return Announced(*heard, tuple(living), tuple(dead))

    def bury(self, domain: str, instance: str) -> int:
        """Remove some of what a dead node held in a tenant; returns how many of its calls are left."""
        return int(self._redis.fcall("bury", keys.tenant(domain), instance, AT_ONCE))

    def buried(self, peer: Peer) -> None:
        """Nothing of it is left in any tenant: the registry forgets it."""
        self._redis.call("DEL", keys.queues(peer.instance))
        self._redis.fcall("buried", keys.NODES, peer.name, peer.boot, self._silence_ms)

    def depart(self, name: str, boot: str) -> None:
        """A node has ended, or whoever says so knows that it has: nobody waits for it any more."""
        self._redis.fcall("depart", keys.NODES, name, boot)
