"""What crosses a pickup on the wire: nobody is left in a call that is another's, and no call is lost."""

from __future__ import annotations

import pytest

from tests.support.pickups import (
    IMPATIENT,
    connect,
    ends_empty,
    is_ended_by_the_node,
    nothing_came,
    ring_two,
    send_for,
)
from tests.support.talks import ring
from tests.support.tenants import Tenant
from tests.support.until import until

ENVIRONMENT = IMPATIENT
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
"""Of the caller and of the picker."""


@TRANSPORTS
@pytest.mark.parametrize("callee", ["udp", "tcp"])
def test_given_a_pickup_by_replaces_when_the_callee_answers_before_the_caller_cancels_then_the_node_ends_that_answer(
    transport: str, callee: str, tenant: Tenant
) -> None:
    bob = tenant.phone("101", register=True, transport=callee)
    dave, carol = tenant.phone("104", transport=transport), tenant.phone("103", transport=transport)
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    offer = dave.rung(replaces=True)
    offer.answers(200)
    talk = pickup.dialog(pickup.expects(200))

    call.inbound.answers(200)
    is_ended_by_the_node(call.inbound)

    assert call.outgoing.cancels().status == 200
    assert call.outgoing.ends_with().status == 487
    nothing_came(dave, 200)
    offer.dialog()
    talk.ends(dave)
    nothing_came(bob)
    ends_empty(tenant, "picked_up")


