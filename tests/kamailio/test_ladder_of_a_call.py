"""`star87 ladder CALL-ID` beside a real node: what its store knows of a call."""

from __future__ import annotations

import subprocess

from tests.support.node import STAR87
from tests.support.pickups import connect, ends_elsewhere, send_for, with_queue
from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant
from tests.support.until import until

CHANGE = with_queue


def test_given_a_call_that_rings_when_drawn_then_it_is_there_so_far(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    tenant.node.settle()
    drawn = tenant.node.says("ladder", call.outgoing.call_id, "--domain", tenant.domain)
    assert drawn.splitlines()[0].split() == ["ms", "104", "star87", "101"]
    assert "INVITE 101" in drawn
    assert "180 Ringing" in drawn
    assert "200 OK" not in drawn
    assert "the call so far, as the state store has it" in drawn
    call.ends()


def test_given_a_call_that_was_refused_and_then_picked_up_when_drawn_then_both_attempts_are_there(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    take_over(call, tenant.phone("103"), "*87101").ends(alice)
    until(lambda: tenant.outcomes() == [("picked_up", 200)], what="the record")
    drawn = tenant.node.says("ladder", call.outgoing.call_id, "--domain", tenant.domain)
    lines = drawn.splitlines()
    assert lines[0].split() == ["ms", "104", "star87", "101", "103"]
    told = [line for line in lines if "─" in line or "╌" in line]
    words = ["INVITE 101", "INVITE 101", "180 Ringing", "INVITE *87101", "INVITE 104", "200 OK", "200 OK", "CANCEL 101"]
    assert [word for line, word in zip(told, words, strict=False) if word in line] == words
    assert 'Reason: SIP;cause=200;text="Call completed elsewhere"' in drawn
    assert f"Replaces: {call.outgoing.call_id}" in drawn
    assert "what follows from the pickup record; a capture shows every message" in drawn


def test_given_a_rerouted_call_when_drawn_then_the_picker_is_rung(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob, supported="")
    _, picker, _ = connect(call.outgoing, send_for(tenant.phone("103"), "*87101"))
    ends_elsewhere(call.inbound)
    picker.ends(alice)
    until(lambda: tenant.outcomes() == [("picked_up", 480)], what="the record")
    drawn = tenant.node.says("ladder", call.outgoing.call_id, "--domain", tenant.domain)
    assert "480 Call Is Being Sent" in drawn
    assert "INVITE 103" in drawn
    assert "Replaces" not in drawn


def test_given_a_caller_who_waits_when_drawn_then_he_is_queued(tenant: Tenant) -> None:
    erin = tenant.phone("105")
    waiting = erin.dials("800")
    waiting.expects(182)
    tenant.node.settle()
    assert "182 Queued" in tenant.node.says("ladder", waiting.call_id, "--domain", tenant.domain)
    waiting.gives_up()


def test_given_a_call_that_nobody_knows_when_drawn_then_one_line_says_so(tenant: Tenant) -> None:
    place = ("--run-dir", str(tenant.node.folder), "--node", tenant.node.name)
    done = subprocess.run([str(STAR87), "ladder", "nobody@nowhere", *place], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("star87: neither the record nor what rings now has a call 'nobody@nowhere'")
