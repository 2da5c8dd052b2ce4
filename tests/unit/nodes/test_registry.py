"""What a node makes of what it hears when it says that it lives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from kemi.errors import StoreUnavailable
from kemi.nodes.peer import Known, Peer
from kemi.nodes.registry import ENDED_BEATS, Announced, Registry
from kemi.settings import Settings

A, B, C = (Peer(name, "1", f"udp:192.0.2.{at}:5060") for at, name in enumerate("abc", 1))
SETTINGS = Settings(node="a", boot="1", peer=A.address)
OLD_MS = 60_000


class Store:
    """Says what the test wants; None: it is away."""

    def __init__(self) -> None:
        self.says: Announced | None = None
        self.offered: list[str] = []

    def announce(self, peer: Peer, secret: str) -> Announced:
        assert peer == A
        self.offered.append(secret)
        if self.says is None:
            raise StoreUnavailable("away")
        return self.says


class Beating:
    def __init__(self) -> None:
        self.store, self.published, self.said = Store(), [], []  # type: ignore[var-annotated]
        self.registry = Registry(self.store, self.published.append, self.said.append, SETTINGS)

    def hears(
        self,
        *living: Peer,
        dead: tuple[Peer, ...] = (),
        age_ms: int = OLD_MS,
        accepted: bool = True,
        was_dead: bool = False,
    ) -> None:
        now_us = time.time_ns() // 1000 + 5_000_000
        self.store.says = Announced(accepted, "shared", now_us, age_ms, was_dead, living, dead)
        self.registry.beat()

    @property
    def known(self) -> Known:
        return Known.unpack(self.published[-1])


def test_given_others_who_live_when_it_beats_then_its_workers_know_them_the_secret_and_the_time() -> None:
    node = Beating()
    node.hears(B, A)
    assert node.known == Known("shared", 5_000, (A, B))


def test_given_nothing_new_when_it_beats_then_its_workers_are_told_nothing() -> None:
    node = Beating()
    for _ in range(3):
        node.hears(A, B)
    assert len(node.published) == 1


def test_given_a_peer_that_fell_silent_when_it_beats_then_it_is_known_no_more_and_is_buried() -> None:
    node = Beating()
    buried: list[Peer] = []
    node.registry.bury = buried.append
    node.hears(A, B, C)
    node.hears(A, C, dead=(B,))
    assert node.known.living == (A, C)
    assert buried == [B]


def test_given_a_peer_that_died_when_it_beats_on_then_what_waits_for_it_is_ended_for_some_beats() -> None:
    node = Beating()
    ended: list[Peer] = []
    node.registry.ended = ended.append
    node.hears(A, B)
    node.hears(A, dead=(B,))
    for _ in range(10):
        node.hears(A)
    assert ended == [B] * ENDED_BEATS


def test_given_the_store_away_when_it_beats_then_the_last_known_stay() -> None:
    node = Beating()
    node.hears(A, B)
    node.store.says = None
    node.registry.beat()
    assert node.known.living == (A, B)
    assert len(node.published) == 1


def test_given_a_store_that_lost_all_when_it_beats_then_it_offers_its_secret_and_keeps_who_has_not_spoken_yet() -> None:
    node = Beating()
    node.hears(A, B, C)
    restarted = replace(B, boot="2")
    node.hears(A, restarted, age_ms=500)
    assert node.store.offered[-1] == "shared"
    assert node.known.living == (A, restarted, C)
    node.hears(A, restarted, age_ms=SETTINGS.node_silence_ms)
    assert set(node.known.living) == {A, restarted}


def test_given_nodes_that_nobody_reaches_when_the_store_lost_all_then_the_silent_are_kept_too() -> None:
    node = Beating()
    alone, other = replace(B, address=""), replace(C, address="")
    node.hears(A, alone, other)
    node.hears(A, alone, age_ms=500)
    assert node.known.living == (A, alone, other)


def test_given_another_node_of_its_name_when_it_beats_then_that_is_said_once() -> None:
    node = Beating()
    for _ in range(3):
        node.hears(replace(A, boot="9"), accepted=False)
    assert len(node.said) == 1
    assert "'a'" in node.said[0]
    node.hears(A)
    node.hears(replace(A, boot="9"), accepted=False)
    assert len(node.said) == 2


def test_given_a_node_that_was_taken_for_dead_when_it_beats_then_it_is_told_once_each_time() -> None:
    node = Beating()
    missed: list[str] = []
    node.registry.missed = lambda: missed.append("contacts")
    node.hears(A, B)
    assert missed == []
    node.hears(A, B, was_dead=True)
    node.hears(A, B)
    assert len(missed) == 1


def test_given_a_store_that_lost_all_when_a_node_beats_then_it_has_missed_nothing() -> None:
    node = Beating()
    missed: list[str] = []
    node.registry.missed = lambda: missed.append("contacts")
    node.hears(A, B, was_dead=True, age_ms=500)
    assert missed == []


def test_given_a_node_that_is_silent_in_the_store_when_it_answers_then_it_lives_on_and_what_it_held_goes() -> None:
    node = Beating()
    buried: list[Peer] = []
    asked: list[tuple[Peer, ...]] = []

    def answering(silent: Sequence[Peer]) -> Sequence[Peer]:
        asked.append(tuple(silent))
        return [peer for peer in silent if peer == B]

    node.registry.bury, node.registry.answering = buried.append, answering
    node.hears(A, B, C)
    node.hears(A, dead=(B, C))
    assert node.known.living == (A, B)
    assert buried == [B, C]
    node.hears(A)
    assert node.known.living == (A, B), "the registry has forgotten it"
    node.hears(A, replace(B, boot="2"))
    assert node.known.living == (A, replace(B, boot="2")), "it was started anew"
    assert asked == [(B, C), (B,)], "nobody else is asked anything"


def test_given_a_node_at_the_place_of_another_when_that_falls_silent_then_nobody_answers_in_its_name() -> None:
    node = Beating()
    node.registry.answering = lambda silent: silent
    node.hears(A, B)
    node.hears(A, replace(C, address=B.address))
    assert node.known.living == (A, replace(C, address=B.address))
