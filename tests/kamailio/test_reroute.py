"""A pickup by reroute on the wire: the caller's own INVITE is sent to the device that dialled."""

from __future__ import annotations

import pytest

from tests.support.pickups import (
    IMPATIENT,
    connect,
    ends_elsewhere,
    ends_empty,
    is_sent,
    nothing_came,
    send_for,
    talk_both_ways,
)
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant
from tests.support.until import until

ENVIRONMENT = IMPATIENT


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_given_a_caller_without_replaces_when_picked_up_then_the_device_that_dialled_is_in_the_callers_call(
    transport: str, tenant: Tenant
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104", transport=transport)
    call = ring(dave, bob, supported="")

    offer = send_for(carol := tenant.phone("103", transport=transport), "*87101")
    caller, picker, accepted = connect(call.outgoing, offer)
    ends_elsewhere(call.inbound)

    invite = offer.invite
    assert invite["Call-ID"] == call.outgoing.call_id
    assert invite.uri == carol.contact
    assert "answer-after=0" in invite["Call-Info"]
    assert "info=alert-autoanswer" in invite["Alert-Info"]
    assert invite.all("P-Asserted-Identity") == [f'"Dave for Reception" <sip:104@{tenant.domain}>']
    assert "Replaces" not in invite
    assert "Answer-Mode" not in invite
    assert accepted["P-Asserted-Identity"] == f'"Carol" <sip:103@{tenant.domain}>'
    talk_both_ways(caller, picker)
    picker.ends(dave)
    ends_empty(tenant, "picked_up")


def test_given_a_rerouted_call_when_the_caller_hangs_up_then_the_picker_hears_it(tenant: Tenant) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(dave, bob, supported="")
    caller, _, _ = connect(call.outgoing, send_for(carol := tenant.phone("103"), "*87101"))
    ends_elsewhere(call.inbound)

    caller.ends(carol)

    ends_empty(tenant, "picked_up")
    [event] = tenant.node.events(tenant.domain)
    assert (event.mode, event.status, event.account, event.rang) == ("reroute", 480, "101", ("101",))


def test_given_headers_of_the_caller_that_ask_for_an_automatic_answer_when_rerouted_then_only_the_nodes_pass(
    tenant: Tenant,
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    asked = [("Answer-Mode", "Manual"), ("Call-Info", "<http://x.example>;purpose=icon"), ("Alert-Info", "<urn:x>")]
    call = ring(dave, bob, supported="", headers=asked)

    offer = send_for(tenant.phone("103"), "*87101", supported="replaces, answermode")

    assert offer.invite.all("Answer-Mode") == ["Auto"]
    assert offer.invite.all("Call-Info") == [f"<sip:{tenant.domain}>;answer-after=0"]
    assert len(offer.invite.all("Alert-Info")) == 1
    connect(call.outgoing, offer)


@pytest.mark.parametrize("status", [100, 180])
def test_given_a_callee_whose_answers_bear_no_tag_when_picked_up_then_the_call_is_rerouted(
    status: int, tenant: Tenant
) -> None:
    """There is no early dialog that a Replaces could name."""
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    outgoing = dave.dials("101")
    inbound = bob.rung()
    bob.replies(inbound.invite, status)

    connect(outgoing, send_for(tenant.phone("103"), "*87101"))
    nothing_came(dave)
    until(lambda: tenant.outcomes() == [("picked_up", 480)], what="the pickup record")


def test_given_a_picker_with_two_devices_when_the_call_is_sent_then_only_the_one_that_dialled_rings(
    tenant: Tenant,
) -> None:
    bob, dave, other = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103", register=True)
    call = ring(dave, bob, supported="")

    connect(call.outgoing, send_for(tenant.phone("103", register=True), "*87101"))

    ends_elsewhere(call.inbound)
    nothing_came(other)


@pytest.mark.parametrize("refusal", [486, 603, 480, 500])
def test_given_a_device_that_refuses_when_the_call_is_sent_to_it_then_it_rings_on_and_can_be_picked_up_again(
    refusal: int, tenant: Tenant
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob, supported="")

    offer = send_for(carol, "*87101")
    offer.answers(refusal)
    carol.gets("ACK", offer.call_id)
    until(lambda: tenant.outcomes() == [("not_taken", 480)], what="the pickup record")
    bob.hears()
    assert [m.start for m in bob.inbox] == []
    nothing_came(dave, 480, 486, 500, 599, 603)

    caller, _, _ = connect(call.outgoing, send_for(carol, "*87101"))
    ends_elsewhere(call.inbound)
    caller.ends(carol)
    ends_empty(tenant, "not_taken", "picked_up")


def test_given_a_device_that_does_not_answer_when_its_time_is_up_then_its_branch_ends_and_the_callee_may_answer(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob, supported="")

    offer = send_for(carol, "*87101")
    offer.answers(180)
    cancel = offer.is_cancelled()

    assert "cause=200" not in "".join(cancel.all("Reason"))
    until(lambda: tenant.outcomes() == [("not_taken", 480)], what="the pickup record")
    call.inbound.answers(200)
    dialog = call.outgoing.dialog(call.outgoing.expects(200))
    call.inbound.dialog()
    dialog.ends(bob)
    ends_empty(tenant, "not_taken")


def test_given_a_device_that_says_nothing_when_its_time_is_up_then_the_call_rings_on(tenant: Tenant) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob, supported="")

    send_for(carol, "*87101")

    until(lambda: tenant.outcomes() == [("not_taken", 480)], what="the pickup record")
    call.ends()
    ends_empty(tenant, "not_taken")


def test_given_a_callee_who_refused_when_the_device_does_not_take_the_call_then_the_caller_hears_the_callees_word(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob, supported="")
    offer = send_for(carol, "*87101")

    call.inbound.answers(486)
    bob.gets("ACK", call.inbound.call_id)
    offer.answers(480)

    assert call.outgoing.ends_with().status == 486
    ends_empty(tenant, "not_taken")


def test_given_a_device_that_rings_when_the_caller_gives_up_then_nobody_is_told_that_it_was_answered(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob, supported="")
    offer = send_for(carol, "*87101")
    offer.answers(180)

    assert call.outgoing.cancels().status == 200
    for inbound in (call.inbound, offer):
        assert "Reason" not in inbound.is_cancelled()
    assert call.outgoing.ends_with().status == 487
    ends_empty(tenant, "lost")


def test_given_a_rerouted_pickup_when_the_picker_dials_again_then_he_must_hold_it_first(tenant: Tenant) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob, supported="")
    caller, picker, _ = connect(call.outgoing, send_for(carol, "*87101"))
    ends_elsewhere(call.inbound)
    erin = tenant.phone("105")
    next_call = ring(erin, bob, supported="")

    assert carol.dials("*87101").ends_with().status == 486
    picker.reinvites(dave, "sendonly", "recvonly")
    offer = send_for(carol, "*87101")

    connect(next_call.outgoing, offer)
    ends_elsewhere(next_call.inbound)
    caller.ends(carol)


