"""Before picking up: hold. A phone with an answered call that it has not put on hold may not pick up."""

from __future__ import annotations

from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant


def test_given_an_unheld_talk_when_its_phone_picks_up_then_486_and_on_hold_it_may(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    dave, carol = tenant.phone("105", register=True), tenant.phone("103")
    own, _ = talk(carol, dave)
    call = ring(alice, bob)

    answer = carol.dials("*87101").ends_with()
    assert (answer.status, answer.reason) == (486, "Hold Your Current Call First")
    assert answer["Warning"].startswith("399 ")

    own.reinvites(dave, "sendonly", "recvonly")
    assert take_over(call, carol, "*87101")


def test_given_a_talk_that_its_callee_holds_when_the_callee_picks_up_then_he_may_and_the_other_may_not(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    carol, erin = tenant.phone("103", register=True), tenant.phone("102", register=True)
    _, held = talk(erin, carol)
    held.reinvites(erin, "inactive", "inactive")
    held.reinvites(erin, "sendonly", "recvonly")
    call = ring(alice, bob)

    assert erin.dials("*87101").ends_with().status == 486
    assert take_over(call, carol, "*87101")


def test_given_a_hold_that_was_taken_back_when_its_phone_picks_up_then_486(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    dave, carol = tenant.phone("105", register=True), tenant.phone("103")
    own, _ = talk(carol, dave)
    own.reinvites(dave, "sendonly", "recvonly")
    own.reinvites(dave, "sendrecv", "sendrecv")
    ring(alice, bob)

    assert carol.dials("*87101").ends_with().status == 486


def test_given_a_talk_that_ended_when_its_phone_picks_up_then_it_may(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    dave, carol = tenant.phone("105", register=True), tenant.phone("103")
    own, _ = talk(carol, dave)
    own.ends(dave)
    call = ring(alice, bob)

    assert take_over(call, carol, "*87101")


def test_given_a_talk_that_ended_when_its_answer_comes_once_more_then_its_phones_may_pick_up_all_the_same(
    tenant: Tenant,
) -> None:
    """The callee repeats its 200 until it has the ACK; what is on its way then crosses the BYE."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    dave, carol = tenant.phone("105", register=True), tenant.phone("103")
    own = carol.dials("105")
    inbound = dave.rung()
    inbound.answers(200)
    talks = own.dialog(own.expects(200))
    inbound.dialog()
    talks.ends(dave)

    inbound.answers(200, headers=[("X-Said", "again")])
    assert own.expects(200)["X-Said"] == "again"

    assert take_over(ring(alice, bob), carol, "*87101")


def test_given_require_hold_off_when_a_talking_phone_picks_up_then_it_may(tenant: Tenant) -> None:
    tenant.change(lambda document: document.update(settings={"require_hold": False}))
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    dave, carol = tenant.phone("105", register=True), tenant.phone("103")
    talk(carol, dave)
    call = ring(alice, bob)

    assert take_over(call, carol, "*87101")
