"""The registry of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
import redis

from kemi.nodes.peer import Peer
from kemi.settings import Settings
from kemi.store import Store, open_store
from kemi.store.keys import NODES
from tests.support.until import until

SILENCE_MS = 300
A, B = Peer("a", "a1", "udp:192.0.2.1:5060"), Peer("b", "b1", "udp:192.0.2.2:5060")


@pytest.fixture
def quick(settings: Settings) -> Iterator[Store]:
    """Nodes that are dead when they are silent for 300 ms."""
    store = open_store(replace(settings, node_silence_ms=SILENCE_MS))
    store.load_functions()
    yield store
    store.close()


def test_given_two_nodes_when_each_announces_itself_then_both_know_both_and_share_one_secret(store: Store) -> None:
    first = store.nodes.announce(A, "of-a")
    second = store.nodes.announce(B, "of-b")
    assert first.accepted
    assert first.living == (A,)
    assert second.accepted
    assert set(second.living) == {A, B}
    assert first.secret == second.secret == "of-a"
    assert second.dead == ()


def test_given_a_living_node_when_another_of_its_name_announces_itself_then_it_is_refused(store: Store) -> None:
    store.nodes.announce(A, "s")
    other = replace(A, boot="a2", address="udp:192.0.2.9:5060")
    heard = store.nodes.announce(other, "s")
    assert not heard.accepted
    assert heard.living == (A,)
    assert store.nodes.announce(A, "s").living == (A,)


def test_given_a_silent_node_when_others_beat_on_then_it_is_dead_and_its_name_is_free(quick: Store) -> None:
    quick.nodes.announce(A, "s")
    until(lambda: quick.nodes.announce(B, "s").dead == (A,), within_s=5)
    successor = replace(A, boot="a2")
    heard = quick.nodes.announce(successor, "s")
    assert heard.accepted
    assert set(heard.living) == {successor, B}
    assert heard.dead == (A,)


def test_given_a_node_that_was_silent_while_others_spoke_when_it_is_back_then_it_hears_once_that_it_was_dead(
    quick: Store,
) -> None:
    assert quick.nodes.announce(A, "s").was_dead, "others knew nothing of it"
    assert not quick.nodes.announce(A, "s").was_dead
    until(lambda: quick.nodes.announce(B, "s").dead == (A,), within_s=5)
    back = quick.nodes.announce(A, "s")
    assert back.was_dead
    assert set(back.living) == {A, B}
    assert not quick.nodes.announce(A, "s").was_dead
    until(lambda: quick.nodes.announce(B, "s").dead == (A,), within_s=5)
    quick.nodes.buried(A)
    assert quick.nodes.announce(A, "s").was_dead, "what it held has been removed"


def test_given_a_store_that_nobody_could_reach_when_it_is_back_then_nobody_has_died_of_it(
    store: Store, raw: redis.Redis
) -> None:
    store.nodes.announce(A, "s")
    store.nodes.announce(B, "s")
    # An hour in which no node could say anything.
    for name, line in cast(dict[bytes, bytes], raw.hgetall(NODES)).items():
        if name.startswith(b"n "):
            seen, _, address = line.decode().partition(" ")
            raw.hset(NODES, name.decode(), f"{int(seen) - 3_600_000_000} {address}")
    raw.hincrby(NODES, "at", -3_600_000_000)
    heard = store.nodes.announce(A, "s")
    assert set(heard.living) == {A, B}
    assert not heard.was_dead


def test_given_a_node_that_says_that_it_ends_when_another_beats_then_it_is_dead_at_once(store: Store) -> None:
    store.nodes.announce(A, "s")
    store.nodes.announce(B, "s")
    store.nodes.depart(A.name, A.boot)
    heard = store.nodes.announce(B, "s")
    assert heard.living == (B,)
    assert heard.dead == (A,)


def test_given_a_node_that_was_never_there_when_it_departs_then_nothing_is_written(
    store: Store, raw: redis.Redis
) -> None:
    store.nodes.depart("nobody", "0")
    assert raw.exists(NODES) == 0
