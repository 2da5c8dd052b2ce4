"""What a node owes its store, whichever of its processes found the store away."""

from __future__ import annotations

import os

import pytest

from kemi.store.arrears import AT_ONCE, Arrears
from kemi.store.functions import name_of

KEY = "s87:{pbx.example.com}:"


def owed(arrears: Arrears) -> list[tuple[str | bytes | int, ...]]:
    return list(iter(arrears.take, None))


def test_given_operations_that_failed_when_they_are_due_then_only_ends_are_and_in_their_order() -> None:
    arrears = Arrears()
    arrears.add("ended", KEY, ("one", "abandoned"))
    arrears.add("enter", KEY, ("two", 1000))
    arrears.add("claim", KEY, ("103",))
    arrears.add("disclaim", KEY, ("claimed",))
    arrears.add("answered", KEY, ("three", 5000, 14_400_000, "udp:192.0.2.1:5060"))
    arrears.add("over", KEY, ("four", "f\udcffve"))
    arrears.add("release", KEY, ("six", "token"))
    assert owed(arrears) == [
        ("FCALL", name_of("ended"), 1, KEY, "one", ""),
        ("FCALL", name_of("disclaim"), 1, KEY, "claimed"),
        ("FCALL", name_of("ended"), 1, KEY, "three", ""),
        ("FCALL", name_of("over"), 1, KEY, "four", "f\udcffve"),
        ("FCALL", name_of("release"), 1, KEY, "six", "token"),
    ]
    assert arrears.take() is None


def test_given_a_process_that_owes_something_when_another_asks_then_it_gets_it() -> None:
    arrears = Arrears()
    child = os.fork()
    if not child:
        arrears.add("ended", KEY, ("call", ""))
        os._exit(0)
    os.waitpid(child, 0)
    assert owed(arrears) == [("FCALL", name_of("ended"), 1, KEY, "call", "")]


def test_given_more_than_there_is_room_for_when_it_is_due_then_the_first_are_there_and_nothing_is_torn() -> None:
    arrears = Arrears()
    for number in range(10_000):
        arrears.add("ended", KEY, (f"call-{number}", ""))
    arrears.add("ended", KEY, ("x" * 600, ""))
    found = owed(arrears)
    assert AT_ONCE < len(found) < 10_000
    assert [words[4] for words in found] == [f"call-{number}" for number in range(len(found))]


@pytest.mark.parametrize("operation", ["enter", "enter_again", "ringing"])
def test_given_what_begins_something_when_it_is_lost_at_one_process_then_another_hears_of_it_once(
    operation: str,
) -> None:
    arrears = Arrears()
    assert not arrears.doubted()
    child = os.fork()
    if not child:
        for _ in range(100_000):
            arrears.add(operation, KEY, ("call", 1000))
        os._exit(0)
    os.waitpid(child, 0)
    assert [arrears.doubted(), arrears.doubted()] == [True, False]
    assert arrears.take() is None


def test_given_what_ends_or_only_counts_when_it_is_lost_then_there_is_no_doubt() -> None:
    arrears = Arrears()
    for operation in ("ended", "over", "release", "event", "remember"):
        arrears.add(operation, KEY, ("call", "token"))
    assert not arrears.doubted()


def test_given_arrears_that_nobody_needs_any_more_when_they_go_then_their_files_are_closed() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        Arrears()
    assert len(os.listdir("/proc/self/fd")) <= before + 2
