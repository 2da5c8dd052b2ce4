"""Calls of hunt groups and agent groups that are sent to the device that dialled, and what crosses that."""

from __future__ import annotations

import time
from typing import Any

from tests.support.pickups import (
    IMPATIENT,
    connect,
    ends_elsewhere,
    ends_empty,
    is_ended_by_the_node,
    nothing_came,
    ring_two,
    send_for,
    with_queue,
)
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant
from tests.support.until import until

ENVIRONMENT = IMPATIENT
CHANGE = with_queue


def test_given_a_hunt_group_when_rerouted_then_its_phones_ring_on_until_the_device_answers(tenant: Tenant) -> None:
    bob, alice, dave = tenant.phone("101", register=True), tenant.phone("102", register=True), tenant.phone("104")
    call, second = ring_two(dave, bob, alice, "700")

    offer = send_for(tenant.phone("103"), "*87700")
    offer.answers(180)
    assert call.outgoing.expects(180).tag("To") == offer.tag
    for phone in (bob, alice):
        phone.hears()
        assert [m.start for m in phone.inbox] == []
    connect(call.outgoing, offer)

    for inbound in (call.inbound, second):
        ends_elsewhere(inbound)
    assert offer.invite["P-Asserted-Identity"] == f'"Dave for Sales" <sip:104@{tenant.domain}>'
    assert tenant.node.events(tenant.domain)[0].rang == ("101", "102")


def test_given_a_waiting_caller_without_replaces_when_rerouted_in_vain_and_again_then_he_is_connected_in_his_turn(
    tenant: Tenant,
) -> None:
    dave, erin, carol = tenant.phone("104"), tenant.phone("105"), tenant.phone("103")
    agent, bob = tenant.phone("102", register=True), tenant.phone("101", register=True)
    talk(agent, bob)
    first = dave.dials("800", supported="")
    first.expects(182)
    second = erin.dials("800", supported="")
    second.expects(182)

    send_for(carol, "*87800").answers(486)
    until(lambda: tenant.outcomes() == [("not_taken", 480)], what="the pickup record")
    nothing_came(dave, 480, 486, 599)
    offer = send_for(carol, "*87800")
    caller, _, _ = connect(first, offer)

    assert offer.invite["P-Asserted-Identity"] == f'"Dave for Support" <sip:104@{tenant.domain}>'
    caller.ends(carol)
    second.gives_up()
    [group] = tenant.node.roster(tenant.domain, [], ["800"]).groups
    assert group.statistics == {"picked_up": 1, "abandoned": 1}
    nothing_came(agent)


def test_given_a_waiting_caller_when_he_gives_up_while_he_is_being_sent_then_he_counts_as_abandoned_and_nothing_is_left(
    tenant: Tenant,
) -> None:
    dave, carol = tenant.phone("104"), tenant.phone("103")
    agent, bob = tenant.phone("102", register=True), tenant.phone("101", register=True)
    caller, _ = talk(agent, bob)
    call = dave.dials("800", supported="")
    call.expects(182)
    offer = send_for(carol, "*87800")
    offer.answers(180)

    assert call.cancels().status == 200
    assert "Reason" not in offer.is_cancelled()
    assert call.ends_with().status == 487
    caller.ends(bob)
    ends_empty(tenant, "lost")


def test_given_a_call_that_rings_an_agent_when_rerouted_then_the_agent_is_told_and_is_free_for_the_next(
    tenant: Tenant,
) -> None:
    dave, carol, agent = tenant.phone("104"), tenant.phone("103"), tenant.phone("102", register=True)
    call = dave.dials("800", supported="")
    call.expects(182)
    inbound = agent.rung()
    inbound.answers(180)
    call.expects(180)

    caller, _, _ = connect(call, send_for(carol, "*87800"))
    ends_elsewhere(inbound)

    [group] = tenant.node.roster(tenant.domain, [], ["800"]).groups
    assert group.statistics == {"picked_up": 1}
    erin = tenant.phone("105")
    following = erin.dials("800", supported="")
    agent.rung().answers(200)
    following.dialog(following.expects(200)).ends(agent)
    caller.ends(carol)
    ends_empty(tenant, "picked_up")


