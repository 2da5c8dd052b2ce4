"""`star87 watch` and `star87 explain` beside a real node, watch in a real terminal of 80 columns."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

import pytest

from tests.support.node import STAR87
from tests.support.pickups import with_queue
from tests.support.raw import raw_client
from tests.support.stopped import stopped
from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant
from tests.support.terminal import Terminal

CHANGE = with_queue


def watch(tenant: Tenant, *more: str) -> Terminal:
    place = ("--run-dir", str(tenant.node.folder), "--node", tenant.node.name)
    return Terminal([str(STAR87), "watch", "--domain", tenant.domain, "--every", "0.1", *place, *more])


def test_given_calls_when_watched_then_they_come_and_go_and_ctrl_c_leaves_the_terminal_as_it_was(
    tenant: Tenant,
) -> None:
    bob, alice, erin = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("105")
    with watch(tenant) as terminal:
        terminal.shows("no call rings or waits")
        call = ring(alice, bob)
        waiting = erin.dials("800")
        waiting.expects(182)
        screen = terminal.shows("waits, place 1")
        row = next(line for line in screen.splitlines() if "101 Reception" in line)
        assert "Dave" in row
        assert "rings 101" in row
        assert "10*, not 105" in row
        take_over(call, tenant.phone("103"), "*87101").ends(alice)
        row = next(line for line in terminal.shows("104 for 101").splitlines() if "104 for 101" in line)
        assert "103" in row
        assert "picked up" in row
        waiting.gives_up()
        terminal.shows("0 ring, 0 wait")
        assert terminal.said.startswith(b"\x1b[?1049h"), "a screen of its own"

        terminal.types(b"\x03")
        assert terminal.ends() == 0
        assert terminal.is_as_before
        assert terminal.shows_cursor
        assert terminal.said.rstrip().endswith((b"\x1b[?1049l", b"\x1b[?25h")), "the old screen is back"
        assert b"Traceback" not in terminal.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_given_a_watch_when_it_is_ended_otherwise_then_the_terminal_is_as_it_was(
    tenant: Tenant, number: signal.Signals
) -> None:
    with watch(tenant) as terminal:
        terminal.shows("no call rings or waits")
        terminal.process.send_signal(number)
        assert terminal.ends() == 0
        assert terminal.is_as_before
        assert terminal.shows_cursor


def test_given_a_store_that_hangs_when_watched_then_it_says_so_and_goes_on_when_it_is_back(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    tenant.node.settle()
    with raw_client(tenant.node.redis_url) as client:
        info: Any = client.info("server")
    redis = int(info["process_id"])
    with watch(tenant) as terminal:
        terminal.shows("101 Reception")
        with stopped(redis):
            screen = terminal.shows("the state store is away", within_s=20)
            assert "101 Reception" in screen, "the last that was seen"
        terminal.shows("1 ring, 0 wait", within_s=20)
        call.ends()
        terminal.shows("0 ring, 0 wait")
        terminal.types(b"\x03")
        assert terminal.ends() == 0


def test_given_no_terminal_when_watched_then_once_prints_and_without_it_is_usage(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    tenant.node.settle()
    said = tenant.node.says("watch", "--once", "--domain", tenant.domain)
    assert "1 ring, 0 wait" in said
    assert "101 Reception" in said
    assert "\x1b" not in said
    assert all(len(line) <= 80 for line in said.splitlines())
    place = ("--run-dir", str(tenant.node.folder), "--node", tenant.node.name)
    done = subprocess.run([str(STAR87), "watch", *place], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "star87: stdout is no terminal: say --once\n")
    call.ends()


def test_given_a_call_when_explained_then_the_sentences_say_what_the_phone_will_do(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    tenant.node.settle()
    said = tenant.node.says("explain", f"103@{tenant.domain}", "101").splitlines()
    assert said[0].startswith(
        "If Carol (103) dials *87101 now, Carol (103) is connected with Dave (104), "
        "whose call for Reception (101) has rung for "
    )
    assert said[1] == "Dave (104)'s phone hands the call over to Carol (103)'s by itself."
    assert said[2] == "If Carol (103) is in another call at that moment, it must be put on hold first."
    take_over(call, tenant.phone("103"), "*87101").ends(alice)
