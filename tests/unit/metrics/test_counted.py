"""Pickups are counted on their way to the store, and reach it as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.directory import Grants
from kemi.errors import AlreadyAnswered
from kemi.metrics.counted import CountedPickups, CountedRecord
from kemi.metrics.meter import Meter
from kemi.pickup.claim import Wanted
from kemi.pickup.event import PickupEvent
from kemi.sip.aor import Aor
from tests.support.fake_store import FakePickupStore, FakeRecord
from tests.unit.metrics.test_meter import counted


@pytest.fixture
def meter(tmp_path: Path) -> Meter:
    meter = Meter(str(tmp_path), 1)
    meter.open()
    return meter


WANTED = Wanted(Aor("103", "a.example.com"), "token", Grants())


def test_given_searches_when_counted_then_what_is_found_and_what_is_lost_are_told_apart(
    meter: Meter, tmp_path: Path
) -> None:
    nothing = CountedPickups(FakePickupStore(), meter)
    assert nothing.claim(WANTED) is None
    lost = CountedPickups(FakePickupStore(AlreadyAnswered("somebody was faster")), meter)
    with pytest.raises(AlreadyAnswered):
        lost.claim(WANTED)
    found = counted(tmp_path)
    assert found["pickup_races", "too_late"] == 1
    assert found["claims",] == 0
    assert sum(n for key, n in found.items() if key[0] == "pickup_search_duration_seconds" and key[1] != "sum") == 2


def test_given_outcomes_when_recorded_then_each_is_counted_and_written(meter: Meter, tmp_path: Path) -> None:
    record = FakeRecord()
    events = [
        PickupEvent("a.example.com", "103", "101", "picked_up", 200, mode="replaces", took_ms=4, waited_ms=3000),
        PickupEvent("b.example.com", "103", "101", "not_permitted", 403),
    ]
    for event in events:
        CountedRecord(record, meter).write(event)
    assert record.events == events
    found = counted(tmp_path)
    assert found["pickups", "a.example.com", "picked_up", "replaces"] == 1
    assert found["pickups", "other", "not_permitted", "none"] == 1
    assert found["pickup_duration_seconds", "replaces", "0.005"] == 1
    assert found["pickup_ring_duration_seconds", "5.0"] == 1
    assert not any(key[:2] == ("pickup_duration_seconds", "none") for key in found), "a refusal is no pickup made"
