"""The slots of a Redis Cluster: which one a key has, and which place has which slot."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from kemi.store.urls import Place


@lru_cache(maxsize=4096)
def slot_of(key: str) -> int:
    """The slot of a key, by its hash tag if it has one."""
    return int(key_slot(key.encode("utf-8", "surrogateescape")))


class Slots:
    """Which place has which slot."""

    def __init__(self) -> None:
        self._owners: list[Place | None] = [None] * REDIS_CLUSTER_HASH_SLOTS

    def read(self, answer: list[Any], asked: Place) -> None:
        """Take over what CLUSTER SLOTS says. asked: who said it, and is meant where no host stands."""
        owners: list[Place | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (host, port, *_), *_replicas in answer:
            name = host.decode() if host else ""
            place = (name if name.strip("?") else asked[0], int(port))
            owners[first : last + 1] = [place] * (last + 1 - first)
        self._owners = owners

    def owner(self, slot: int) -> Place | None:
        return self._owners[slot]

    def learn(self, slot: int, place: Place) -> None:
        """MOVED names the new owner of one slot."""
        self._owners[slot] = place

    def primaries(self) -> tuple[Place, ...]:
        """Everyone who has a slot, once."""
        return tuple(place for place in dict.fromkeys(self._owners) if place is not None)

    @property
    def is_whole(self) -> bool:
        return None not in self._owners
