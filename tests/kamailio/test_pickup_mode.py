"""The tenant says how its calls are picked up: a document is applied, and the next `*87` goes that way only."""

from __future__ import annotations

from typing import Any

from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant


def mode(tenant: Tenant, mode: str) -> None:
    def change(document: dict[str, Any]) -> None:
        document.setdefault("settings", {})["pickup_mode"] = mode

    tenant.change(change)


def test_given_the_mode_reroute_when_a_caller_knows_replaces_then_the_call_is_sent_and_his_phone_asked_nothing(
    tenant: Tenant,
) -> None:
    mode(tenant, "reroute")
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)

    pickup = carol.dials("*87101")

    assert pickup.expects(480).start.endswith("Call Is Being Sent To You")
    carol.rung(replaces=False).answers(200)
    call.outgoing.expects(200)
    call.inbound.is_cancelled()
    alice.hears()
    assert not any("Replaces" in message for message in alice.inbox)


def test_given_the_mode_replaces_when_a_caller_does_not_know_it_then_480_and_his_call_rings_on(tenant: Tenant) -> None:
    mode(tenant, "replaces")
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob, supported="")

    refusal = carol.dials("*87101").expects(480)

    assert refusal.start.endswith("No Call To Pick Up")
    assert "does not support Replaces" in refusal["Warning"]
    carol.hears()
    assert not any(message.method == "INVITE" and not message.status for message in carol.inbox)
    call.ends()


def test_given_the_mode_replaces_when_a_caller_knows_it_then_his_call_is_picked_up_by_it(tenant: Tenant) -> None:
    mode(tenant, "replaces")
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    assert take_over(ring(alice, bob), tenant.phone("103"), "*87101")
