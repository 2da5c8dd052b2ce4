"""What calls take of Kamailio's shared memory they give back, and there is room for many at once."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kemi.settings import Settings
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.pickups import connect, ends_elsewhere, is_ended_by_the_node, send_for, with_queue
from tests.support.talks import ring, take_over
from tests.support.tenants import Tenants
from tests.support.until import until

CALLS = 200
LEFT_MOST_BYTES = 512 * 1024
"""A twentieth of what the calls take: workers allocate a little once, at their first call."""
TRANSACTIONS_END_WITHIN_S = 15.0


def shared_memory(node: Node) -> dict[str, int]:
    """Kamailio's account of it: total, free, used, … in bytes."""
    control = f"unix:{node.folder}/{node.name}/ctl.sock"
    told = subprocess.run(["kamcmd", "-s", control, "core.shmmem"], check=True, capture_output=True, text=True)
    return {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", told.stdout)}


def call(alice: Phone, bob: Phone, _carol: Phone) -> None:
    out = alice.dials("101")
    inbound = bob.rung()
    inbound.answers(180)
    inbound.answers(200)
    talk = out.dialog(out.expects(200))
    inbound.dialog()
    talk.ends(bob)


def sent_to_a_picker(alice: Phone, bob: Phone, carol: Phone) -> None:
    """A caller who gives up while the picker's device rings, and a pickup by reroute."""
    given_up = ring(alice, bob, supported="")
    offer = send_for(carol, "*87101")
    offer.answers(180)
    assert given_up.outgoing.cancels().status == 200
    offer.is_cancelled()
    given_up.inbound.is_cancelled()
    assert given_up.outgoing.ends_with().status == 487
    ringing = ring(alice, bob, supported="")
    talk, _, _ = connect(ringing.outgoing, send_for(carol, "*87101"))
    ends_elsewhere(ringing.inbound)
    talk.ends(carol)


def late_answer(alice: Phone, bob: Phone, carol: Phone) -> None:
    """A pickup by Replaces, which the callee's answer crosses."""
    ringing = ring(alice, bob)
    pickup = carol.dials("*87101")
    alice.rung(replaces=True).answers(200)
    talk = pickup.dialog(pickup.expects(200))
    ringing.inbound.answers(200)
    is_ended_by_the_node(ringing.inbound)
    assert ringing.outgoing.cancels().status == 200
    assert ringing.outgoing.ends_with().status == 487
    talk.ends(alice)


def sent_from_the_queue(alice: Phone, _bob: Phone, carol: Phone) -> None:
    """Two callers who wait are sent to a picker: his device refuses one, who then gives up, and takes the other."""
    refused = alice.dials("800", supported="")
    refused.expects(182)
    send_for(carol, "*87800").answers(486)
    carol.gets("ACK", refused.call_id)
    refused.gives_up()
    waiting = alice.dials("800", supported="")
    waiting.expects(182)
    talk, _, _ = connect(waiting, send_for(carol, "*87800"))
    talk.ends(carol)


def replaced(alice: Phone, bob: Phone, carol: Phone) -> None:
    take_over(ring(alice, bob), carol, "*87101").ends(alice)


@pytest.mark.parametrize(
    ("happens", "times"),
    [
        (call, CALLS),
        (replaced, CALLS),
        (sent_to_a_picker, CALLS),
        (sent_from_the_queue, CALLS),
        (late_answer, CALLS // 2),
    ],
)
def test_given_many_calls_when_they_have_ended_then_their_memory_is_free_again(
    happens: Callable[[Phone, Phone, Phone], None], times: int, evidence: Path
) -> None:
    tenants = Tenants(1, with_queue)
    with Node(evidence, tenants.document()) as node:
        tenant = tenants.take(node)
        alice, bob, carol = tenant.phone("104"), tenant.phone("101", register=True), tenant.phone("103")
        for _ in range(20):
            happens(alice, bob, carol)
        memory = shared_memory(node)
        assert 0 <= Settings().shared_memory_mb * 1024 * 1024 - memory["total"] < 4096, "but for the allocator's own"

        def settled() -> int:
            """Bytes in use once no transaction is left, 0 before."""
            text = subprocess.run(
                ["kamcmd", "-s", f"unix:{node.folder}/{node.name}/ctl.sock", "tm.stats"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            return 0 if re.search(r"current: [1-9]", text) else shared_memory(node)["used"]

        before = until(settled, within_s=TRANSACTIONS_END_WITHIN_S, what="the first transactions to end")
        for _ in range(times):
            happens(alice, bob, carol)
        assert shared_memory(node)["used"] > before, "calls take memory, or this test measures nothing"
        after = until(settled, within_s=TRANSACTIONS_END_WITHIN_S, what="all transactions to end")
        assert after - before < LEFT_MOST_BYTES
        tenant.close()
