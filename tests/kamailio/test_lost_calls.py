"""The caller's phone does not take the picker, or the picker gives up: the next dialog, the next call, or a release."""

from __future__ import annotations

import pytest

from tests.support.phone_calls import replaces_of
from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant
from tests.support.until import until


def replaces_only(tenant: Tenant) -> None:
    """The other way to the caller, to send his call to the picker, has tests of its own."""
    tenant.change(lambda document: document.update(settings={"pickup_mode": "replaces"}))


def test_given_a_caller_without_replaces_when_picked_up_then_480_says_so_and_nothing_is_sent_to_him(
    tenant: Tenant,
) -> None:
    replaces_only(tenant)
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob, supported="")

    answer = tenant.phone("103").dials("*87101").ends_with()

    assert (answer.status, answer.reason) == (480, "No Call To Pick Up")
    assert "does not support Replaces" in answer["Warning"]
    call.ends()
    assert [m.start for m in alice.inbox if not m.status] == []


def test_given_a_call_that_nobody_rings_for_yet_when_picked_up_then_480_and_soon_after_it_works(
    tenant: Tenant,
) -> None:
    replaces_only(tenant)
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    outgoing = alice.dials("101")
    inbound = bob.rung()
    answer = carol.dials("*87101").ends_with()
    assert (answer.status, "begun to ring" in answer["Warning"]) == (480, True)

    inbound.answers(180)
    outgoing.expects(180)
    carol.dials("*87101")

    assert alice.rung(replaces=True)


@pytest.mark.parametrize("refusal", [481, 486, 600, 603])
def test_given_a_caller_s_phone_that_refuses_when_general_then_the_next_call_is_offered(
    refusal: int, tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("102", register=True)
    dave, erin = tenant.phone("104"), tenant.phone("105")
    ring(dave, bob)
    ring(erin, alice)
    pickup = tenant.phone("103").dials("*87")

    dave.rung(replaces=True).answers(refusal)
    erin.rung(replaces=True).answers(200)

    assert pickup.expects(200)["P-Asserted-Identity"].startswith('"Erin for Alice"')
    until(lambda: tenant.outcomes() == [("picked_up", 200)], what="one entry in the pickup record")


@pytest.mark.parametrize("refusal", [0, 420, 480, 500, 503])
def test_given_a_caller_s_phone_that_does_not_replace_when_only_that_is_wanted_then_the_next_call_is_offered(
    refusal: int, tenant: Tenant
) -> None:
    replaces_only(tenant)
    bob, alice = tenant.phone("101", register=True), tenant.phone("102", register=True)
    dave, erin = tenant.phone("104"), tenant.phone("105")
    ring(dave, bob)
    ring(erin, alice)
    pickup = tenant.phone("103").dials("*87")
    offer = dave.rung(replaces=True)
    if refusal:
        offer.answers(refusal)

    erin.rung(replaces=True).answers(200)

    assert pickup.expects(200)


def test_given_a_caller_s_phone_that_cannot_take_the_media_when_refused_then_488_and_the_call_rings_on(
    tenant: Tenant,
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)
    pickup = carol.dials("*87101")
    alice.rung(replaces=True).answers(488)

    assert pickup.ends_with().status == 488
    assert take_over(call, carol, "*87101")


def test_given_two_early_dialogs_when_the_last_is_unknown_to_the_caller_then_the_one_before_is_offered(
    tenant: Tenant,
) -> None:
    desk, mobile = tenant.phone("101", register=True), tenant.phone("101", register=True)
    alice, outgoing = tenant.phone("104"), None
    outgoing = alice.dials("101")
    tags = []
    for device in (desk, mobile):
        inbound = device.rung()
        inbound.answers(180)
        outgoing.expects(180)
        tags.append(inbound.tag)
    pickup = tenant.phone("103").dials("*87101")

    offered = []
    for status in (481, 200):
        offer = alice.rung(replaces=True)
        offered.append(replaces_of(offer.invite)[2])
        offer.answers(status)

    assert offered == [tags[1], tags[0]]
    assert pickup.expects(200)


def test_given_a_pickup_under_way_when_its_picker_gives_up_then_the_call_rings_on_and_another_may_have_it(
    tenant: Tenant,
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)
    pickup = carol.dials("*87101")
    offer = alice.rung(replaces=True)
    offer.answers(180)
    pickup.expects(180)

    assert pickup.cancels().status == 200
    offer.is_cancelled()
    assert pickup.ends_with().status == 487

    until(lambda: tenant.outcomes() == [("cancelled", 487)], what="the pickup record")
    assert take_over(call, tenant.phone("102"), "*87101")


def test_given_a_claimed_call_when_another_dials_for_it_then_410(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    ring(alice, bob)
    tenant.phone("103").dials("*87101")
    alice.rung(replaces=True)

    answer = tenant.phone("102").dials("*87101").ends_with()

    assert (answer.status, answer.reason) == (410, "Already Answered")
    assert answer["Warning"].startswith("399 ")


def test_given_a_200_that_the_caller_s_phone_repeats_when_relayed_then_it_is_written_down_once(
    tenant: Tenant,
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)
    pickup = carol.dials("*87101")
    offer = alice.rung(replaces=True)
    for _ in range(3):
        offer.answers(200)
    dialog = pickup.dialog(pickup.expects(200))
    call.ends()

    dialog.ends(alice)

    assert tenant.outcomes() == [("picked_up", 200)]
