"""Wrong passwords and the pauses after them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.abuse.passwords import Passwords, pause_s
from kemi.settings import Settings
from kemi.sip.aor import Aor
from tests.support.fake_counters import Clock, FakeCounters

DAVE, ERIN = Aor("104", "pbx.example.com"), Aor("105", "pbx.example.com")
HOME, AWAY = "192.0.2.4", "192.0.2.5"
PHONE, OTHER = "udp:192.0.2.4:5060", "udp:192.0.2.4:5061"
SETTINGS = replace(Settings(), auth_failures=3, auth_window_s=100, auth_backoff_s=10, auth_backoff_max_s=35)


class Bench:
    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.clock = Clock()
        self.counts = FakeCounters(self.clock)
        self.passwords = Passwords(self.counts, settings, self.clock)

    def wrong(self, times: int = 1, *, device: str = OTHER) -> None:
        for _ in range(times):
            self.passwords.wrong(HOME, device, DAVE)

    def wait_s(self, *, source: str = HOME, device: str = OTHER, user: Aor = DAVE) -> int:
        return self.passwords.wait_s(source, device, user)


@pytest.mark.parametrize(
    ("pauses", "seconds"), [(1, 15), (2, 30), (3, 60), (6, 480), (7, 900), (8, 900), (10_000, 900)]
)
def test_given_pauses_before_when_the_next_is_asked_then_it_is_twice_as_long_up_to_a_bound(
    pauses: int, seconds: int
) -> None:
    assert pause_s(pauses, first_s=15, most_s=900) == seconds


def test_given_wrong_passwords_when_they_are_too_many_then_there_is_a_pause_for_that_user_from_there_alone() -> None:
    bench = Bench()
    bench.wrong(2)
    assert bench.wait_s() == 0
    bench.wrong()
    assert bench.wait_s() == 10
    assert bench.wait_s(device="tcp:192.0.2.4:1") == 10
    assert bench.wait_s(user=ERIN) == bench.wait_s(source=AWAY, device="udp:192.0.2.5:1") == 0
    bench.clock.now_s += 4
    assert bench.wait_s() == 6


def test_given_a_pause_that_is_over_when_it_is_wrong_again_then_the_next_comes_at_once_and_is_longer() -> None:
    bench = Bench()
    bench.wrong(3)
    waits = [bench.wait_s()]
    for _ in range(3):
        bench.clock.now_s += waits[-1]
        assert bench.wait_s() == 0
        bench.wrong()
        waits.append(bench.wait_s())
    assert waits == [10, 20, 35, 35]


def test_given_a_pause_long_ago_when_it_is_wrong_again_then_all_begins_anew() -> None:
    bench = Bench()
    bench.wrong(3)
    bench.clock.now_s += 111
    bench.wrong(2)
    assert bench.wait_s() == 0
    bench.wrong()
    assert bench.wait_s() == 10


def test_given_the_right_password_when_it_is_wrong_later_then_what_was_before_is_forgotten() -> None:
    bench = Bench()
    bench.wrong(3)
    bench.clock.now_s += 10
    bench.passwords.right(HOME, OTHER, DAVE)
    bench.wrong(2)
    assert bench.wait_s() == 0


def test_given_wrong_passwords_far_apart_when_counted_then_there_is_no_pause() -> None:
    bench = Bench()
    for _ in range(20):
        bench.wrong()
        bench.clock.now_s += 60
        assert bench.wait_s() == 0


def test_given_a_device_that_is_known_when_its_neighbours_guess_then_it_is_not_locked_out_and_they_are() -> None:
    bench = Bench()
    bench.passwords.right(HOME, PHONE, DAVE)
    bench.wrong(3)
    assert bench.wait_s() == 10
    assert bench.wait_s(device=PHONE) == 0
    # What it sends itself counts for it, and no more for its neighbours than they have had.
    bench.wrong(3, device=PHONE)
    assert bench.wait_s(device=PHONE) == 10
    bench.clock.now_s += 10
    assert bench.wait_s(device=PHONE) == bench.wait_s() == 0


def test_given_no_bound_when_wrong_then_there_is_never_a_pause() -> None:
    bench = Bench(replace(SETTINGS, auth_failures=0))
    bench.wrong(1_000)
    assert (bench.wait_s(), len(bench.counts)) == (0, 0)
