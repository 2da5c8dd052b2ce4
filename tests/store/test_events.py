"""The pickup record: written, bounded, read in order."""

from __future__ import annotations

from dataclasses import replace

import redis

from kemi.pickup.event import PickupEvent
from kemi.settings import Settings
from kemi.store import Store, open_store
from tests.store.scene import DOMAIN, Scene

WHOLE = PickupEvent(
    domain=DOMAIN,
    picker="109",
    dialled="700",
    outcome="picked_up",
    status=200,
    mode="replaces",
    account="700",
    kind="hunt_group",
    caller="sip:zoë@carrier.example",
    call_id='a "quoted"\n{odd}\x01\udcff id',
    tried=2,
    waited_ms=1234,
    rang=("101", "102"),
    took_ms=5,
)
REFUSED = PickupEvent(domain=DOMAIN, picker="109", dialled="", outcome="not_permitted", status=403)
NODE_ENTRIES = 100
"""Redis cuts a stream in whole nodes (stream-node-max-entries)."""


def write(store: Store, *events: PickupEvent) -> None:
    for event in events:
        store.events.write(event)
    store.settle()


def test_given_attempts_when_they_are_written_then_they_are_read_as_they_were_in_their_order(
    scene: Scene,
) -> None:
    before_us = scene.now_us()
    write(scene.store, WHOLE, REFUSED)
    first, second = scene.store.events.read(DOMAIN)
    assert replace(first, id="", at_ms=0) == WHOLE
    assert replace(second, id="", at_ms=0) == REFUSED
    assert before_us // 1000 <= first.at_ms <= second.at_ms <= scene.now_us() // 1000
    assert first.id != second.id


def test_given_nothing_written_when_the_record_is_read_then_it_is_empty(scene: Scene) -> None:
    assert scene.store.events.read(DOMAIN) == []
    assert scene.store.events.latest(DOMAIN) == []


def test_given_a_known_entry_when_the_record_is_read_after_it_then_only_later_ones_come(store: Store) -> None:
    write(store, *(replace(REFUSED, took_ms=n) for n in range(1, 6)))
    known = store.events.read(DOMAIN, count=2)
    assert [event.took_ms for event in known] == [1, 2]
    assert [event.took_ms for event in store.events.read(DOMAIN, after=known[-1].id)] == [3, 4, 5]
    assert store.events.read(DOMAIN, after=store.events.latest(DOMAIN, count=1)[0].id) == []


def test_given_many_entries_when_the_latest_are_asked_for_then_they_come_oldest_first(store: Store) -> None:
    write(store, *(replace(REFUSED, took_ms=n) for n in range(1, 6)))
    assert [event.took_ms for event in store.events.latest(DOMAIN, count=3)] == [3, 4, 5]


def test_given_two_tenants_when_one_s_record_is_read_then_the_other_s_entries_are_not_in_it(
    store: Store,
) -> None:
    write(store, REFUSED, replace(REFUSED, domain="other.example.com"))
    assert [event.domain for event in store.events.read(DOMAIN)] == [DOMAIN]
    assert [event.domain for event in store.events.read("other.example.com")] == ["other.example.com"]


def test_given_a_bound_when_many_more_entries_are_written_then_the_newest_are_kept_and_about_the_bound(
    settings: Settings, raw: redis.Redis
) -> None:
    bounded = open_store(replace(settings, events_max=20))
    write(bounded, *(replace(WHOLE, took_ms=n) for n in range(1, 501)))
    kept = bounded.events.read(DOMAIN)
    assert 20 <= len(kept) < 20 + 2 * NODE_ENTRIES
    assert [event.took_ms for event in kept] == list(range(501 - len(kept), 501))
    assert raw.xlen(f"s87:{{{DOMAIN}}}:events") == len(kept)
    bounded.close()