@TRANSPORTS
def test_given_a_pickup_by_replaces_when_the_callee_answers_across_the_cancel_then_the_node_ends_that_answer(
    transport: str, tenant: Tenant
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104", transport=transport), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    dave.rung(replaces=True).answers(200)
    talk = pickup.dialog(pickup.expects(200))
    assert call.outgoing.cancels().status == 200

    cancel = bob.gets("CANCEL", call.inbound.call_id)
    call.inbound.answers(200)
    bob.replies(cancel, 200, tag=call.inbound.tag)

    is_ended_by_the_node(call.inbound)
    assert call.outgoing.ends_with().status == 487
    nothing_came(dave, 200)
    talk.ends(dave)
    ends_empty(tenant, "picked_up")


def test_given_an_answer_that_came_too_late_when_it_is_repeated_then_it_is_acknowledged_again_and_ended_once(
    tenant: Tenant,
) -> None:
    """RFC 3261 §13.3.1.4: the 200 is repeated until its ACK comes."""
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    dave.rung(replaces=True).answers(200)
    pickup.dialog(pickup.expects(200))
    call.inbound.answers(200)
    is_ended_by_the_node(call.inbound)

    call.inbound.answers(200)
    bob.gets("ACK", call.inbound.call_id)

    bob.hears()
    assert [m.start for m in bob.inbox if m.method == "BYE"] == []
    call.outgoing.gives_up()
    nothing_came(dave, 200)


@TRANSPORTS
@pytest.mark.parametrize("callee", ["udp", "tcp"])
def test_given_a_rerouted_pickup_when_the_callee_answers_across_the_cancel_then_the_node_ends_that_answer(
    transport: str, callee: str, tenant: Tenant
) -> None:
    bob = tenant.phone("101", register=True, transport=callee)
    dave, carol = tenant.phone("104", transport=transport), tenant.phone("103", transport=transport)
    call = ring(dave, bob, supported="")
    caller, _, _ = connect(call.outgoing, send_for(carol, "*87101"))

    cancel = bob.gets("CANCEL", call.inbound.call_id)
    call.inbound.answers(200)
    bob.replies(cancel, 200, tag=call.inbound.tag)

    is_ended_by_the_node(call.inbound)
    nothing_came(dave, 200)
    caller.ends(carol)
    ends_empty(tenant, "picked_up")


@TRANSPORTS
def test_given_a_call_that_is_being_sent_when_the_callee_answers_then_the_device_is_cancelled_and_the_pickup_lost(
    transport: str, tenant: Tenant
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104", transport=transport)
    call = ring(dave, bob, supported="")
    offer = send_for(tenant.phone("103", transport=transport), "*87101")
    offer.answers(180)

    call.inbound.answers(200)
    talk = call.outgoing.dialog(call.outgoing.expects(200))
    call.inbound.dialog()

    offer.is_cancelled()
    talk.ends(bob)
    ends_empty(tenant, "lost")


@TRANSPORTS
@pytest.mark.parametrize("picker", ["udp", "tcp"])
def test_given_a_call_that_is_being_sent_when_the_device_answers_after_the_callee_then_the_node_ends_its_answer(
    transport: str, picker: str, tenant: Tenant
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104", transport=transport)
    carol = tenant.phone("103", transport=picker)
    call = ring(dave, bob, supported="")
    offer = send_for(carol, "*87101")
    offer.answers(180)

    call.inbound.answers(200)
    talk = call.outgoing.dialog(call.outgoing.expects(200))
    call.inbound.dialog()
    cancel = carol.gets("CANCEL", offer.call_id)
    offer.answers(200)
    carol.replies(cancel, 200, tag=offer.tag)

    is_ended_by_the_node(offer)
    nothing_came(dave, 200)
    talk.ends(bob)
    ends_empty(tenant, "lost")


@TRANSPORTS
def test_given_an_answer_that_was_relayed_when_the_callers_device_takes_the_picker_all_the_same_then_that_call_ends(
    transport: str, tenant: Tenant
) -> None:
    """Two stacks ignore early-only: the one party that may go on is the picker."""
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104", transport=transport), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    offer = dave.rung(replaces=True)
    call.inbound.answers(200)
    call.outgoing.dialog(call.outgoing.expects(200))
    bob.gets("ACK", call.inbound.call_id)

    offer.answers(200)
    talk = pickup.dialog(pickup.expects(200))

    to_bob = bob.gets("BYE", call.inbound.call_id)
    to_dave = dave.gets("BYE", call.outgoing.call_id)
    assert (to_bob.tag("From"), to_bob.tag("To")) == (call.outgoing.tag, call.inbound.tag)
    assert (to_dave.tag("From"), to_dave.tag("To")) == (call.inbound.tag, call.outgoing.tag)
    bob.replies(to_bob, 200)
    dave.replies(to_dave, 200)
    offer.dialog()
    talk.ends(dave)
    ends_empty(tenant, "picked_up")


def test_given_an_answer_that_was_relayed_when_the_callers_device_keeps_early_only_then_the_picker_is_told_410(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    offer = dave.rung(replaces=True)
    call.inbound.answers(200)
    talk = call.outgoing.dialog(call.outgoing.expects(200))
    call.inbound.dialog()

    offer.answers(486)

    assert pickup.ends_with().status == 410
    talk.ends(bob)
    nothing_came(carol)
    ends_empty(tenant, "already_answered")


def test_given_two_phones_of_a_group_when_both_answer_across_a_rerouted_pickup_then_the_node_ends_both(
    tenant: Tenant,
) -> None:
    bob, alice, dave = tenant.phone("101", register=True), tenant.phone("102", register=True), tenant.phone("104")
    call, second = ring_two(dave, bob, alice, "700")
    carol = tenant.phone("103")
    caller, _, _ = connect(call.outgoing, send_for(carol, "*87700"))

    for inbound in (call.inbound, second):
        inbound.phone.gets("CANCEL", inbound.call_id)
        inbound.answers(200)
        is_ended_by_the_node(inbound)

    nothing_came(dave, 200)
    caller.ends(carol)
    ends_empty(tenant, "picked_up")


def test_given_a_pickup_by_replaces_of_a_group_when_both_phones_answer_late_then_the_node_ends_both(
    tenant: Tenant,
) -> None:
    bob, alice, dave = tenant.phone("101", register=True), tenant.phone("102", register=True), tenant.phone("104")
    call, second = ring_two(dave, bob, alice, "700", supported="replaces")
    pickup = tenant.phone("103").dials("*87700")
    dave.rung(replaces=True).answers(200)
    talk = pickup.dialog(pickup.expects(200))

    for inbound in (call.inbound, second):
        inbound.answers(200)
        is_ended_by_the_node(inbound)

    assert call.outgoing.cancels().status == 200
    assert call.outgoing.ends_with().status == 487
    nothing_came(dave, 200)
    talk.ends(dave)
    ends_empty(tenant, "picked_up")


def test_given_a_callers_device_that_is_silent_when_the_callee_answers_then_no_second_party_comes(
    tenant: Tenant,
) -> None:
    """The pickup would go on by reroute, had the call not been answered meanwhile."""
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    dave.rung(replaces=True)
    call.inbound.answers(200)
    talk = call.outgoing.dialog(call.outgoing.expects(200))
    call.inbound.dialog()

    assert pickup.ends_with().status == 410

    nothing_came(carol)
    talk.ends(bob)
    ends_empty(tenant, "already_answered")


def test_given_a_device_that_gave_its_call_up_when_the_callee_answers_across_the_cancel_then_the_node_ends_that_answer(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob)
    pickup = carol.dials("*87101")
    offer = dave.rung(replaces=True)
    offer.answers(180)
    assert call.outgoing.cancels().status == 200
    cancel = bob.gets("CANCEL", call.inbound.call_id)
    call.inbound.answers(200)
    bob.replies(cancel, 200, tag=call.inbound.tag)

    is_ended_by_the_node(call.inbound)
    assert call.outgoing.ends_with().status == 487
    offer.answers(200)
    pickup.dialog(pickup.expects(200))

    nothing_came(dave, 200)
    until(lambda: tenant.outcomes() == [("picked_up", 200)], what="the pickup record")
