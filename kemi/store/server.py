"""The Redis behind the state store, as whoever looks after it sees it."""

from __future__ import annotations

from dataclasses import dataclass

from kemi.store import keys
from kemi.store.answers import text
from kemi.store.commands import Commands
from kemi.store.failures import Refused

NOWHERE = "doctor.invalid"
"""A tenant that nobody has (RFC 2606 §2)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What Redis says of itself. `evicts`: the policy by which it drops keys when it is full, '' when it drops none."""

    version: tuple[int, ...]
    maxmemory: int
    evicts: str
    persists: bool | None
    """It writes what it has to disk, all the time or from time to time. None: this user may not know."""
    last_save_failed: bool
    role: str


class Server:
    """Every operation is awaited and raises StoreUnavailable; Refused when this user may not ask it."""

    def __init__(self, connection: Commands) -> None:
        self._redis = connection

    def figures(self) -> Figures:
        """Of a Cluster those of one node."""
        lines = (line.partition(":") for line in text(self._redis.call("INFO")).splitlines())
        found = {name: value.strip() for name, _, value in lines}
        policy = found.get("maxmemory_policy", "noeviction")
        return Figures(
            version=tuple(int(part) for part in found.get("redis_version", "0").split(".") if part.isdigit()),
            maxmemory=int(found.get("maxmemory", 0)),
            evicts="" if policy == "noeviction" else policy,
            persists=found.get("aof_enabled") == "1" or self._saves(),
            last_save_failed="err" in (found.get("rdb_last_bgsave_status"), found.get("aof_last_write_status")),
            role=found.get("role", ""),
        )

    def _saves(self) -> bool | None:
        try:
            answer = self._redis.call("CONFIG", "GET", "save")
        except Refused:
            return None
        return bool(text(answer[1]))

    def now_us(self) -> int:
        """Its clock, in µs since 1970."""
        seconds, micros = self._redis.call("TIME")
        return int(seconds) * 1_000_000 + int(micros)

    def try_out(self) -> None:
        """Whether the operations can be run: one reads, one writes a key that is gone a millisecond later."""
        self._redis.fcall("survey", keys.tenant(NOWHERE), 1)
        self._redis.fcall("remember", keys.tenant(NOWHERE), "doctor", "good", 1)
