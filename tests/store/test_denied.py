"""Pickers who are refused too often, and what they leave in the record; counted over all nodes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import cast

import pytest
import redis

from kemi.errors import RateLimited, StoreUnavailable
from kemi.pickup.event import PickupEvent
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.store import Store, open_store
from kemi.store.events import REFUSALS_A_MINUTE
from tests.store.scene import DOMAIN, PICKER, Scene

LIMIT = Settings().denied_pickups_per_min
MINUTE_MS = 60_000
NAME = f"s87:{{{DOMAIN}}}:denied:{PICKER}"


@pytest.fixture
def other(settings: Settings) -> Iterator[Store]:
    """Another node of the same store."""
    store = open_store(replace(settings, node="other"))
    yield store
    store.close()


def deny(store: Store, times: int = 1, picker: str = PICKER) -> None:
    for _ in range(times):
        store.calls.denied(Aor(picker, DOMAIN))


def test_given_denied_attempts_on_two_nodes_when_they_are_more_than_the_limit_then_all_that_follow_are_refused_on_both(
    scene: Scene, other: Store
) -> None:
    deny(scene.store, LIMIT - 1)
    deny(other)
    call = scene.ring()
    seen = []
    for store in (scene.store, other, scene.store):
        with pytest.raises(RateLimited) as refused:
            deny(store)
        seen.append(refused.value.is_first)
        assert (refused.value.status, refused.value.outcome) == (403, "rate_limited")
        assert 0 < refused.value.retry_after_s <= 60
    assert seen == [True, False, False]
    # A pickup that he would be permitted is not looked for either.
    with pytest.raises(RateLimited) as refused:
        scene.pick("101")
    assert not refused.value.is_first
    assert scene.seen()[call].claimed_by == ""
    # Another picker has a limit of his own, and so has the same number elsewhere.
    deny(scene.store, picker="110")
    scene.store.calls.denied(Aor(PICKER, "other.example.com"))
    assert scene.picked_up("101", picker="110") == call


def test_given_the_limit_reached_when_a_permitted_pickup_is_the_first_past_it_then_it_is_the_one_that_is_recorded(
    scene: Scene,
) -> None:
    scene.ring()
    deny(scene.store, LIMIT)
    with pytest.raises(RateLimited) as first:
        scene.pick()
    with pytest.raises(RateLimited) as second:
        deny(scene.store)
    assert (first.value.is_first, second.value.is_first) == (True, False)


def test_given_a_picker_below_the_limit_when_he_picks_up_then_nothing_is_counted(scene: Scene) -> None:
    deny(scene.store, LIMIT - 1)
    for _ in range(3 * LIMIT):
        assert scene.picked_up() is None
    assert scene.redis.get(NAME) == str(LIMIT - 1).encode()
    call = scene.ring()
    assert scene.picked_up() == call


def test_given_denied_attempts_when_more_follow_then_the_minute_is_that_of_the_first(scene: Scene) -> None:
    deny(scene.store)
    scene.redis.pexpire(NAME, 1_500)
    deny(scene.store, LIMIT - 1)
    with pytest.raises(RateLimited) as refused:
        deny(scene.store)
    assert refused.value.retry_after_s in (1, 2)
    assert 0 < cast(int, scene.redis.pttl(NAME)) <= 1_500
    # The minute is over.
    scene.redis.delete(NAME)
    deny(scene.store)
    assert MINUTE_MS - 5_000 < cast(int, scene.redis.pttl(NAME)) <= MINUTE_MS


def test_given_no_limit_when_denied_then_the_store_is_not_asked(settings: Settings, raw: redis.Redis) -> None:
    store = open_store(replace(settings, denied_pickups_per_min=0))
    deny(store, 5 * LIMIT)
    assert raw.keys("*") == []
    store.close()


def test_given_no_store_when_denied_then_it_is_said(settings: Settings) -> None:
    store = open_store(replace(settings, redis_url="unix:///nowhere/redis.sock"))
    with pytest.raises(StoreUnavailable):
        deny(store)
    store.close()


def test_given_many_nodes_at_once_when_one_picker_is_denied_then_the_limit_is_exact_and_one_is_first(
    settings: Settings,
) -> None:
    stores = [open_store(replace(settings, node=f"n{n}")) for n in range(8)]

    def storm(store: Store) -> list[bool | None]:
        said: list[bool | None] = []
        for _ in range(LIMIT):
            try:
                deny(store)
                said.append(None)
            except RateLimited as refused:
                said.append(refused.is_first)
        return said

    stores[0].load_functions()
    with ThreadPoolExecutor(len(stores)) as threads:
        said = [word for words in threads.map(storm, stores) for word in words]
    assert (said.count(None), said.count(True), len(said)) == (LIMIT, 1, 8 * LIMIT)
    for store in stores:
        store.close()


# The record


def test_given_a_picker_who_is_refused_without_end_when_written_then_his_share_of_the_record_is_bounded(
    scene: Scene,
) -> None:
    refusal = PickupEvent(DOMAIN, PICKER, "101", "nothing_eligible", 480)
    for _ in range(2 * REFUSALS_A_MINUTE):
        scene.store.events.write(refusal)
    picked_up = replace(refusal, outcome="picked_up", status=200)
    scene.store.events.write(picked_up)
    scene.store.events.write(replace(refusal, picker="110"))
    scene.store.settle()

    record = scene.store.events.read(DOMAIN)

    expected = ["nothing_eligible"] * REFUSALS_A_MINUTE
    assert [event.outcome for event in record] == [*expected, "picked_up", "nothing_eligible"]
    assert [event.picker for event in record[-2:]] == [PICKER, "110"]
    assert 0 < cast(int, scene.redis.pttl(f"s87:{{{DOMAIN}}}:noted:{PICKER}")) <= MINUTE_MS
