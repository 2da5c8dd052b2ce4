"""A relay that is killed, hangs, or is not there: no call is lost by it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.media import WAIT_MS, talk_of
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port
from tests.support.rtp import Voice
from tests.support.rtpengine import RtpEngine
from tests.support.run import Run
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until


@pytest.fixture
def own(evidence: Path) -> Iterator[tuple[Node, RtpEngine, Tenant]]:
    """A node with a relay that the test may harm."""
    tenants = Tenants(1)
    with RtpEngine(evidence / "relay") as relay:
        environment = {"STAR87_RTPENGINE": f"{relay.address},", "STAR87_RTPENGINE_WAIT_MS": str(WAIT_MS)}
        with Node(evidence / "node", tenants.document(), environment=environment) as node:
            tenant = tenants.take(node)
            yield node, relay, tenant
            tenant.close()


def test_given_a_relay_that_is_killed_when_phones_call_then_calls_go_without_it_until_it_is_back(
    own: tuple[Node, RtpEngine, Tenant], voices: list[Voice]
) -> None:
    node, relay, tenant = own
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    before = talk_of(alice, bob, voices)
    assert LOOPBACK not in before
    relay.kill()

    assert talk_of(alice, bob, voices) == voices[1].sdp()
    assert talk_of(alice, bob, voices) == voices[1].sdp()
    assert re.search(r"ERROR: .* rtpengine \[", node.log()), "an operator is told"

    relay.start()
    until(lambda: LOOPBACK not in talk_of(alice, bob, voices), within_s=20, what="calls to be relayed again")


def test_given_a_relay_that_hangs_when_a_phone_calls_then_the_wait_is_bounded_and_the_call_goes(
    own: tuple[Node, RtpEngine, Tenant], voices: list[Voice]
) -> None:
    _, relay, tenant = own
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    talk_of(alice, bob, voices)
    relay.freeze()
    try:
        started_s = time.monotonic()
        assert talk_of(alice, bob, voices) == voices[1].sdp()
        took_s = time.monotonic() - started_s
        assert talk_of(alice, bob, voices) == voices[1].sdp()
    finally:
        relay.thaw()
    # Asked twice, and then no more for a while: once for the whole call.
    assert took_s < 4 * WAIT_MS / 1000 + 1


def test_given_a_relay_that_dies_in_a_call_when_it_rings_or_talks_then_the_call_is_answered_and_ends(
    own: tuple[Node, RtpEngine, Tenant], voices: list[Voice]
) -> None:
    _, relay, tenant = own
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = alice.dials("101", body=voices[0].sdp())
    ringing = bob.rung()
    ringing.answers(180)
    call.expects(180)
    relay.kill()

    pickup = carol.dials("*87101", body=voices[2].sdp())
    offer = alice.rung(replaces=True)
    offer.answers(200, body=voices[0].sdp())
    end = pickup.dialog(pickup.expects(200))
    call.cancels()
    ringing.is_cancelled()
    assert call.ends_with().status == 487

    end.ends(alice)
    assert end.phone.number == "103"


def test_given_a_relay_that_is_not_there_when_a_node_starts_then_it_starts_and_calls_go(
    evidence: Path, voices: list[Voice]
) -> None:
    tenants, relay = Tenants(1), RtpEngine(evidence / "relay")
    with Node(evidence / "node", tenants.document(), environment={"STAR87_RTPENGINE": relay.address}) as node:
        tenant = tenants.take(node)
        bob, alice = tenant.phone("101", register=True), tenant.phone("104")
        assert talk_of(alice, bob, voices) == voices[1].sdp()
        try:
            relay.start()
            until(lambda: LOOPBACK not in talk_of(alice, bob, voices), within_s=20, what="calls to be relayed")
        finally:
            relay.kill()
            tenant.close()


def test_given_the_option_when_a_node_runs_then_the_module_is_loaded(evidence: Path) -> None:
    run = Run(evidence, free_port(), "--rtpengine", f"udp:{LOOPBACK}:{free_port()},udp:{LOOPBACK}:{free_port()}")
    try:
        run.await_ready()
        assert "rtpengine.so" in Path(f"/proc/{run.node_file().kamailio_pid}/maps").read_text()
    finally:
        run.clean_up()


def test_given_no_relay_when_a_node_runs_then_the_module_is_not_even_loaded_and_phones_get_each_other_s_description(
    own: tuple[Node, RtpEngine, Tenant], evidence: Path, voices: list[Voice]
) -> None:
    tenants = Tenants(1)
    with Node(evidence / "direct", tenants.document()) as node:
        tenant = tenants.take(node)
        bob, alice = tenant.phone("101", register=True), tenant.phone("104")
        assert talk_of(alice, bob, voices) == voices[1].sdp()
        tenant.close()
        loaded = [Path(f"/proc/{each.kamailio_pid}/maps").read_text() for each in (node, own[0])]
    assert ["rtpengine.so" in maps for maps in loaded] == [False, True]
