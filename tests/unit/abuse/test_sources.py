"""What a source may do: floods, strikes, open challenges, and who is heard all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.abuse.counters import name_of, source_of
from kemi.abuse.sources import FLOOD_SLOTS, FLOOD_TURNS, Flood, Sources
from kemi.settings import Settings
from kemi.sip.aor import Aor
from tests.support.fake_counters import Clock, FakeCounters

DAVE, ERIN = Aor("104", "pbx.example.com"), Aor("105", "pbx.example.com")
HOME, AWAY = "192.0.2.4", "192.0.2.5"
SETTINGS = replace(Settings(), scan_strikes=3, scan_window_s=60, block_s=30, flood_requests_per_s=5)


class Bench:
    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.clock = Clock()
        self.rates, self.counts = FakeCounters(self.clock), FakeCounters(self.clock)
        self.reported: list[str] = []
        self.sources = Sources(self.rates, self.counts, settings, self.reported.append, self.clock)

    def strikes(self, times: int, source: str = HOME) -> None:
        for _ in range(times):
            self.sources.strike(source)

    def challenges(self, times: int, source: str = HOME) -> None:
        for _ in range(times):
            self.sources.challenged(source)


# Sources


@pytest.mark.parametrize(
    ("ip", "source"),
    [
        ("192.0.2.4", "192.0.2.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("[2001:DB8:1:2::9]", "2001:db8:1:2::"),
        ("2001:db8:1:3::9", "2001:db8:1:3::"),
    ],
)
def test_given_an_address_when_its_source_is_asked_then_an_ipv6_network_is_one(ip: str, source: str) -> None:
    assert source_of(ip) == source


def test_given_odd_words_when_named_then_names_are_short_plain_and_apart() -> None:
    words = ["", "a", "\0", "x" * 65_536, "zoë", "\udcff", "a\0b"]
    names = {name_of(kind, HOME, word) for word in words for kind in "ab"}
    names.add(name_of("a", HOME, "a", "b"))
    assert len(names) == 2 * len(words)
    assert all(name.isascii() and len(name) == 17 for name in names)


# Floods


def test_given_more_requests_than_the_bound_when_counted_then_only_those_beyond_flood_until_the_second_is_over() -> (
    None
):
    bench = Bench()
    for _ in range(3):
        counted = [bench.sources.flood(HOME) for _ in range(52)]
        assert counted == [Flood.NONE] * 5 + [Flood.HIGH] * 45 + [Flood.TOO_HIGH] * 2
        assert bench.sources.flood(AWAY) is Flood.NONE
        bench.clock.now_s += 1


def test_given_no_bound_when_counted_then_nothing_floods() -> None:
    bench = Bench(replace(SETTINGS, flood_requests_per_s=0))
    assert {bench.sources.flood(HOME) for _ in range(10_000)} == {Flood.NONE}
    assert len(bench.rates) == 0


def test_given_a_forged_source_each_time_when_counted_then_the_names_are_bounded() -> None:
    bench = Bench()
    for number in range(3 * FLOOD_SLOTS):
        bench.sources.flood(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(bench.rates) <= FLOOD_SLOTS * FLOOD_TURNS


# Strikes


def test_given_strikes_beyond_the_bound_when_counted_then_that_source_is_blocked_for_a_while_and_it_is_said_once() -> (
    None
):
    bench = Bench()
    bench.strikes(3)
    assert (bench.sources.blocked_s(HOME), bench.reported) == (0, [])
    bench.strikes(1)
    assert bench.sources.blocked_s(HOME) == 30
    assert bench.reported == [f"{HOME} sent too much without authority and is not heard for 30 s"]
    bench.strikes(1)
    assert bench.sources.blocked_s(AWAY) == bench.sources.shut_s(HOME) == 0
    bench.clock.now_s += 10
    assert bench.sources.blocked_s(HOME) == 20
    bench.clock.now_s += 20
    assert bench.sources.blocked_s(HOME) == 0
    assert len(bench.reported) == 1


def test_given_strikes_far_apart_when_counted_then_nobody_is_blocked() -> None:
    bench = Bench()
    for _ in range(20):
        bench.strikes(1)
        bench.clock.now_s += 25
    assert bench.reported == []


def test_given_no_bound_when_struck_then_nobody_is_blocked() -> None:
    bench = Bench(replace(SETTINGS, scan_strikes=0))
    bench.strikes(1_000)
    bench.challenges(1_000)
    assert (bench.sources.blocked_s(HOME), bench.sources.shut_s(HOME), len(bench.counts)) == (0, 0, 0)


def test_given_a_block_when_asked_whom_to_tell_then_only_the_first_and_again_with_the_next_block() -> None:
    bench = Bench()
    bench.strikes(4)
    assert [bench.sources.is_told_now(HOME) for _ in range(3)] == [True, False, False]
    bench.clock.now_s += 31
    bench.strikes(4)
    assert [bench.sources.is_told_now(HOME) for _ in range(2)] == [True, False]


def test_given_the_same_bytes_when_they_come_again_then_they_are_seen_until_nothing_is_sent_again() -> None:
    bench = Bench()
    assert [bench.sources.is_seen(HOME, "a") for _ in range(3)] == [False, True, True]
    assert not bench.sources.is_seen(HOME, "b")
    assert not bench.sources.is_seen(AWAY, "a")
    bench.clock.now_s += 33
    assert not bench.sources.is_seen(HOME, "a")


# Challenges and good credentials


def test_given_every_challenge_answered_when_many_register_then_nothing_is_left_open() -> None:
    bench = Bench()
    for number in range(100):
        user = Aor(str(number), "pbx.example.com")
        bench.challenges(1)
        bench.sources.proved(HOME, user, user)
    assert (bench.sources.shut_s(HOME), bench.reported) == (0, [])


def test_given_too_many_open_challenges_when_one_is_answered_then_challenges_go_out_again() -> None:
    bench = Bench()
    bench.challenges(4)
    assert bench.sources.shut_s(HOME) == 30
    assert bench.sources.blocked_s(HOME) == 0
    assert bench.sources.is_told_now(HOME)
    bench.sources.proved(HOME, DAVE, DAVE)
    assert bench.sources.shut_s(HOME) == 0
    bench.challenges(4)
    assert bench.sources.is_told_now(HOME)


def test_given_a_user_who_proved_himself_before_when_he_does_so_again_then_no_other_s_challenge_is_taken_back() -> None:
    """Else whoever has one account could scan from there without end."""
    bench = Bench()
    bench.challenges(1)
    bench.sources.proved(HOME, DAVE, DAVE)
    for _ in range(4):
        bench.challenges(1)
        bench.sources.proved(HOME, DAVE, DAVE)
    assert len(bench.reported) == 1


def test_given_good_credentials_when_asked_who_is_proven_then_that_user_there_for_two_hours_and_nobody_else() -> None:
    bench = Bench()
    bench.sources.proved(HOME, DAVE, DAVE)
    assert bench.sources.is_proven(HOME, Aor("104", "PBX.example.com"))
    assert not bench.sources.is_proven(AWAY, DAVE)
    assert not bench.sources.is_proven(HOME, ERIN)
    bench.clock.now_s += 7_201
    assert not bench.sources.is_proven(HOME, DAVE)


def test_given_good_credentials_when_the_source_is_blocked_then_strikes_are_not_taken_back() -> None:
    bench = Bench()
    bench.strikes(4)
    bench.sources.proved(HOME, DAVE, DAVE)
    assert bench.sources.blocked_s(HOME) == 30


def test_given_a_worker_that_goes_past_the_bound_when_others_count_before_it_says_so_then_they_challenge_no_more() -> (
    None
):
    bench = Bench()
    for _ in range(SETTINGS.scan_strikes + 1):
        bench.counts.add(name_of("o", HOME), keep_s=SETTINGS.scan_window_s)
    assert not bench.sources.challenged(HOME)
    assert bench.sources.challenged(AWAY)
    assert bench.reported == []


def test_given_a_flood_when_it_begins_then_the_log_says_so_once_a_second() -> None:
    bench = Bench()
    for _ in range(3 * SETTINGS.flood_requests_per_s):
        bench.sources.flood(HOME)
    assert bench.reported == [f"{HOME} sends more than 5 requests a second and is not heard"]
