"""A state store that hangs while there is something to write down: no phone waits for the record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import Node
from tests.support.redis_server import RedisServer
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

REDIS_TIMEOUT_MS = 20_000
"""So long that whoever waited for an answer of the store is told from whom a busy machine made slow."""
AT_ONCE_S = 10.0
REFUSED = 3


@pytest.fixture
def store() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def alone(store: RedisServer, tmp_path: Path) -> Iterator[Tenant]:
    """The only tenant of a node with patience for its store."""
    tenants = Tenants(1)
    environment = {"STAR87_REDIS_URL": store.url, "STAR87_REDIS_TIMEOUT_MS": str(REDIS_TIMEOUT_MS)}
    # Who counts refusals waits for the store.
    environment["STAR87_DENIED_PICKUPS_PER_MIN"] = "0"
    with Node(tmp_path / "node", tenants.document(), environment=environment) as node:
        taken = tenants.take(node)
        yield taken
        taken.close()


def test_given_a_store_that_hangs_when_pickups_are_refused_then_no_phone_waits_for_the_record(
    store: RedisServer, alone: Tenant
) -> None:
    erin = alone.phone("105")
    # A claim reads every answer that is outstanding: no worker owes any, and each has its connection.
    alone.await_everywhere(
        lambda phone: phone.dials("*87101").ends_with().status == 480, number="103", within_s=20, asked=50
    )
    before = alone.outcomes().count(("no_such_account", 404))
    store.freeze()
    try:
        began = time.monotonic()
        statuses = [erin.dials("*87199").ends_with().status for _ in range(REFUSED)]
        lasted_s = time.monotonic() - began
    finally:
        store.thaw()
    assert statuses == [404] * REFUSED
    assert lasted_s < AT_ONCE_S, "somebody waited for the store"
    # It was written down all the same: what was sent is read when the store is back.
    until(
        lambda: alone.outcomes().count(("no_such_account", 404)) == before + REFUSED,
        what=lambda: f"the {REFUSED} refusals in the record: {alone.outcomes()}",
    )
