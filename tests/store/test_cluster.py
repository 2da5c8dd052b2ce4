"""A Redis Cluster: every tenant's calls where its slot is, through failovers and moves of slots."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from kemi.errors import AlreadyAnswered, StoreUnavailable
from kemi.metrics.meter import Meter
from kemi.settings import Settings
from kemi.store import Store, functions, keys, open_node_store, open_store
from kemi.store.slots import slot_of
from tests.store.conftest import PATIENT_MS
from tests.store.scene import Scene
from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_cluster import BOUNDS, ClusterNode, RedisCluster
from tests.support.redis_server import TcpRedis
from tests.support.until import until

TIMEOUT_MS = 500
"""Longer than a node's, so that a busy machine does not pass for a store that fails."""
BOUND_S = 1.9 * TIMEOUT_MS / 1000
BACK_WITHIN_S = 6.0
"""Once the cluster has agreed on who is in charge."""


def domain_at(primary: int, other_than: str = "") -> str:
    """A tenant whose slot the primary of that number has at first."""
    low, high = BOUNDS[primary : primary + 2]
    names = (f"t{number}.example.com" for number in range(1000))
    return next(name for name in names if low <= slot_of(keys.tenant(name)) < high and name != other_than)


HERE, THERE, BESIDE = domain_at(0), domain_at(1), domain_at(0, domain_at(0))
"""HERE and BESIDE lie on the primary that has a replica."""


@pytest.fixture(scope="module")
def _cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: RedisCluster) -> RedisCluster:
    _cluster.restore()
    _cluster.empty()
    return _cluster


@pytest.fixture
def said() -> list[str]:
    return []


Open = Callable[..., Store]


@pytest.fixture
def opened(cluster: RedisCluster, said: list[str]) -> Iterator[Open]:
    with ExitStack() as ends:

        def open_one(url: str = "", timeout_ms: int = PATIENT_MS) -> Store:
            settings = replace(Settings(), redis_url=url or cluster.url, redis_timeout_ms=timeout_ms)
            store = open_store(settings, said.append)
            ends.callback(store.close)
            return store

        yield open_one


@pytest.fixture
def store(opened: Open) -> Store:
    opened().load_functions()
    return opened(timeout_ms=TIMEOUT_MS)


@pytest.fixture
def here(cluster: RedisCluster, store: Store) -> Scene:
    return Scene(store, cluster.owner_of(keys.tenant(HERE)).client(), HERE)


@pytest.fixture
def there(cluster: RedisCluster, store: Store) -> Scene:
    return Scene(store, cluster.owner_of(keys.tenant(THERE)).client(), THERE)


