"""Replaces by and towards a carrier: the same rule; a carrier picks up nothing, and outsiders write nothing down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.carrier import HOME, OTHER, Gateway, Site, rings
from tests.support.phone import Phone
from tests.support.phone_calls import Dialog
from tests.support.replacing import header, of_talk, refers, takes_over
from tests.support.talks import talk

DID = "+15550100"


@pytest.fixture
def site(evidence: Path) -> Iterator[Site]:
    with Site(evidence) as site:
        yield site


def calls_in(gateway: Gateway, phone: Phone, number: str = DID) -> tuple[Dialog, Dialog]:
    """A customer of the carrier calls, and is answered: his end and the phone's."""
    outgoing = gateway.calls(number)
    inbound = rings(outgoing, phone)
    inbound.answers(200)
    return outgoing.dialog(outgoing.expects(200)), inbound.dialog()


def test_given_a_caller_from_a_trunk_when_he_is_transferred_then_his_trunk_s_invite_passes(site: Site) -> None:
    """103 picked him up for Sales and asks 101; his carrier sends the INVITE to the DID of 101."""
    reception, carol = site.phone("101", register=True), site.phone("103", register=True)
    outgoing = site.first.calls("+15550170")
    ringing = rings(outgoing, reception)
    pickup = carol.dials("*87700")
    offer = site.first.rung(replaces=True)
    offer.answers(200)
    carol_to_customer = pickup.dialog(pickup.expects(200))
    offer.dialog()
    outgoing.cancels()
    ringing.is_cancelled()
    outgoing.ends_with()
    carol_to_customer.reinvites(site.first, "sendonly", "recvonly")
    carol_to_reception, of_reception = talk(carol, reception)

    refers(carol_to_customer, site.first, f"sip:{DID}@{HOME}", carol_to_reception)
    named = of_talk(carol_to_reception)
    assert site.rival.calls("+49301", headers=[named]).ends_with().status == 403
    call = site.first.calls(DID, headers=[named])
    inbound = reception.rung(replaces=True)
    assert inbound.invite["Replaces"] == named[1]
    inbound.answers(200)
    at_customer = call.dialog(call.expects(200))
    inbound.dialog()
    of_reception.ends(carol)
    carol_to_customer.ends(site.first)
    at_customer.ends(reception)

    assert [event.outcome for event in site.node.events(HOME)] == ["picked_up"]
    site.ends_empty()


def test_given_a_call_that_left_by_a_trunk_when_its_far_end_is_the_target_then_the_trunk_gets_the_invite(
    site: Site,
) -> None:
    alice, bob = site.phone("104", register=True), site.phone("101", register=True)
    _, bob_to_alice = talk(alice, bob)
    bob_to_alice.reinvites(alice, "sendonly", "recvonly")
    asked = bob.dials("+15551234")
    outside = site.first.rung()
    outside.answers(200)
    bob_out, far_end = asked.dialog(asked.expects(200)), outside.dialog()
    named = of_talk(bob_out)

    for number in ("+4930", "102", "104"):
        assert alice.dials(number, headers=[named]).ends_with().status == 403, number
    assert site.phone("103").dials("+15551234", headers=[named]).ends_with().status == 403
    site.rival.is_left_alone()
    call = alice.dials("+15551234", headers=[named])
    ends = takes_over(call, site.first, far_end, bob)

    ends[0].ends(site.first)
    assert [event.outcome for event in site.node.events(HOME)] == ["replaces_denied"] * 4


def test_given_a_far_end_that_is_transferred_by_its_carrier_when_its_trunk_replaces_it_then_it_passes(
    site: Site,
) -> None:
    """The trunk is a party of that call; another trunk is not, and none is in another tenant."""
    reception = site.phone("101", register=True)
    customer, of_reception = calls_in(site.first, reception)
    named = of_talk(customer)

    assert site.rival.calls("+49301", headers=[named]).ends_with().status == 403
    assert site.first.calls("+15550200", headers=[named], host=OTHER).ends_with().status == 481
    assert site.first.calls("+15550170", headers=[named]).ends_with().status == 403
    call = site.second.calls(DID, headers=[named])
    inbound = reception.rung(replaces=True)
    inbound.answers(200)
    call.dialog(call.expects(200)).ends(reception)
    of_reception.ends(site.first)
    assert site.node.events(HOME) == []


def test_given_a_ringing_call_when_a_trunk_replaces_it_then_403_it_rings_on_and_nothing_is_written(
    site: Site,
) -> None:
    reception = site.phone("101", register=True)
    call = site.first.calls(DID)
    inbound = rings(call, reception)
    before = site.node.keys(HOME)

    for gateway, number in ((site.first, DID), (site.rival, "+49301")):
        for tags in ((call.tag, inbound.tag), (inbound.tag, call.tag)):
            answer = gateway.calls(number, headers=[header(call.call_id, *tags)]).ends_with()
            assert (answer.status, bool(answer["Warning"])) == (403, True)
    for name, value, status in (
        ("Replaces", f"{call.call_id};to-tag={call.tag};from-tag=guess", 481),
        ("Replaces", call.call_id, 400),
        ("Join", f"{call.call_id};to-tag={call.tag};from-tag={inbound.tag}", 403),
    ):
        assert site.rival.calls("+49301", headers=[(name, value)]).ends_with().status == status

    assert (site.node.keys(HOME), site.node.events(HOME)) == (before, [])
    inbound.answers(200)
    call.dialog(call.expects(200)).ends(reception)


def test_given_an_address_that_is_no_trunk_s_when_it_sends_what_a_trunk_may_then_it_is_challenged(site: Site) -> None:
    reception = site.phone("101", register=True)
    customer, of_reception = calls_in(site.first, reception)
    spoofer = site.gateway()
    assert spoofer.calls(DID, headers=[of_talk(customer)]).ends_with().status == 407
    of_reception.ends(site.first)
