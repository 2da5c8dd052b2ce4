"""A state store that dies, hangs, forgets or refuses; and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

import pytest

from kemi.errors import StoreUnavailable
from kemi.pickup.devices import Verdict
from kemi.settings import Settings
from kemi.store import Store, keys, open_store
from kemi.store.functions import name_of
from kemi.store.pipeline import UNREAD_MOST
from kemi.store.wire import packed
from tests.store.conftest import PATIENT_MS
from tests.store.scene import DOMAIN, Scene, phone
from tests.support.redis_server import RedisServer, TcpRedis
from tests.support.until import until

TIMEOUT_MS = 200
BOUND_S = 2.0
"""Ten times the timeout: what a busy machine may add to it."""
NEVER_MS = 3_600_000


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis that the test may kill and freeze."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def said() -> list[str]:
    """What the store reported."""
    return []


Open = Callable[..., Scene]


@pytest.fixture
def opened(server: RedisServer, said: list[str]) -> Iterator[Open]:
    """Opens a store on that Redis; nobody has loaded the functions."""
    stores: list[Store] = []
    settings = replace(Settings(), redis_url=server.url, redis_timeout_ms=PATIENT_MS, redis_retry_ms=50)

    def open_scene(**changed: int) -> Scene:
        stores.append(open_store(replace(settings, **changed), said.append))  # type: ignore[arg-type]
        return Scene(stores[-1], server.client())

    yield open_scene
    for store in stores:
        store.close()


def is_back(scene: Scene) -> bool:
    try:
        scene.store.ping()
    except StoreUnavailable:
        return False
    return True


def post_each(scene: Scene) -> None:
    """Everything that is posted, once."""
    calls, one, other = scene.store.calls, scene.dialog(), scene.dialog()
    calls.ringing(DOMAIN, one, 0, "bob")
    calls.branch_failed(DOMAIN, one, 0)
    calls.forget(DOMAIN, one)
    calls.release(DOMAIN, one.key, "token")
    calls.remember_device(DOMAIN, "device", Verdict.BAD)
    calls.renewed(DOMAIN, (one, other), phone(5061))
    calls.over(DOMAIN, (one, other))


def test_given_a_dead_store_when_it_is_asked_then_it_is_unavailable_at_once_and_that_is_said_once(
    server: RedisServer, opened: Open, said: list[str]
) -> None:
    scene = opened()
    scene.ring()
    server.kill()
    started = time.monotonic()
    one = scene.dialog()
    asks: tuple[Callable[[], object], ...] = (
        scene.pick,
        scene.seen,
        scene.store.ping,
        lambda: scene.ended(one),
        lambda: scene.answered(one),
        lambda: scene.connected(one),
        lambda: scene.reroute(one),
        lambda: scene.rerouted(one),
    )
    for ask in asks:
        with pytest.raises(StoreUnavailable):
            ask()
    assert time.monotonic() - started < BOUND_S
    assert len(said) == 1, "the first record found its functions"
    assert "does not answer" in said[0]


def test_given_a_dead_store_when_records_are_posted_then_none_of_them_raises(server: RedisServer, opened: Open) -> None:
    scene = opened()
    scene.store.ping()
    server.kill()
    for _ in range(3):
        post_each(scene)


def test_given_a_store_that_was_never_there_when_it_is_used_then_it_is_unavailable(
    server: RedisServer, opened: Open
) -> None:
    server.kill()
    scene = opened()
    post_each(scene)
    with pytest.raises(StoreUnavailable):
        scene.pick()


def test_given_a_store_that_failed_when_it_is_back_sooner_than_it_is_tried_again_then_nobody_asks_it(
    server: RedisServer, opened: Open
) -> None:
    scene = opened(redis_retry_ms=NEVER_MS)
    scene.store.ping()
    server.kill()
    with pytest.raises(StoreUnavailable):
        scene.store.ping()
    server.start()
    with pytest.raises(StoreUnavailable):
        scene.store.ping()
    post_each(scene)
    assert len(cast(list[object], scene.redis.client_list())) == 1, "only the test's own"


def test_given_a_dead_store_when_it_is_back_empty_then_calls_are_recorded_and_picked_up_again(
    server: RedisServer, opened: Open, said: list[str]
) -> None:
    scene = opened()
    scene.store.load_functions()
    scene.ring("101")
    server.kill()
    with pytest.raises(StoreUnavailable):
        scene.pick()
    server.start()
    until(lambda: is_back(scene), what="the store is asked again")
    assert scene.pick() is None
    call = scene.ring("101")
    assert scene.picked_up() == call
    assert [line.partition(":")[0] for line in said] == [
        "the state store does not answer",
        "the state store is back",
    ]


def test_given_a_store_that_hangs_when_it_is_asked_then_it_is_unavailable_within_the_timeout(
    server: RedisServer, opened: Open
) -> None:
    connected, fresh = opened(redis_timeout_ms=TIMEOUT_MS), opened(redis_timeout_ms=TIMEOUT_MS)
    connected.store.ping()
    server.freeze()
    for scene in (connected, fresh):
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            scene.pick()
        assert time.monotonic() - started < BOUND_S
    server.thaw()
    for scene in (connected, fresh):
        until(lambda scene=scene: is_back(scene), what="the store answers again")  # type: ignore[misc]
        assert scene.picked_up() is None


def test_given_a_store_that_hangs_when_it_was_asked_then_its_late_answer_is_taken_for_no_other_s(
    server: RedisServer, opened: Open
) -> None:
    scene = opened(redis_timeout_ms=TIMEOUT_MS)
    scene.store.load_functions()
    first, second = scene.ring("101"), scene.ring("102")
    server.freeze()
    with pytest.raises(StoreUnavailable):
        scene.pick("101")
    server.thaw()
    until(lambda: is_back(scene), what="the store answers again")
    assert scene.picked_up("102") == second
    assert {first, second} == set(scene.seen())


def test_given_a_store_that_hangs_when_many_records_are_posted_then_none_raises_and_none_waits_for_long(
    server: RedisServer, opened: Open
) -> None:
    scene = opened(redis_timeout_ms=TIMEOUT_MS, redis_retry_ms=NEVER_MS)
    scene.store.ping()
    server.freeze()
    started = time.monotonic()
    for _ in range(200):
        post_each(scene)
    assert time.monotonic() - started < BOUND_S


def test_given_functions_that_were_lost_when_something_is_awaited_then_they_are_loaded_and_it_is_answered(
    opened: Open,
) -> None:
    scene = opened()
    scene.store.load_functions()
    call = scene.ring()
    scene.redis.function_flush()
    assert scene.picked_up() == call


def test_given_functions_that_were_lost_when_records_are_posted_then_those_after_the_next_replies_are_kept(
    opened: Open, said: list[str]
) -> None:
    scene = opened()
    scene.store.load_functions()
    scene.redis.function_flush()
    for _ in range(UNREAD_MOST + 1):
        post_each(scene)
    assert scene.redis.function_list(), "no awaited operation came in between"
    assert all("Function not found" in line for line in said)
    assert said
    said.clear()
    call = scene.ring()
    assert (list(scene.seen()), said) == ([call], [])


def test_given_many_records_when_they_are_posted_then_all_are_kept_in_their_order(opened: Open) -> None:
    scene = opened()
    scene.store.load_functions()
    call = scene.ring()
    tags = tuple(f"tag-{number}" for number in range(5 * UNREAD_MOST))
    for tag in tags:
        scene.store.calls.ringing(DOMAIN, call, 0, tag)
    assert scene.seen()[call].early_tags == tags


def test_given_a_record_that_is_refused_when_others_follow_then_every_answer_is_to_its_own_question(
    opened: Open, said: list[str]
) -> None:
    scene = opened()
    scene.store.load_functions()
    scene.redis.set(f"s87:{{{DOMAIN}}}:events", "in the way of the stream")
    calls = [scene.ring() for _ in range(3)]
    for number, call in enumerate(calls):
        for _ in range(UNREAD_MOST - 1):
            scene.store._connection.post("event", f"s87:{{{DOMAIN}}}:", 10, 0, "", "a", "b")
        scene.store.calls.ringing(DOMAIN, call, 0, f"tag-{number}")
        assert scene.picked_up() == call
        assert scene.seen()[call].early_tags == (f"tag-{number}",)
    assert len(said) == 3 * (UNREAD_MOST - 1)
    assert all("refused a record" in line for line in said)


def test_given_a_question_that_is_refused_when_the_next_follows_then_the_store_is_not_taken_for_dead(
    opened: Open, said: list[str]
) -> None:
    scene = opened(redis_retry_ms=NEVER_MS)
    scene.store.load_functions()
    scene.redis.set(f"s87:{{{DOMAIN}}}:claims", "in the way of the claims")
    with pytest.raises(StoreUnavailable):
        scene.pick()
    scene.redis.delete(f"s87:{{{DOMAIN}}}:claims")
    call = scene.ring()
    assert (scene.picked_up(), said) == (call, [])


def test_given_a_reply_that_has_come_unread_when_more_is_sent_over_tcp_then_the_connection_is_kept(
    settings: Settings,
) -> None:
    with TcpRedis() as server:
        store, client = open_store(replace(settings, redis_url=server.url)), server.client()
        scene = Scene(store, client)
        call = scene.ring("101")

        def stands(section: str, name: str) -> int:
            return int(cast("dict[str, int]", client.info(section))[name])

        opened, name = stands("stats", "total_connections_received"), keys.tenant(scene.domain) + f"call:{call.key}"
        store.calls.ringing(scene.domain, call, 1, "first")
        until(lambda: "1 first" in str(client.hget(name, "e")), what="the record, and with it its reply")
        later = ("FCALL", name_of("ringing"), 1, keys.tenant(scene.domain), call.key, 2, "later")
        store.calls._redis.hold(packed(later))
        store.settle()
        assert "2 later" in str(client.hget(name, "e"))
        assert stands("stats", "total_connections_received") == opened
        store.close()


@pytest.mark.parametrize("how", ["is started anew while idle", "is dead for a while", "hangs"])
def test_given_a_store_that_was_away_when_it_is_back_then_it_is_doubted_once_that_it_has_everything(
    how: str, server: RedisServer, opened: Open
) -> None:
    scene = opened(redis_timeout_ms=TIMEOUT_MS)
    scene.store.ping()
    assert not scene.store.reentries.doubted()
    if how == "hangs":
        server.freeze()
    else:
        server.kill()
    if how == "is started anew while idle":
        server.start()
        scene.store.ping()
    else:
        assert not is_back(scene)
        server.thaw() if how == "hangs" else server.start()
        until(lambda: is_back(scene), what="the store answers again")
    assert [scene.store.reentries.doubted() for _ in range(3)] == [True, False, False]


def test_given_a_store_that_is_full_when_a_call_is_refused_then_it_is_doubted_until_it_is_entered(
    server: RedisServer, opened: Open
) -> None:
    scene = opened()
    scene.ring()
    scene.store.reentries.doubted()
    with server.client() as client:
        client.config_set("maxmemory", 1)
        call = scene.ring()
        assert scene.store.reentries.doubted()
        scene.rings_again(call)
        assert scene.store.reentries.doubted()
        client.config_set("maxmemory", 0)
    scene.rings_again(call, 1_000)
    assert not scene.store.reentries.doubted()
    assert call in scene.seen()