def lasted_s(act: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        act()
    return time.monotonic() - began


def is_tracked(scene: Scene) -> bool:
    try:
        call = scene.ring()
        found = scene.picked_up("101")
        scene.ended(call)
    except StoreUnavailable:
        return False
    return found == call


def is_taken(scene: Scene, number: str) -> bool:
    try:
        scene.picked_up(number)
    except AlreadyAnswered:
        return True
    return False


def other_primary(cluster: RedisCluster, than: ClusterNode) -> ClusterNode:
    return next(node for node in cluster.primaries if node is not than)


def move(cluster: RedisCluster, key: str, to: ClusterNode) -> None:
    source = cluster.begin_move(key, to)
    for node in (source, to):
        node.asked("CLUSTER SETSLOT", slot_of(key), "STABLE")


def test_given_a_cluster_when_the_functions_are_put_in_place_then_every_primary_has_them(
    cluster: RedisCluster, store: Store
) -> None:
    for node in cluster.primaries:
        assert functions.LIBRARY in str(node.asked("FUNCTION LIST"))
    store.provisioning.publish("{}")
    assert store.provisioning.fetch()[1] == "{}"


def test_given_a_primary_without_functions_when_a_call_rings_there_then_it_gets_them(
    cluster: RedisCluster, here: Scene, said: list[str]
) -> None:
    cluster.owner_of(keys.tenant(HERE)).asked("FUNCTION FLUSH")
    assert here.pick("101") is None
    assert is_tracked(here)
    assert said == []


def test_given_tenants_on_two_primaries_when_their_calls_ring_then_each_is_picked_up_in_its_own(
    here: Scene, there: Scene
) -> None:
    mine, other = here.ring("101"), there.ring("101")
    assert (here.picked_up("101"), there.picked_up("101")) == (mine, other)
    assert is_taken(here, "101")
    assert is_taken(there, "101")


@pytest.mark.parametrize("how", ["is killed", "hangs"])
def test_given_a_primary_that_fails_when_its_replica_takes_over_then_its_tenants_are_back_and_others_never_gone(
    how: str, cluster: RedisCluster, here: Scene, there: Scene, said: list[str]
) -> None:
    key = keys.tenant(HERE)
    old = cluster.owner_of(key)
    assert is_tracked(there)
    call, ghost = here.ring("102"), here.ring("103")
    old.await_replica()
    old.kill() if how == "is killed" else old.freeze()
    longest_s = max(lasted_s(lambda: here.pick("101")) for _ in range(3))
    here.store.calls.forget(here.domain, ghost)

    def back() -> bool:
        assert is_tracked(there), "nobody else notices"
        return is_tracked(here)

    cluster.await_failover(old, key)
    until(back, within_s=BACK_WITHIN_S, what="the tenant is served by the replica")
    assert longest_s < BOUND_S
    assert here.picked_up("102") == call, "it had reached the replica"
    assert is_taken(here, "102")
    assert here.pick("103") is None, "it ended meanwhile"
    old.start() if how == "is killed" else old.thaw()
    cluster.await_whole()
    until(lambda: is_tracked(here), within_s=BACK_WITHIN_S, what="it is served still")
    assert len(said) == 2, said
    assert "does not answer" in said[0]
    assert "is back" in said[1]


def test_given_a_planned_failover_when_the_next_record_is_posted_to_the_old_primary_then_it_reaches_the_new_one(
    cluster: RedisCluster, here: Scene, said: list[str]
) -> None:
    key = keys.tenant(HERE)
    assert is_tracked(here)
    cluster.change_over(key)
    call = here.ring("102")
    assert list(here.seen()) == [call], "it was refused with MOVED, and read later"
    assert is_tracked(here)
    assert said == []


def test_given_records_that_the_old_primary_refused_when_it_has_no_slot_any_more_then_they_go_to_the_new_one(
    cluster: RedisCluster, here: Scene, there: Scene
) -> None:
    """They are unanswered when another tenant's failure makes the node look where the slots are."""
    assert is_tracked(here)
    gone = cluster.owner_of(keys.tenant(THERE))
    cluster.change_over(keys.tenant(HERE))
    call = here.dialog()
    here.store.calls.ringing(HERE, call, 0, "kept")
    gone.freeze()
    lasted_s(lambda: there.pick("101"))
    until(lambda: not is_tracked(there), what="a look at the slots")
    gone.thaw()
    here.ring("102", dialog=call)
    assert here.seen()[call].early_tags == ("kept",)


def test_given_a_slot_that_has_moved_when_records_of_its_tenant_are_posted_then_all_arrive_in_their_order(
    cluster: RedisCluster, here: Scene, store: Store, said: list[str]
) -> None:
    key = keys.tenant(HERE)
    beside = Scene(store, here.redis, BESIDE)
    call, other = here.ring(), beside.ring()
    move(cluster, key, other_primary(cluster, cluster.owner_of(key)))
    tags = tuple(f"tag-{number}" for number in range(10))
    for tag in tags:
        store.calls.ringing(HERE, call, 0, tag)
        store.calls.ringing(BESIDE, other, 0, tag)
    assert beside.seen()[other].early_tags == tags
    assert here.seen()[call].early_tags == tags
    assert here.picked_up("101") == call
    assert said == []


def test_given_a_slot_that_is_being_moved_when_its_tenant_is_asked_for_then_503_for_it_alone_and_nothing_is_lost(
    cluster: RedisCluster, here: Scene, there: Scene, store: Store, said: list[str]
) -> None:
    key = keys.tenant(HERE)
    beside = Scene(store, here.redis, BESIDE)
    call = here.ring()
    to = other_primary(cluster, cluster.owner_of(key))
    source = cluster.begin_move(key, to)
    for moved in (False, True):
        assert lasted_s(lambda: here.pick("101")) < BOUND_S
        here.store.calls.ringing(HERE, call, 0, "not-kept")
        assert is_tracked(beside)
        assert is_tracked(there)
        if not moved:
            assert cluster.move_keys(key, source, to)
    cluster.end_move(key, source, to)
    assert here.seen()[call].early_tags == ()
    assert here.picked_up("101") == call
    assert is_taken(here, "101")
    assert [line for line in said if "does not answer" in line or "refuses" in line] == []


def test_given_what_a_node_posted_when_a_question_about_another_slot_fails_then_it_is_done_before_anything_later(
    cluster: RedisCluster, here: Scene, there: Scene, tmp_path: Path
) -> None:
    """Its outbox is free for others from then on; an `over` before its `answered` leaves a talk for hours."""
    settings = replace(Settings(), redis_url=cluster.url, redis_timeout_ms=TIMEOUT_MS, run_dir=str(tmp_path))
    node_store = open_node_store(settings, lambda _line: None, Meter(settings.counts_path, 1))
    key, place = keys.tenant(HERE), keys.tenant(THERE)
    here.ring()
    # The slots of both are known from here on.
    node_store.ping()
    to = other_primary(cluster, cluster.owner_of(key))
    source = cluster.begin_move(key, to)
    assert node_store.calls._redis.post("remember", place, "device", "good", 60_000)
    with pytest.raises(StoreUnavailable):
        Scene(node_store, here.redis, HERE).pick("101")
    assert there.redis.get(f"{place}replaces:device") == b"good"
    node_store.close()
    cluster.move_keys(key, source, to)
    cluster.end_move(key, source, to)


def test_given_a_cluster_that_must_be_whole_when_a_primary_without_a_replica_dies_then_503_at_once_until_it_is_back(
    cluster: RedisCluster, here: Scene, there: Scene, said: list[str]
) -> None:
    gone = cluster.owner_of(keys.tenant(THERE))
    assert is_tracked(here)
    assert is_tracked(there)
    cluster.demand_whole("yes")
    gone.kill()
    until(lambda: not is_tracked(here), what="CLUSTERDOWN")
    for scene in (here, there):
        assert max(lasted_s(lambda scene=scene: scene.pick("101")) for _ in range(4)) < BOUND_S  # type: ignore[misc]
    gone.start()
    cluster.await_whole()
    cluster.demand_whole("no")
    for scene in (here, there):
        until(lambda scene=scene: is_tracked(scene), within_s=BACK_WITHIN_S, what="all is well again")  # type: ignore[misc]
    assert any("CLUSTERDOWN" in line for line in said), said


def test_given_a_url_whose_first_node_is_dead_when_the_store_is_asked_then_the_next_says_where_the_slots_are(
    cluster: RedisCluster, opened: Open
) -> None:
    opened(f"redis+cluster://{LOOPBACK}:{free_port()},{LOOPBACK}:{cluster.nodes[1].port}").ping()


def test_given_a_plain_url_of_a_node_when_the_slot_is_elsewhere_then_the_report_names_the_right_url(
    cluster: RedisCluster, opened: Open, said: list[str]
) -> None:
    store = opened(f"redis://{LOOPBACK}:{cluster.owner_of(keys.tenant(HERE)).port}")
    with pytest.raises(StoreUnavailable):
        Scene(store, cluster.nodes[0].client(), THERE).pick("101")
    assert "redis+cluster://" in said[0]


def test_given_a_redis_that_is_no_cluster_when_it_is_asked_as_one_then_it_is_unavailable(
    opened: Open,
) -> None:
    with TcpRedis() as single, pytest.raises(StoreUnavailable, match="cluster"):
        opened(f"redis+cluster://{LOOPBACK}:{single.port}").ping()