def test_given_a_call_that_is_being_sent_when_another_picker_dials_then_it_is_taken_until_it_is_given_back(
    tenant: Tenant,
) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(dave, bob, supported="")
    offer = send_for(carol, "*87101")
    other = tenant.phone("102")

    assert other.dials("*87101").ends_with().status == 410
    offer.answers(486)
    until(lambda: ("not_taken", 480) in tenant.outcomes(), what="the call given back")
    connect(call.outgoing, send_for(other, "*87101"))

    nothing_came(carol)


def test_given_a_picker_who_talks_unheld_when_the_call_would_be_sent_then_it_is_not(tenant: Tenant) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    alice = tenant.phone("102", register=True)
    talk(carol, alice)
    call = ring(dave, bob, supported="")

    assert carol.dials("*87101").ends_with().status == 486
    nothing_came(carol)
    call.ends()


@pytest.mark.parametrize("dialled", ["*87101", "*87700"])
def test_given_completed_elsewhere_off_when_rerouted_then_the_phones_that_rang_may_log_a_missed_call(
    dialled: str, tenant: Tenant
) -> None:
    """tm by itself would give the reason as it does for every answer to a group's call."""
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    tenant.change(lambda document: document.update(settings={"completed_elsewhere": False}))
    call = ring(dave, bob, dialled.removeprefix("*87"), supported="")

    caller, _, _ = connect(call.outgoing, send_for(carol, dialled))

    assert "Reason" not in call.inbound.is_cancelled()
    caller.ends(carol)
    ends_empty(tenant, "picked_up")


def test_given_a_device_that_dials_and_is_gone_when_the_call_is_sent_then_it_rings_on(tenant: Tenant) -> None:
    bob, dave, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103", transport="tcp")
    call = ring(dave, bob, supported="")
    pickup = carol.dials("*87101")
    is_sent(pickup)
    carol.close()

    until(lambda: tenant.outcomes() == [("not_taken", 480)], what="the pickup record")

    call.ends()
