"""Which way a pickup goes: by what the caller's device says and does, what is known of it, and the domain's setting."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.phone_calls import replaces_of
from tests.support.pickups import (
    IMPATIENT,
    connect,
    ends_elsewhere,
    ends_empty,
    is_sent,
    nothing_came,
    ring_two,
    send_for,
)
from tests.support.talks import ring
from tests.support.tenants import Tenant

ENVIRONMENT = IMPATIENT


def test_given_a_device_that_gave_its_call_up_when_it_only_rings_then_it_is_rung_back_and_connected(
    tenant: Tenant,
) -> None:
    """Several softphones end their call first and ring until a human answers."""
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    offer = dave.rung(replaces=True)
    offer.answers(180)
    assert call.outgoing.cancels().status == 200
    ends_elsewhere(call.inbound)
    assert call.outgoing.ends_with().status == 487
    offer.is_cancelled()

    back = dave.rung(replaces=False)
    back.answers(200)
    talk = pickup.dialog(pickup.expects(200))

    assert "Require" not in back.invite
    assert f'"Carol" <sip:103@{tenant.domain}>' == back.invite["P-Asserted-Identity"]
    back.dialog()
    talk.ends(dave)
    ends_empty(tenant, "picked_up")


@pytest.mark.parametrize("status", [405, 408, 420, 500, 501, 503])
def test_given_a_callers_device_that_does_not_replace_when_it_refuses_then_the_call_is_sent_to_the_picker(
    status: int, tenant: Tenant
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    dave.rung(replaces=True).answers(status)

    is_sent(pickup)
    caller, _, _ = connect(call.outgoing, carol.rung(replaces=False))

    ends_elsewhere(call.inbound)
    caller.ends(carol)
    ends_empty(tenant, "picked_up")
    [event] = tenant.node.events(tenant.domain)
    assert (event.mode, event.tried) == ("reroute", 1)


@pytest.mark.parametrize("answer", [180, 0])
def test_given_a_device_that_only_rings_or_hangs_when_it_calls_again_then_it_is_rerouted_at_once(
    answer: int, tenant: Tenant
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    for asked in (True, False):
        call = ring(dave, bob)
        pickup = carol.dials("*87101")
        if asked:
            offer = dave.rung(replaces=True)
            if answer:
                offer.answers(answer)
                offer.is_cancelled()
        is_sent(pickup)
        caller, _, _ = connect(call.outgoing, carol.rung(replaces=False))
        ends_elsewhere(call.inbound)
        caller.ends(carol)
    nothing_came(dave)
    ends_empty(tenant, "picked_up", "picked_up")


def test_given_a_device_that_carried_a_pickup_out_when_its_make_is_known_not_to_then_it_is_asked_again(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    make = [("User-Agent", "Twinkle/1.10.3")]
    shipped = ring(dave, bob, headers=make)
    connect(shipped.outgoing, send_for(carol, "*87101"))[0].ends(carol)
    ends_elsewhere(shipped.inbound)
    tenant.change(mode("replaces"))
    _picked_up_by_replaces(tenant, ring(dave, bob, headers=make))
    tenant.change(mode("auto"))

    _picked_up_by_replaces(tenant, ring(dave, bob, headers=make))

    assert [event.mode for event in tenant.node.events(tenant.domain)] == ["reroute", "replaces", "replaces"]


def test_given_a_tenant_that_only_replaces_when_the_callers_device_cannot_then_the_call_rings_on(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    tenant.change(mode("replaces"))
    call = ring(dave, bob, supported="")
    assert carol.dials("*87101").ends_with().status == 480
    call.ends()
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    dave.rung(replaces=True).answers(420)
    assert pickup.ends_with().status == 480

    nothing_came(carol)
    call.ends()
    ends_empty(tenant, "nothing_eligible", "nothing_eligible")


def test_given_a_tenant_that_only_reroutes_when_the_callers_device_could_replace_then_it_is_not_asked(
    tenant: Tenant,
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    tenant.change(mode("reroute"))
    call = ring(dave, bob)

    connect(call.outgoing, send_for(tenant.phone("103"), "*87101"))

    nothing_came(dave)
    ends_elsewhere(call.inbound)


def test_given_a_phone_that_rang_and_refused_when_picked_up_then_the_other_is_named_and_after_481_nobody_twice(
    tenant: Tenant,
) -> None:
    bob, alice, dave = tenant.phone("101", register=True), tenant.phone("102", register=True), tenant.phone("104")
    call, second = ring_two(dave, bob, alice, "700", supported="replaces")
    pickup = tenant.phone("103").dials("*87700")

    offers = [dave.rung(replaces=True)]
    offers[0].answers(481)
    offers.append(dave.rung(replaces=True))
    offers[1].answers(200)
    pickup.dialog(pickup.expects(200))

    # The tag that was relayed last goes first.
    assert [replaces_of(offer.invite)[2] for offer in offers] == [second.tag, call.inbound.tag]
    assert call.outgoing.cancels().status == 200
    for inbound in (call.inbound, second):
        ends_elsewhere(inbound)


def mode(name: str) -> Any:
    def change(document: dict[str, Any]) -> None:
        document["settings"] = {"pickup_mode": name}

    return change


def _picked_up_by_replaces(tenant: Tenant, call: Any) -> None:
    with tenant.phone("103") as carol:
        pickup = carol.dials("*87101")
        call.caller.rung(replaces=True).answers(200)
        talk = pickup.dialog(pickup.expects(200))
        call.ends()
        talk.ends(call.caller)
