"""The primary that Sentinels name: found again after each failover, within a bound, without a word from anybody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from kemi.errors import AlreadyAnswered, StoreUnavailable
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import Store, open_store
from tests.store.conftest import PATIENT_MS
from tests.store.scene import Scene
from tests.support.ports import free_port
from tests.support.redis_sentinel import SERVICE, SentinelSet
from tests.support.until import until

TIMEOUT_MS = 500
"""Longer than a node's, so that a busy machine does not pass for a store that fails."""
BOUND_S = 1.9 * TIMEOUT_MS / 1000
BACK_WITHIN_S = 6.0
"""Once the Sentinels have agreed on who is in charge."""

Open = Callable[..., Store]


@pytest.fixture
def watched() -> Iterator[SentinelSet]:
    with SentinelSet() as watched:
        yield watched


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(watched: SentinelSet, said: list[str]) -> Iterator[Open]:
    """Opens the store of a URL, by default that of `watched`."""
    with ExitStack() as ends:

        def open_one(url: str = "", timeout_ms: int = PATIENT_MS) -> Store:
            settings = replace(Settings(), redis_url=url or watched.url, redis_timeout_ms=timeout_ms)
            store = open_store(settings, said.append)
            ends.callback(store.close)
            return store

        yield open_one


@pytest.fixture
def scene(watched: SentinelSet, opened: Open) -> Scene:
    opened().load_functions()
    store = opened(timeout_ms=TIMEOUT_MS)
    return Scene(store, watched.primary.client())


def replicated(watched: SentinelSet, scene: Scene) -> DialogId:
    """A call that rings, and that the replica knows of."""
    call = scene.ring("102")
    watched.primary.await_replica()
    return call


def lost_for_s(scene: Scene, waits: list[float]) -> float:
    """How long from now on nothing can be picked up; waits: how long each attempt took."""
    began = time.monotonic()

    def is_tracked() -> bool:
        asked = time.monotonic()
        try:
            call = scene.ring()
            found = scene.picked_up("101")
            scene.ended(call)
        except StoreUnavailable:
            return False
        finally:
            waits.append(time.monotonic() - asked)
        return found == call

    until(is_tracked, within_s=BACK_WITHIN_S, what="calls are tracked again")
    return time.monotonic() - began


def lasted_s(act: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        act()
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["is killed", "hangs"])
def test_given_a_primary_that_fails_when_its_replica_takes_over_then_calls_are_tracked_there(
    how: str, watched: SentinelSet, scene: Scene, said: list[str]
) -> None:
    call, old, waits = replicated(watched, scene), watched.primary, list[float]()
    old.kill() if how == "is killed" else old.freeze()
    for _ in range(3):
        waits.append(lasted_s(lambda: scene.pick("101")))
    new = watched.await_failover(old)
    lost_for_s(scene, waits)
    assert max(waits) < 2 * BOUND_S, "an attempt is two operations, one of which waits"
    assert scene.picked_up("102") == call, "it had reached the replica"
    with pytest.raises(AlreadyAnswered):
        scene.picked_up("102")
    old.start() if how == "is killed" else old.thaw()
    # It takes itself for the primary for some seconds more.
    waits.clear()
    lost_for_s(scene, waits)
    with new.client() as client:
        assert client.keys("s87:*:taken:101"), "nothing is asked of the old one when it is back"
    assert len(waits) == 1
    assert [line.partition(":")[0] for line in said] == ["the state store does not answer", "the state store is back"]


def test_given_a_planned_failover_when_calls_go_on_then_the_new_primary_has_them_before_the_old_one_stands_back(
    watched: SentinelSet, scene: Scene, said: list[str]
) -> None:
    old = watched.primary
    with watched.sentinels[0].client() as sentinel:
        sentinel.execute_command("SENTINEL", "FAILOVER", SERVICE)
    new = watched.await_failover(old)
    # The old primary does not know yet that it is none any more, and would take everything.
    with new.client() as client:
        until(
            lambda: scene.ring("102") and client.keys("s87:*"), within_s=BACK_WITHIN_S, what="a call at the new primary"
        )
    waits: list[float] = []
    lost_for_s(scene, waits)
    assert len(waits) == 1
    assert said == []


def test_given_a_primary_that_was_made_a_replica_by_hand_when_it_is_asked_then_it_is_not_written_to(
    watched: SentinelSet, scene: Scene, said: list[str]
) -> None:
    """Until the Sentinels know better they name it still; its part is asked before anything else."""
    with watched.primary.client() as client:
        client.replicaof("127.0.0.1", watched.redises[1].port)
        with pytest.raises(StoreUnavailable):
            scene.pick("101")
        assert "replica" in said[0]
        client.execute_command("REPLICAOF", "NO", "ONE")
    lost_for_s(scene, [])


def test_given_a_sentinel_that_hangs_and_one_that_is_dead_when_the_primary_is_looked_for_then_the_third_names_it(
    watched: SentinelSet, opened: Open
) -> None:
    hangs, _, well = watched.sentinels
    hangs.freeze()
    try:
        url = f"redis+sentinel://{hangs.place},127.0.0.1:{free_port()},{well.place}/{SERVICE}"
        began = time.monotonic()
        opened(url, TIMEOUT_MS).ping()
        assert time.monotonic() - began < BOUND_S
    finally:
        hangs.thaw()


def test_given_sentinels_that_know_no_such_service_when_the_store_is_asked_then_the_error_names_it(
    watched: SentinelSet, opened: Open
) -> None:
    with pytest.raises(StoreUnavailable, match=r"no Sentinel names the primary of other.*knows no service 'other'"):
        opened(watched.url.replace(f"/{SERVICE}", "/other")).ping()


def test_given_passwords_of_redis_and_of_sentinels_when_either_is_wrong_then_it_is_refused_else_calls_are_tracked(
    opened: Open, said: list[str]
) -> None:
    with SentinelSet(password="of-redis", sentinel_password="of-sentinels") as guarded:
        store = opened(guarded.url)
        store.load_functions()
        lost_for_s(Scene(store, guarded.primary.client()), [])
        for right in ("of-redis", "of-sentinels"):
            with pytest.raises(StoreUnavailable, match=r"(?i)password|Sentinel"):
                opened(guarded.url.replace(right, "hush-hush")).ping()
    assert all("of-" not in line and "hush" not in line for line in said)
