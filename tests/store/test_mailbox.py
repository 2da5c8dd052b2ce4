"""What consoles ask of nodes, on a real Redis: fetched once, by the node that was asked, and not for long."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
import redis

from kemi.pickup.console import Asked, Told
from kemi.settings import Settings
from kemi.store import Store, keys, open_store
from kemi.store.mailbox import WAIT_MOST, WAITS_MS
from tests.support.redis_server import RedisServer
from tests.support.until import until


def asked(number: int) -> Asked:
    return Asked(f"r{number}", "pbx.example.com", "103", "101", f"key{number}")


@pytest.fixture
def nodes(redis_server: RedisServer) -> tuple[Store, Store]:
    settings = replace(Settings(), redis_url=redis_server.url, redis_timeout_ms=5_000)
    found = tuple(open_store(replace(settings, node=name)) for name in ("n1", "n2"))
    found[0].load_functions()
    return cast(tuple[Store, Store], found)


def test_given_requests_when_fetched_then_each_comes_once_in_order_and_to_its_node_alone(
    nodes: tuple[Store, Store],
) -> None:
    one, other = (node.mailbox for node in nodes)
    assert other.fetch() == []
    for number in range(3):
        assert one.ask("n2", asked(number))
    assert one.fetch() == []
    assert other.fetch() == [asked(number).pack() for number in range(3)]
    assert other.fetch() == []


def test_given_an_answer_when_looked_for_then_it_is_found_under_its_request_and_ends_by_itself(
    nodes: tuple[Store, Store], raw: redis.Redis
) -> None:
    one, other = (node.mailbox for node in nodes)
    assert one.told("r1") is None
    other.tell("r1", Told(410, "Already Answered", "somebody was faster"))
    assert one.told("r1") == Told(410, "Already Answered", "somebody was faster")
    assert one.told("r2") is None
    assert 0 < cast(int, raw.pttl(keys.told("r1"))) <= WAITS_MS


def test_given_a_node_that_fetches_nothing_when_asked_then_the_box_is_bounded_and_nothing_waits_for_long(
    nodes: tuple[Store, Store], raw: redis.Redis
) -> None:
    box = nodes[0].mailbox
    assert all(box.ask("dead", asked(number)) for number in range(WAIT_MOST))
    assert not box.ask("dead", asked(WAIT_MOST))
    assert 0 < cast(int, raw.pttl(keys.asked("dead"))) <= WAITS_MS


def test_given_a_request_that_waited_too_long_when_fetched_then_it_is_dropped(
    nodes: tuple[Store, Store], raw: redis.Redis
) -> None:
    """A request that came later keeps the box, not what nobody waits for any more."""
    one, other = (node.mailbox for node in nodes)
    one.ask("n2", asked(1))
    raw.zadd(keys.asked("n2"), {asked(0).pack(): 1})
    until(lambda: raw.zcard(keys.asked("n2")) == 2)
    assert other.fetch() == [asked(1).pack()]
