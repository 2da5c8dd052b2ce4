"""Answers that go nowhere: the worker that has dropped one does the next thing as if it had not been there."""

from __future__ import annotations

import re

from tests.kamailio.test_malformed import monkeypatched
from tests.support.phone import Phone
from tests.support.talks import Ringing, ring
from tests.support.tenants import Tenant
from tests.support.until import until

FOR_EVERY_WORKER = 32


def stray(call: Ringing) -> bytes:
    """A 183 of the phone that rings, on the branch of its call, and in the name of none (RFC 3261 §8.2.6.2)."""
    said: list[bytes] = []
    with monkeypatched(call.callee, said):
        call.inbound.answers(183)
    return said[0].replace(call.outgoing.call_id.encode(), b"nobody-s-call")


def strays(phone: Phone, answer: bytes) -> None:
    """Each worker of the node that the phone is at gets some."""
    for _ in range(FOR_EVERY_WORKER):
        phone.sends(answer)


def is_over(tenant: Tenant) -> bool:
    """Whether no transaction is there any more, not even one that nobody finds."""
    said: dict[str, str] = dict(re.findall(r"(\w+): (\d+)", tenant.node.kamcmd("tm.stats")))
    return said["created"] == said["freed"] and said["current"] == "0"


def test_given_stray_answers_when_a_caller_cancels_then_he_is_answered_and_no_transaction_is_left(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    strays(bob, stray(call))
    call.ends()
    assert not [m for m in alice.came if m.status == 183]
    until(lambda: is_over(tenant), within_s=20.0, what=lambda: tenant.node.kamcmd("tm.stats"))


def test_given_stray_answers_when_a_call_is_acknowledged_then_the_ack_arrives(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    odd = ring(tenant.phone("105"), tenant.phone("102", register=True))
    outgoing = alice.dials("101")
    inbound = bob.rung()
    inbound.answers(200)
    answer = outgoing.expects(200)
    strays(odd.callee, stray(odd))
    dialog = outgoing.dialog(answer)
    inbound.dialog()
    dialog.ends(bob)
    odd.ends()
