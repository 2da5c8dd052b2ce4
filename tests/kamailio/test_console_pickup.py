"""A pickup that is asked for at a console, on the wire: the picker's phones ring, and the first that answers has it."""

from __future__ import annotations

import secrets

import pytest

from kemi.pickup.console import Asked, Told
from kemi.sip.dialog import DialogId
from tests.support.phone_calls import Outgoing
from tests.support.pickups import (
    IMPATIENT,
    connect,
    ends_elsewhere,
    ends_empty,
    nothing_came,
    talk_both_ways,
    with_queue,
)
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant
from tests.support.until import until

ENVIRONMENT = IMPATIENT
CHANGE = with_queue


def ask(tenant: Tenant, call: Outgoing, number: str = "101", picker: str = "103") -> Told:
    """Ask this call's node for it, as a console does, and return what it says."""
    tenant.node.settle()
    key = DialogId(call.call_id, call.tag).key
    asked = Asked(secrets.token_hex(8), tenant.domain, picker, number, key)
    return tenant.node.asks_for(asked)


@pytest.mark.parametrize("supported", ["", "replaces"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_given_a_ringing_call_when_asked_for_then_the_picker_s_phone_rings_and_is_connected(
    transport: str, supported: str, tenant: Tenant
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    carol = tenant.phone("103", transport=transport, register=True)
    call = ring(dave, bob, supported=supported)

    assert ask(tenant, call.outgoing) == Told(202, "Your Phone Rings")
    offer = carol.rung(replaces=False)
    caller, picker, accepted = connect(call.outgoing, offer)
    ends_elsewhere(call.inbound)

    assert offer.invite["Call-ID"] == call.outgoing.call_id
    assert offer.invite.uri == carol.contact
    assert "answer-after=0" in offer.invite["Call-Info"]
    assert offer.invite.all("P-Asserted-Identity") == [f'"Dave for Reception" <sip:104@{tenant.domain}>']
    assert accepted["P-Asserted-Identity"] == f'"Carol" <sip:103@{tenant.domain}>'
    talk_both_ways(caller, picker)
    picker.ends(dave)
    ends_empty(tenant, "picked_up")
    [event] = tenant.node.events(tenant.domain)
    assert (event.by, event.mode, event.status, event.picker, event.account, event.rang) == (
        *("console", "reroute", 202, "103", "101", ("101",)),
    )


def test_given_two_devices_on_two_transports_when_asked_for_then_both_ring_and_the_first_answer_wins(
    tenant: Tenant,
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    desk, soft = tenant.phone("103", register=True), tenant.phone("103", transport="tcp", register=True)
    call = ring(dave, bob, supported="")

    assert ask(tenant, call.outgoing).status == 202
    offers = [phone.rung() for phone in (desk, soft)]
    # Of two a person chooses: neither answers by itself.
    assert not [offer for offer in offers if "Call-Info" in offer.invite or "Alert-Info" in offer.invite]
    offers[0].answers(180)
    caller, picker, _ = connect(call.outgoing, offers[1])

    ends_elsewhere(offers[0])
    ends_elsewhere(call.inbound)
    talk_both_ways(caller, picker)
    caller.ends(soft)
    ends_empty(tenant, "picked_up")


@pytest.mark.parametrize("refusal", [486, 603, None])
def test_given_a_phone_that_does_not_take_it_when_asked_for_then_the_claim_is_released_and_the_call_rings_on(
    refusal: int | None, tenant: Tenant
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103", register=True)
    call = ring(dave, bob, supported="")

    assert ask(tenant, call.outgoing).status == 202
    offer = carol.rung()
    if refusal:
        offer.answers(refusal)
        carol.gets("ACK", offer.call_id)
    else:
        offer.answers(180)
        offer.is_cancelled()
    until(lambda: tenant.outcomes() == [("not_taken", 202)], what="the pickup record")
    nothing_came(dave, 480, 486, 599, 603)

    assert ask(tenant, call.outgoing).status == 202
    connect(call.outgoing, carol.rung())
    ends_elsewhere(call.inbound)


def test_given_a_picker_who_may_only_see_when_he_asks_then_403_and_no_phone_rings(tenant: Tenant) -> None:
    bob, dave, erin = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("105", register=True)
    call = ring(dave, bob, supported="")

    told = ask(tenant, call.outgoing, picker="105")

    assert (told.status, told.reason) == (403, "Pickup Not Permitted")
    until(lambda: tenant.outcomes() == [("not_permitted", 403)], what="the pickup record")
    nothing_came(erin)
    call.inbound.answers(200)
    call.outgoing.expects(200)


def test_given_refusals_past_the_limit_when_asked_on_then_the_console_is_closed_like_the_code(tenant: Tenant) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(dave, bob, supported="")

    told = [ask(tenant, call.outgoing, picker="105") for _ in range(12)]

    assert told[-1].retry_after_s > 0
    assert {one.status for one in told} == {403}


def test_given_a_phone_with_a_call_that_is_not_on_hold_when_asked_for_then_486_and_nothing_is_claimed(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103", register=True)
    talk(tenant.phone("105"), carol)
    other = tenant.phone("103", register=True)
    call = ring(dave, bob, supported="")

    told = ask(tenant, call.outgoing)

    assert (told.status, told.reason) == (486, "Hold Your Current Call First")
    until(lambda: tenant.outcomes() == [("not_on_hold", 486)], what="the pickup record")
    nothing_came(other)


def test_given_no_phone_of_the_picker_s_when_asked_for_then_480_and_the_call_can_be_picked_up(tenant: Tenant) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(dave, bob, supported="")

    assert ask(tenant, call.outgoing).reason == "Your Phone Is Not Registered"

    tenant.phone("103", register=True)
    assert ask(tenant, call.outgoing).status == 202


def test_given_a_call_that_was_claimed_or_answered_when_asked_for_then_410(tenant: Tenant) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103", register=True)
    tenant.phone("102", register=True)
    call = ring(dave, bob, supported="")

    assert ask(tenant, call.outgoing).status == 202
    assert ask(tenant, call.outgoing, picker="102").status == 410
    connect(call.outgoing, carol.rung())
    ends_elsewhere(call.inbound)
    assert ask(tenant, call.outgoing, picker="102").status == 410


def test_given_a_call_that_rings_the_picker_s_own_phone_when_asked_for_then_it_is_to_be_answered_there(
    tenant: Tenant,
) -> None:
    dave, carol = tenant.phone("104"), tenant.phone("102", register=True)

    def admit(document: dict[str, object]) -> None:
        document["hunt_groups"][0]["monitored_by"] = ["102"]  # type: ignore[index]

    tenant.change(admit)
    outgoing = dave.dials("700")
    inbound = carol.rung()
    inbound.answers(180)
    outgoing.expects(180)

    told = ask(tenant, outgoing, number="700", picker="102")

    assert (told.status, told.warning) == (480, "it rings your own phone already: answer it there")
    connect(outgoing, inbound)


def test_given_a_caller_who_waits_in_a_queue_when_asked_for_then_he_is_connected(tenant: Tenant) -> None:
    agent, dave, carol = tenant.phone("102", register=True), tenant.phone("104"), tenant.phone("103", register=True)
    talk(tenant.phone("105"), agent)
    outgoing = dave.dials("800")
    outgoing.expects(182)

    assert ask(tenant, outgoing, number="800").status == 202
    caller, _, _ = connect(outgoing, carol.rung())

    until(lambda: tenant.outcomes() == [("picked_up", 202)], what="the pickup record")
    caller.ends(carol)


def test_given_a_caller_who_waits_when_the_phone_refuses_then_he_keeps_his_place(tenant: Tenant) -> None:
    agent, dave, carol = tenant.phone("102", register=True), tenant.phone("104"), tenant.phone("103", register=True)
    talk(tenant.phone("105"), agent)
    outgoing = dave.dials("800")
    outgoing.expects(182)

    assert ask(tenant, outgoing, number="800").status == 202
    offer = carol.rung()
    offer.answers(486)
    carol.gets("ACK", offer.call_id)
    until(lambda: tenant.outcomes() == [("not_taken", 202)], what="the pickup record")

    until(lambda: ask(tenant, outgoing, number="800").status == 202, what="his place")
    connect(outgoing, carol.rung())
