"""Lamps when the state store goes and comes back, when a node starts anew, and when nobody says that a call ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kemi.settings import Settings
from tests.support.lamp_keys import LampKey, watching
from tests.support.node import Node
from tests.support.redis_server import RedisServer
from tests.support.talks import ring
from tests.support.tenants import Tenant, Tenants

BACK_WITHIN_S = 6.0


@pytest.fixture
def store() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def tenants() -> Tenants:
    return Tenants(1)


@pytest.fixture
def node(store: RedisServer, tenants: Tenants, tmp_path: Path) -> Iterator[Node]:
    environment = {
        "STAR87_REDIS_URL": store.url,
        "STAR87_REDIS_TIMEOUT_MS": str(Settings().redis_timeout_ms),
        "STAR87_RING_MAX_S": "1",
    }
    with Node(tmp_path, tenants.document(), environment=environment) as node:
        yield node


@pytest.fixture
def tenant(node: Node, tenants: Tenants) -> Iterator[Tenant]:
    taken = tenants.take(node)
    yield taken
    taken.close()


@pytest.mark.parametrize("how", ["hangs", "is killed"])
def test_given_the_store_gone_when_watched_then_lamps_stay_and_are_right_soon_after_its_return(
    how: str, store: RedisServer, tenant: Tenant
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    before = watching(carol, "101")
    call = ring(alice, bob)
    before.lights()
    store.freeze() if how == "hangs" else store.kill()
    # Whoever subscribes now is told what was known last.
    late = LampKey(carol, "101")
    assert late.subscribes().status == 200
    assert late.hears().states == ["early"]
    call.ends()

    store.thaw() if how == "hangs" else store.start()
    came_back = time.monotonic()
    before.goes_dark()
    late.goes_dark()
    assert time.monotonic() - came_back < BACK_WITHIN_S

    # A store that came back empty knows again who is watched.
    call = ring(alice, bob)
    assert before.lights().dialogs[0].call_id == call.outgoing.call_id
    call.ends()
    before.goes_dark()


def test_given_a_node_that_is_started_anew_when_a_phone_rings_then_old_subscriptions_are_told(
    tenant: Tenant, node: Node
) -> None:
    carol = tenant.phone("103")
    key = watching(carol, "101")
    key.may_leave_out = True
    node.stop()
    with node:
        bob, alice = tenant.phone("101", register=True), tenant.phone("104")
        call = ring(alice, bob)
        key.lights()
        assert key.subscribes(120).status == 200
        assert key.waits_for(lambda shown: bool(shown.dialogs), "present state").states == ["early"]
        call.ends()
        key.goes_dark()


def test_given_a_node_that_died_when_its_call_expires_in_the_store_then_the_lamp_at_another_node_goes_dark(
    store: RedisServer, tenant: Tenant, tenants: Tenants, tmp_path: Path
) -> None:
    environment = {"STAR87_REDIS_URL": store.url, "STAR87_RING_MAX_S": "1"}
    with Node(tmp_path / "other", tenants.document(), name="other", environment=environment) as other:
        bob = tenant.phone("101", register=True, node=other)
        key = watching(tenant.phone("103"), "101")
        ring(tenant.phone("104", node=other), bob)
        # It rings at the other node, and is shown by this one.
        key.lights()
        os.killpg(other.kamailio_pid, signal.SIGKILL)
        key.waits_for(lambda shown: not shown.dialogs, "dark lamp", within_s=60)
