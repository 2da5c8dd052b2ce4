"""The faults of one store under one node, each as a scene: where its store is, how the fault begins and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from kemi.store import keys
from tests.load.chaos.turns import DOMAIN
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import SentinelSet
from tests.support.store_faults import FAULTS, Fault, faulty_redis
from tests.support.until import until

BACK_WITHIN_S, FAILED_OVER_WITHIN_S = 2.0, 5.0


@dataclass(frozen=True)
class Scene:
    """store_url: of the node's store. counts_from_begin: the recovery includes the fault itself. loses: it may lose
    what the last moments recorded. Both are so with a failover; who loads what it saved has lost what came after."""

    store_url: str
    begin: Callable[[], object]
    end: Callable[[], object]
    back_within_s: float = BACK_WITHIN_S
    counts_from_begin: bool = False
    loses: bool = False


def _of_one_redis(fault: Fault) -> Callable[[], AbstractContextManager[Scene]]:
    @contextmanager
    def scene() -> Iterator[Scene]:
        with faulty_redis() as server:
            loses = fault.name == "loading"
            yield Scene(server.url, lambda: fault.begin(server), lambda: fault.end(server), loses=loses)

    return scene


@contextmanager
def _sentinel() -> Iterator[Scene]:
    """The primary is killed; it comes back as a replica."""
    with SentinelSet() as watched:
        old = watched.primary

        def end() -> None:
            watched.await_failover(old)
            old.start()

        yield Scene(watched.url, old.kill, end, FAILED_OVER_WITHIN_S, counts_from_begin=True, loses=True)


@contextmanager
def _cluster() -> Iterator[Scene]:
    """The primary that has the tenant is killed; it comes back as a replica."""
    with RedisCluster(replicas=3) as cluster:
        key = keys.tenant(DOMAIN)
        old = cluster.owner_of(key)

        def end() -> None:
            cluster.await_failover(old, key)
            old.start()
            cluster.await_whole()

        yield Scene(cluster.url, old.kill, end, FAILED_OVER_WITHIN_S, counts_from_begin=True, loses=True)


@contextmanager
def _moving_slot() -> Iterator[Scene]:
    """The tenant's slot is moved to another primary, key by key."""
    with RedisCluster(replicas=0) as cluster:
        key = keys.tenant(DOMAIN)
        to = next(node for node in cluster.primaries if node is not cluster.owner_of(key))
        sources = []

        def begin() -> None:
            sources.append(cluster.begin_move(key, to))

        def end() -> None:
            (source,) = sources
            until(lambda: not cluster.move_keys(key, source, to), what="a slot without keys")
            cluster.end_move(key, source, to)

        yield Scene(cluster.url, begin, end)


OF_THE_STORE: dict[str, Callable[[], AbstractContextManager[Scene]]] = {
    **{f"redis-{fault.name}": _of_one_redis(fault) for fault in FAULTS},
    "sentinel-failover": _sentinel,
    "cluster-failover": _cluster,
    "slot-moves": _moving_slot,
}
