"""What a state store has of one node's calls, as a test looks at it: all that the node has posted is there first."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import redis

from kemi.dialogs.record import CallRecord
from kemi.pickup.event import PickupEvent
from kemi.settings import Settings
from kemi.store import open_store
from kemi.store.answers import call_record
from kemi.store.functions import name_of
from kemi.store.keys import SUFFIXES, events, tenant
from kemi.store.outbox import framed
from kemi.store.queues import Roster
from kemi.store.wire import packed
from tests.support.raw import raw_client
from tests.support.until import until

STORE_TIMEOUT_MS = 3000
MARK_MS = 5000
"""How long a mark in the place of a call stays at most (store/lua/_line.lua)."""


class Recorded:
    """The keys and the record of the store that a node uses; look_into() comes first."""

    kamailio_pid: int

    def look_into(self, redis_url: str, kamailio_pid: int) -> None:
        """redis_url: by a user who may do everything. kamailio_pid: of the node, as /proc here has it."""
        self.redis_url, self.kamailio_pid = redis_url, kamailio_pid
        self._redis = raw_client(redis_url)
        self._store = open_store(replace(Settings(), redis_url=redis_url, redis_timeout_ms=STORE_TIMEOUT_MS))
        # A store is one worker's: tests that play at the same time take turns.
        self._one_at_a_time = threading.Lock()

    def looks_by(self, client: redis.Redis) -> None:
        """How to look at the store of a node that reaches it by a network of its own."""
        self._redis = client

    def settle(self) -> None:
        """Return when the store has what the node's workers have posted by now (kemi/store/outbox.py)."""
        place, mark = tenant("settled"), secrets.token_hex(8)
        command = framed(packed(("FCALL", name_of("remember"), 1, place, mark, "good", 60_000)))

        def arrived() -> bool:
            # A store that is away loses what is posted: so it is posted again.
            with open(self._outbox(), "wb", buffering=0) as outbox:
                outbox.write(command)
            try:
                until(lambda: self._redis.delete(place + SUFFIXES["replaces"] + mark), within_s=1.0)
            except AssertionError:
                return False
            return True

        until(arrived, within_s=20, what="what was posted to be in the store")

    def _outbox(self) -> str:
        """The end of the outbox that is written to: of the first pipe that Kamailio made."""
        for fd in sorted(Path(f"/proc/{self.kamailio_pid}/fd").iterdir(), key=lambda fd: int(fd.name)):
            flags = Path(f"/proc/{self.kamailio_pid}/fdinfo/{fd.name}").read_text().split()[3]
            if os.readlink(fd).startswith("pipe:") and int(flags, 8) & os.O_ACCMODE == os.O_WRONLY:
                return str(fd)
        raise AssertionError("Kamailio has no pipe")

    def events(self, domain: str) -> list[PickupEvent]:
        """The pickup record of a tenant, oldest first."""
        self.settle()
        with self._one_at_a_time:
            return self._store.events.read(domain)

    def calls(self, domain: str) -> list[CallRecord]:
        """The calls of a tenant that ring or wait, oldest first; there need be no provisioning."""
        place = tenant(domain) + SUFFIXES["call"]
        records = []
        for key in self.keys(domain):
            fields = cast(dict[bytes, bytes], self._redis.hgetall(key)) if key.startswith(place) else {}
            if b"k" in fields:
                flat = [word for pair in fields.items() for word in pair]
                records.append(call_record(domain, key.removeprefix(place), flat))
        return sorted(records, key=lambda call: call.routed_at_us)

    def keys(self, domain: str) -> list[str]:
        """The keys of a tenant, without its pickup record."""
        self.settle()
        found = cast(list[bytes], self._redis.keys(tenant(domain) + "*"))
        return sorted(key.decode() for key in found if key.decode() != events(domain))

    def left_keys(self, domain: str) -> list[str]:
        """The keys of a tenant that do not outlive its calls by design, and marks.

        A mark is what the end of a call leaves for a few seconds, for what crosses it.
        """
        names = ("agent", "stats", "replaces", "denied", "noted", "watched", "changed")
        stay = tuple(tenant(domain) + SUFFIXES[name] for name in names)
        return [key for key in self.keys(domain) if not key.startswith(stay) and not self._is_mark(domain, key)]

    def call_keys(self, domain: str) -> list[str]:
        """The keys of a tenant that are of its calls: without what is counted of pickers who were refused."""
        figures = tuple(tenant(domain) + SUFFIXES[name] for name in ("denied", "noted"))
        return [key for key in self.keys(domain) if not key.startswith(figures)]

    def _is_mark(self, domain: str, key: str) -> bool:
        if not key.startswith(tenant(domain) + SUFFIXES["call"]):
            return False
        gone, left_ms = self._redis.hexists(key, "gone"), cast(int, self._redis.pttl(key))
        return bool(gone) and 0 < left_ms <= MARK_MS

    def roster(self, domain: str, agents: Sequence[str], groups: Sequence[str]) -> Roster:
        """The state of agents and of agent groups."""
        self.settle()
        with self._one_at_a_time:
            return self._store.queues.roster(domain, agents, groups)
