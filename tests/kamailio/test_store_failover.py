"""A failover of the state store under a real node with calls going on: by Sentinels, and in a Cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kemi.store import keys
from tests.kamailio.test_store_loss import BACK_WITHIN_S, PROMPT_S, on_its_own
from tests.support.node import Node
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import SentinelSet
from tests.support.redis_server import TcpRedis
from tests.support.talks import is_offered, ring, take_over, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until


@dataclass(frozen=True)
class Stores:
    """url: of the store. primary: the Redis that has a tenant. await_failover: until another has it."""

    url: str
    primary: Callable[[str], TcpRedis]
    await_failover: Callable[[TcpRedis, str], TcpRedis]


@contextmanager
def sentinels() -> Iterator[Stores]:
    with SentinelSet() as watched:
        yield Stores(watched.url, lambda _: watched.primary, lambda old, _: watched.await_failover(old))


@contextmanager
def cluster() -> Iterator[Stores]:
    with RedisCluster(replicas=3) as whole:
        yield Stores(
            whole.url,
            lambda domain: whole.owner_of(keys.tenant(domain)),
            lambda old, domain: whole.await_failover(old, keys.tenant(domain)),  # type: ignore[arg-type]
        )


@pytest.mark.parametrize("topology", [sentinels, cluster])
def test_given_calls_when_the_primary_dies_then_all_go_on_and_those_that_ring_are_picked_up_from_its_replica(
    topology: Callable[[], Iterator[Stores]], tmp_path: Path
) -> None:
    tenants = Tenants(1)
    with topology() as stores, Node(tmp_path, tenants.document(), environment=on_its_own(stores.url)) as node:  # type: ignore[attr-defined]
        tenant = tenants.take(node)
        try:
            play(tenant, stores)
        finally:
            tenant.close()


def play(tenant: Tenant, stores: Stores) -> None:
    bob, dave, alice, carol = (tenant.phone(number, register=True) for number in ("101", "102", "104", "103"))
    erin = tenant.phone("105")
    rings, gives_up = ring(alice, bob), ring(erin, dave)
    old = stores.primary(tenant.domain)
    tenant.node.settle()
    old.await_replica()
    old.kill()

    began = time.monotonic()
    assert carol.dials("*87101").ends_with().status == 503
    assert time.monotonic() - began < PROMPT_S
    gives_up.ends()
    mine, _ = talk(erin, dave)
    mine.ends(dave)

    stores.await_failover(old, tenant.domain)
    ghost = f"{keys.tenant(tenant.domain)}ring:n:102"
    until(lambda: ghost not in tenant.node.keys(tenant.domain), within_s=BACK_WITHIN_S, what="no ghost at 102")
    until(lambda: is_offered(carol.dials("*87101"), alice), within_s=BACK_WITHIN_S, what="the call that rang before")
    rings.ends()
    tenant.await_everywhere(
        lambda phone: phone.dials("*87102").ends_with().status == 480, number="103", within_s=BACK_WITHIN_S, asked=16
    )
    take_over(ring(erin, dave), carol, "*87102").ends(erin)
    until(lambda: tenant.node.left_keys(tenant.domain) == [], within_s=8, what="nothing that is left of them")