def test_given_an_agent_who_rings_in_vain_when_the_call_is_with_the_picker_then_the_device_may_still_answer(
    tenant: Tenant,
) -> None:
    dave, carol, agent = tenant.phone("104"), tenant.phone("103"), tenant.phone("102", register=True)
    call = dave.dials("800", supported="")
    call.expects(182)
    inbound = agent.rung()
    inbound.answers(180)
    call.expects(180)
    offer = send_for(carol, "*87800")
    offer.answers(180)

    inbound.answers(486)
    agent.gets("ACK", inbound.call_id)
    caller, _, _ = connect(call, offer)

    caller.ends(carol)
    ends_empty(tenant, "picked_up")
    nothing_came(agent)


def staged(document: dict[str, Any]) -> None:
    """700 rings 101, and after a second 102."""
    [group] = document["hunt_groups"]
    del group["members"]
    group["stages"] = [{"members": ["101"], "ring_s": 1}, {"members": ["102"], "ring_s": 30}]


def test_given_a_group_with_stages_when_the_first_ends_while_the_call_is_sent_then_the_device_may_still_answer(
    tenant: Tenant,
) -> None:
    tenant.change(staged)
    bob, alice, dave = tenant.phone("101", register=True), tenant.phone("102", register=True), tenant.phone("104")
    call = ring(dave, bob, "700", supported="")
    half_time = time.monotonic() + 0.5
    until(lambda: time.monotonic() > half_time, what="the middle of the stage: the device may ring for a second, too")
    offer = send_for(carol := tenant.phone("103"), "*87700")
    offer.answers(180)

    call.inbound.is_cancelled()
    caller, _, _ = connect(call.outgoing, offer)

    nothing_came(alice)
    caller.ends(carol)
    ends_empty(tenant, "picked_up")


def test_given_a_group_with_stages_when_the_device_does_not_answer_then_the_next_stage_rings_and_can_be_picked_up(
    tenant: Tenant,
) -> None:
    tenant.change(staged)
    bob, alice, dave = tenant.phone("101", register=True), tenant.phone("102", register=True), tenant.phone("104")
    call = ring(dave, bob, "700", supported="")
    offer = send_for(carol := tenant.phone("103"), "*87700")
    offer.answers(180)
    call.inbound.is_cancelled()
    offer.is_cancelled()

    second = alice.rung()
    second.answers(180)
    call.outgoing.expects(180)
    caller, _, _ = connect(call.outgoing, send_for(carol, "*87700"))
    ends_elsewhere(second)

    caller.ends(carol)
    until(lambda: len(tenant.outcomes()) == 2, what="the pickup record")
    # The stage is as long as the device may ring: either may end its branch.
    assert tenant.outcomes() in ([(first, 480), ("picked_up", 480)] for first in ("not_taken", "lost"))


def test_given_a_group_with_stages_when_its_second_rings_then_the_call_is_sent_and_who_rings_hears_that_it_was_answered(
    tenant: Tenant,
) -> None:
    tenant.change(staged)
    bob, alice, dave = tenant.phone("101", register=True), tenant.phone("102", register=True), tenant.phone("104")
    call = ring(dave, bob, "700", supported="")
    call.inbound.is_cancelled()
    second = alice.rung()
    second.answers(180)
    call.outgoing.expects(180)

    caller, _, _ = connect(call.outgoing, send_for(carol := tenant.phone("103"), "*87700"))

    ends_elsewhere(second)
    nothing_came(bob)
    caller.ends(carol)
    ends_empty(tenant, "picked_up")


def test_given_an_agent_whose_answer_comes_too_late_when_the_caller_has_gone_then_he_is_offered_the_next_at_once(
    tenant: Tenant,
) -> None:
    dave, carol, agent = tenant.phone("104"), tenant.phone("103"), tenant.phone("102", register=True)
    call = dave.dials("800")
    call.expects(182)
    inbound = agent.rung()
    inbound.answers(180)
    call.expects(180)
    pickup = carol.dials("*87800")
    dave.rung(replaces=True).answers(200)
    talk = pickup.dialog(pickup.expects(200))

    inbound.answers(200)
    is_ended_by_the_node(inbound)
    assert call.cancels().status == 200
    assert call.ends_with().status == 487

    following = tenant.phone("105").dials("800", supported="")
    agent.rung().answers(200)
    following.dialog(following.expects(200)).ends(agent)
    talk.ends(dave)
    [group] = tenant.node.roster(tenant.domain, [], ["800"]).groups
    assert group.statistics == {"picked_up": 1, "answered": 1}
    nothing_came(dave, 200)
    ends_empty(tenant, "picked_up")
