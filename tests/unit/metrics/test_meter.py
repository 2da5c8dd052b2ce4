"""What a process counts, and how others read it."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from kemi.cli.metrics import Domains, counted_metrics
from kemi.metrics import catalogue, cells
from kemi.metrics.meter import Meter


def counted(folder: Path) -> Counter[tuple[str, ...]]:
    """The sums over all processes."""
    found: Counter[tuple[str, ...]] = Counter()
    for path in folder.iterdir():
        for name, number in cells.read(path):
            found[tuple(json.loads(name))] += number
    return found


def in_a_process(act: object) -> None:
    pid = os.fork()
    if not pid:
        act()  # type: ignore[operator]
        # As a worker that is killed: nothing is flushed, nothing closed.
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_given_processes_that_have_ended_when_read_then_what_they_counted_is_in_the_sum(tmp_path: Path) -> None:
    meter = Meter(str(tmp_path), 10)

    def worker() -> None:
        meter.open()
        meter.count(catalogue.CLAIMS)
        meter.count(catalogue.PICKUPS, "a.example.com", "picked_up", "replaces", more=2)

    in_a_process(worker)
    in_a_process(worker)
    found = counted(tmp_path)
    assert found["claims",] == 2
    assert found["pickups", "a.example.com", "picked_up", "replaces"] == 4


def test_given_a_process_number_that_comes_again_when_opened_then_it_counts_on(tmp_path: Path) -> None:
    for _ in range(2):
        meter = Meter(str(tmp_path), 10)
        meter.open()
        meter.count(catalogue.CLAIMS)
        meter.observe(catalogue.SEARCH_SECONDS, 0.002)
    found = counted(tmp_path)
    assert found["claims",] == 2
    assert found["pickup_search_duration_seconds", "0.0025"] == 2
    assert found["pickup_search_duration_seconds", "sum"] == 4000


def test_given_no_file_when_counted_then_nothing_fails_and_nothing_is_written(tmp_path: Path) -> None:
    meter = Meter(str(tmp_path / "none"), 10)
    meter.count(catalogue.CLAIMS)
    meter.observe(catalogue.SEARCH_SECONDS, 99.0)
    meter.put(catalogue.BREAKER, 1)
    assert not (tmp_path / "none").exists()


def test_given_more_tenants_than_allowed_when_named_then_the_others_share_one_name(tmp_path: Path) -> None:
    meter = Meter(str(tmp_path), 2)
    assert [meter.domain(name) for name in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


def test_given_more_series_than_there_is_room_for_when_counted_then_they_are_counted_as_dropped(
    tmp_path: Path,
) -> None:
    meter = Meter(str(tmp_path), 10**6)
    meter.open()
    for number in range(cells.ROOM + 100):
        meter.count(catalogue.PICKUPS, f"t{number}.example.com", "picked_up", "replaces")
    # A histogram still finds its place.
    meter.observe(catalogue.SEARCH_SECONDS, 0.002)
    found = counted(tmp_path)
    assert found["series_dropped",] > 100
    assert sum(found.values()) == cells.ROOM + 100 + 1 + 2000
    assert found["pickup_search_duration_seconds", "sum"] == 2000


def test_given_long_names_when_counted_then_they_never_leave_their_place(tmp_path: Path) -> None:
    meter = Meter(str(tmp_path), 10**6)
    meter.open()
    for number in range(cells.ROOM):
        meter.count(catalogue.PICKUPS, f"{number:0255}", "picked_up", "replaces")
    meter.count(catalogue.CLAIMS)
    assert sum(counted(tmp_path).values()) == cells.ROOM + 1


def test_given_a_file_that_is_torn_or_foreign_when_read_then_it_says_nothing(tmp_path: Path) -> None:
    for content in (b"", b"s87cells", b"x" * 100, cells.MAGIC + b"\xff" * 100):
        (tmp_path / "1").write_bytes(content)
        assert cells.read(tmp_path / "1") == []
    assert cells.read(tmp_path / "none") == []


def test_given_times_when_shown_then_buckets_are_cumulative_and_the_sum_is_in_seconds() -> None:
    name = catalogue.SEARCH_SECONDS.name
    processes: list[dict[tuple[str, ...], int]] = [
        {(name, "sum"): 1_500_000, (name, "0.0005"): 1, (name, "2.5"): 1},
        {(name, "sum"): 20_000_000, (name, "+Inf"): 1},
    ]
    family = next(f for f in counted_metrics(processes, Domains(1), 0) if f.name == f"star87_{name}")
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (buckets["0.0005"], buckets["1.0"], buckets["2.5"], buckets["10.0"], buckets["+Inf"]) == (1, 1, 2, 2, 3)
    assert {s.name.rpartition("_")[2]: s.value for s in family.samples if "le" not in s.labels} == {
        "count": 3,
        "sum": 21.5,
    }


def test_given_breakers_when_shown_then_those_are_open_whose_moment_has_not_passed() -> None:
    name = (catalogue.BREAKER.name,)
    processes: list[dict[tuple[str, ...], int]] = [{name: 50}, {name: 150}, {name: 0}]
    families = {family.name: family for family in counted_metrics(processes, Domains(1), 100)}
    assert families["star87_store_breakers_open"].samples[0].value == 1


def test_given_known_results_when_nothing_was_counted_then_they_are_shown_as_zero() -> None:
    families = {family.name: family for family in counted_metrics([], Domains(1), 0)}
    assert {s.labels["result"]: s.value for s in families["star87_pickup_races"].samples} == {
        "too_late": 0,
        "ended": 0,
        "crossed": 0,
    }


def test_given_tenants_when_named_then_the_first_keep_their_names() -> None:
    domains = Domains(2)
    assert domains.label("idle", counted=False) == "other"
    assert [domains.label(name) for name in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]
    assert domains.label("a", counted=False) == "a"
