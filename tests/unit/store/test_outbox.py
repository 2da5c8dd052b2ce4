"""The pipe in which the workers of a node leave what they have posted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from kemi.store.outbox import GATHERS_S, WHOLE, Outbox

ALONE_WITHIN_S = 0.5


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    made = Outbox(ALONE_WITHIN_S)
    yield made
    made.close()


def in_child(act: Callable[[], object]) -> None:
    """Do something in a process that is forked as a worker is, and ends at once."""
    pid = os.fork()
    if not pid:
        try:
            act()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_given_commands_when_they_are_taken_then_all_are_there_once_in_their_order(outbox: Outbox) -> None:
    commands = [b"one", b"", b"\x00\xff", b"four" * 300]
    assert all(outbox.put(command) for command in commands)
    assert outbox.take() == commands
    outbox.done()
    assert outbox.take() == []
    outbox.done()


@pytest.mark.parametrize(("size", "taken"), [(WHOLE - 2, True), (WHOLE - 1, False), (70_000, False)])
def test_given_a_long_command_when_it_would_not_be_written_whole_then_it_is_refused(
    outbox: Outbox, size: int, taken: bool
) -> None:
    assert outbox.put(b"x" * size) is taken
    assert [len(command) for command in outbox.take() or ()] == ([size] if taken else [])


def test_given_that_nobody_takes_when_it_is_full_then_the_next_command_is_refused_and_none_is_torn(
    outbox: Outbox,
) -> None:
    sent = 0
    while outbox.put(b"%05d" % sent + b"x" * 1000):
        sent += 1
    found: list[bytes] = []
    while more := outbox.take():
        found += more
    assert sent > 10
    assert [int(command[:5]) for command in found] == list(range(sent))
    assert {len(command) for command in found} == {1005}


def test_given_a_worker_when_it_posts_then_another_process_finds_it(outbox: Outbox) -> None:
    in_child(lambda: outbox.put(b"of a worker"))
    assert outbox.wait(1.0)
    assert outbox.take() == [b"of a worker"]
    assert not outbox.wait(0.0)


def test_given_another_who_has_taken_something_when_one_takes_then_nothing_and_who_waits_does_not_for_long(
    outbox: Outbox,
) -> None:
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            outbox.take()
            os.write(theirs, b"!")
            signal.pause()
        finally:
            os._exit(0)
    os.read(ours, 1)
    try:
        began = time.monotonic()
        outbox.put(b"later")
        assert outbox.take() is None, "it would overtake"
        assert time.monotonic() - began < ALONE_WITHIN_S, "who may miss something waits for nobody"

        began = time.monotonic()
        assert outbox.take(waits=True) is None
        assert time.monotonic() - began >= ALONE_WITHIN_S
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)

    began = time.monotonic()
    assert outbox.take(waits=True) == [b"later"], "who died holds nothing"
    outbox.done()


def test_given_little_when_more_is_waited_for_then_not_for_long_and_hardly_at_all_when_there_is_much(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.put(b"little")
    naps: list[float] = []
    monkeypatch.setattr("kemi.store.outbox.time.sleep", naps.append)
    outbox.gather()
    assert sum(naps) == GATHERS_S
    while outbox.put(b"x" * 4000):
        pass
    naps.clear()
    outbox.gather()
    assert len(naps) == 1
    assert len(outbox.take() or ()) > 10, "it may hold more than a pipe does by itself"
