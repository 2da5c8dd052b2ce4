"""Sessions and counts in the memory of the console: bounded, and each with an end."""

from __future__ import annotations

from kemi.sip.aor import Aor
from kemi.web.counters import MemoryCounters
from kemi.web.sessions import MOST, SESSION_S, Sessions

CAROL = Aor("103", "pbx.example.com")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_given_a_session_when_its_time_is_over_then_it_is_found_no_more() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.begin(CAROL, "proof")
    found = sessions.find(token)
    assert found is not None
    assert (found.user, found.proof) == (CAROL, "proof")
    assert sessions.find(token + "x") is None
    clock.now_s += SESSION_S
    assert sessions.find(token) is None


def test_given_two_sessions_when_one_ends_then_the_other_goes_on_and_neither_shares_a_token() -> None:
    sessions = Sessions()
    one, other = sessions.begin(CAROL, "p"), sessions.begin(CAROL, "p")
    found = [sessions.find(token) for token in (one, other)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].csrf != found[1].csrf
    sessions.end(one)
    assert (sessions.find(one), sessions.find(other)) == (None, found[1])


def test_given_more_sessions_than_there_may_be_when_another_begins_then_the_oldest_goes() -> None:
    sessions = Sessions()
    first, second = sessions.begin(CAROL, "p"), sessions.begin(CAROL, "p")
    for _ in range(MOST - 1):
        sessions.begin(CAROL, "p")
    assert sessions.find(first) is None
    assert sessions.find(second) is not None


def test_given_a_count_when_its_time_is_over_then_it_begins_anew() -> None:
    clock = Clock()
    counts = MemoryCounters(clock)
    assert [counts.add("a", keep_s=10) for _ in range(3)] == [1, 2, 3]
    counts.take("a")
    assert (counts.value("a"), counts.value("b")) == (2, 0)
    clock.now_s += 9
    assert counts.add("a", keep_s=10) == 3, "the first one began it"
    clock.now_s += 1
    assert (counts.value("a"), counts.add("a", keep_s=10)) == (0, 1)
    counts.put("a", 7, keep_s=1)
    assert counts.value("a") == 7
    counts.drop("a")
    assert counts.value("a") == 0


def test_given_more_names_than_there_may_be_when_counted_then_the_oldest_go_and_what_is_over_first() -> None:
    clock = Clock()
    counts = MemoryCounters(clock, most=3)
    counts.put("over", 1, keep_s=1)
    for name in ("a", "b"):
        counts.add(name, keep_s=100)
    clock.now_s += 2
    counts.add("c", keep_s=100)
    assert [counts.value(name) for name in ("a", "b", "c")] == [1, 1, 1]
    counts.add("d", keep_s=100)
    assert [counts.value(name) for name in ("a", "b", "c", "d")] == [0, 1, 1, 1]
