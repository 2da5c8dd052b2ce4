"""When a node counts as grown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.load import soak
from tests.support.load.cost import Memory
from tests.support.load.growth import MIB, at_rest, lines_of
from tests.support.load.watch import Rest, Sample, numbers, pkg_used, table_entries

NAMES = {7: "udp receiver child=0"}
FLAT = Sample(
    at=0.0,
    processes={7: Memory(rss=50 * MIB, pss=8 * MIB, private=20 * MIB)},
    pkg={7: 600_000},
    shm_used=30 * MIB,
    shm_real=31 * MIB,
    entries=1000,
    transactions=200,
    redis_used=2 * MIB,
    redis_keys=150,
    failed=0,
)
MOMENTS = [n / 6 for n in range(120)]


def grown(*samples: Sample) -> list[str]:
    return [line.name for line in lines_of(samples, NAMES, entry_bytes=140.0) if line.grows]


def test_given_a_flat_node_when_judged_then_nothing_grows() -> None:
    assert grown(*(replace(FLAT, at=t) for t in MOMENTS)) == []


def test_given_tables_that_fill_up_and_calls_that_come_and_go_when_judged_then_their_memory_is_no_growth() -> None:
    samples = []
    for n, t in enumerate(MOMENTS):
        entries, transactions = int(1000 + 3000 * t), 200 + n * 37 % 50
        used = 30 * MIB + 140 * entries + 26_000 * transactions
        samples.append(replace(FLAT, at=t, entries=entries, transactions=transactions, shm_used=used))
    assert samples[-1].shm_used - samples[0].shm_used > 4 * MIB
    assert grown(*samples) == []


def test_given_each_kind_of_leak_when_judged_then_it_is_named() -> None:
    leaks: dict[str, Callable[[float], Sample]] = {
        "shm_of_no_call": lambda t: replace(FLAT, shm_used=FLAT.shm_used + int(t * MIB)),
        "redis_used_memory": lambda t: replace(FLAT, redis_used=FLAT.redis_used + int(t * MIB)),
        "redis_keys": lambda t: replace(FLAT, redis_keys=FLAT.redis_keys + int(20 * t)),
        "private[udp receiver child=0]": lambda t: replace(
            FLAT, processes={7: replace(FLAT.processes[7], private=20 * MIB + int(t * MIB))}
        ),
        "pkg[udp receiver child=0]": lambda t: replace(FLAT, pkg={7: 600_000 + int(20_000 * t)}),
    }
    for name, leak in leaks.items():
        assert grown(*(replace(leak(t), at=t) for t in MOMENTS)) == [name]


def test_given_resident_memory_that_shared_pages_make_grow_when_judged_then_it_is_shown_only() -> None:
    memory = FLAT.processes[7]
    samples = [replace(FLAT, at=t, processes={7: replace(memory, rss=memory.rss + int(t * MIB))}) for t in MOMENTS]
    assert grown(*samples) == []
    assert next(line for line in lines_of(samples, NAMES, 140.0) if line.name == "kamailio_rss").trend.rise > 10 * MIB


def test_given_a_node_at_rest_when_calls_left_keys_or_memory_then_they_are_named() -> None:
    before = Rest(10 * MIB, MIB, 0, 0.0)
    assert at_rest(before, before, 1000)["grows"] == []
    assert at_rest(before, replace(before, left_keys=1), 1000)["grows"] == ["left_keys"]
    assert at_rest(before, replace(before, left_keys=4), 1000, lost_by_sipp=2)["grows"] == []
    assert at_rest(before, replace(before, left_keys=5), 1000, lost_by_sipp=2)["grows"] == ["left_keys"]
    assert at_rest(before, replace(before, transactions=2), 1000)["grows"] == ["left_transactions"]
    assert at_rest(before, replace(before, shm_used=11 * MIB), 1000)["grows"] == ["shm_at_rest"]
    assert at_rest(before, replace(before, shm_used=11 * MIB), 100_000)["grows"] == []
    assert at_rest(before, replace(before, redis_used=3 * MIB), 1000)["grows"] == ["redis_at_rest"]


def test_given_what_kamcmd_prints_when_read_then_the_numbers_are_found() -> None:
    assert numbers("{\n\ttotal: 536870912\n\tused: 5891912\n\treal_used: 6139024\n}")["real_used"] == 6139024
    pkg = "{\n\tentry: 0\n\tpid: 29051\n\trank: 0\n\tused: 597152\n\tfree: 7\n}\n{\n\tpid: 12\n\trank: -4\n\tused: 5\n}"
    assert pkg_used(pkg) == {29051: 597152, 12: 5}
    tables = "".join(
        f"{{\n\tname: {name}\n\tslots: 1024\n\tall: {count}\n\tmin: 0\n\tmax: 1\n}}\n"
        for name, count in {"flood": 3, "names": 40, "refused": 2}.items()
    )
    assert table_entries(tables) == 42


@pytest.mark.parametrize(
    ("minutes", "rate", "found"),
    [(20, 200, 6.0), (20, 20, 10.0), (3, 400, 0.9), (0.04, 20, 10.0), (0.1, 20_000, 0.25)],
)
def test_given_the_length_and_rate_of_a_soak_when_its_warm_up_is_asked_for_then_what_fills_up_is_full_by_then(
    minutes: float, rate: float, found: float
) -> None:
    assert soak.warm_up_minutes(minutes, rate) == found
