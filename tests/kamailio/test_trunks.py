"""Calls that come by a trunk, on a real node: to its DIDs and nowhere else, picked up like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.carrier import HOME, OTHER, Site, document_with, rings, trunk
from tests.support.phone_calls import replaces_of
from tests.support.pickups import connect, ends_elsewhere, send_for
from tests.support.tenants import IN_FORCE_WITHIN_S
from tests.support.until import until


@pytest.fixture
def site(evidence: Path) -> Iterator[Site]:
    with Site(evidence) as site:
        yield site


def test_given_a_did_of_an_extension_when_a_trunk_calls_it_then_it_is_answered_and_a_bye_frees_the_device(
    site: Site,
) -> None:
    reception = site.phone("101", register=True)
    asserted = '"Bob" <sip:+15558888@carrier.example.net>'

    call = site.first.calls("+15550100", headers=[("P-Asserted-Identity", asserted)])
    inbound = rings(call, reception)
    assert inbound.invite["P-Asserted-Identity"] == asserted
    shown = site.node.star87("calls")[0]
    assert (shown["account"], shown["caller"], shown["caller_name"]) == (
        "101",
        "sip:+15558888@carrier.example.net",
        "Bob",
    )
    inbound.answers(200)
    talk = call.dialog(call.expects(200))
    inbound.dialog()
    assert any(":device:" in key for key in site.node.keys(HOME))

    talk.ends(reception)
    site.ends_empty()


def test_given_a_trunk_that_names_another_of_its_addresses_when_it_talks_then_requests_go_where_it_says(
    site: Site,
) -> None:
    """A phone is reached where it was heard; a carrier knows its own addresses."""
    reception = site.phone("101", register=True)
    call = site.first.calls("+15550100", headers=[("Contact", f"<sip:gateway@{site.second.address}>")])
    inbound = rings(call, reception)
    inbound.answers(200)
    call.dialog(call.expects(200))

    inbound.dialog().ends(site.second)
    site.ends_empty()


def test_given_a_did_of_a_hunt_group_when_a_trunk_calls_it_then_one_member_answers_and_the_other_is_told(
    site: Site,
) -> None:
    reception, alice = site.phone("101", register=True), site.phone("102", register=True)

    call = site.first.calls("+15550170")
    ringing, answering = rings(call, reception), rings(call, alice)
    answering.answers(200)
    talk = call.dialog(call.expects(200))
    answering.dialog()
    assert ringing.is_cancelled()["Reason"].startswith("SIP;cause=200")

    talk.ends(alice)
    site.ends_empty()


def test_given_a_did_of_an_agent_group_when_a_trunk_calls_it_then_the_caller_waits_for_the_agent(site: Site) -> None:
    call = site.first.calls("+15550180")
    assert call.expects(182).tag("To")
    dave = site.phone("104", register=True)

    offered = rings(call, dave)
    offered.answers(200)
    call.dialog(call.expects(200)).ends(dave)
    site.ends_empty()


def test_given_a_trunks_ringing_calls_when_dialling_the_code_then_each_is_picked_up_and_its_phones_learn_why(
    site: Site,
) -> None:
    reception, carol = site.phone("101", register=True), site.phone("103")
    # Whom the caller's From names decides nothing, not even which tenant the trunk's CANCEL belongs to.
    site.first.names("103", OTHER)
    for code, did in (("*87", "+15550170"), ("*87101", "+15550100")):
        call = site.first.calls(did, headers=[("P-Asserted-Identity", "<sip:+15558888@carrier.example.net>")])
        inbound = rings(call, reception)

        pickup = carol.dials(code)
        taken = site.first.rung(replaces=True)
        assert replaces_of(taken.invite) == (call.call_id, call.tag, inbound.tag, True)
        taken.answers(200)
        answer = pickup.expects(200)
        assert "<sip:+15558888@carrier.example.net>" in answer["P-Asserted-Identity"]
        assert call.cancels().status == 200
        cancelled = inbound.is_cancelled()
        assert cancelled["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
        assert call.ends_with().status == 487

        talk = pickup.dialog(answer)
        taken.dialog()
        talk.ends(site.first)
    site.ends_empty()
    assert [event.outcome for event in site.node.events(HOME)] == ["picked_up", "picked_up"]


@pytest.mark.parametrize("did", ["+15550100", "+15550170", "+15550180"])
def test_given_a_trunk_without_replaces_when_its_call_is_picked_up_then_it_is_sent_to_the_device_that_dialled(
    did: str, site: Site
) -> None:
    rings_at, code = {
        "+15550100": ("101", "*87101"),
        "+15550170": ("101", "*87700"),
        "+15550180": ("104", "*87800"),
    }[did]
    reception, carol = site.phone(rings_at, register=True), site.phone("103")
    call = site.first.calls(did, supported="timer")
    inbound = rings(call, reception)

    offer = send_for(carol, code)
    talk, _, accepted = connect(call, offer)
    ends_elsewhere(inbound)

    assert "<sip:+15559999@carrier.example.net>" in offer.invite["P-Asserted-Identity"]
    assert accepted["P-Asserted-Identity"] == f'"Carol" <sip:103@{HOME}>'
    talk.reinvites(carol, "sendonly", "recvonly")
    talk.ends(carol)
    site.ends_empty()
    [event] = site.node.events(HOME)
    assert (event.outcome, event.mode, event.status) == ("picked_up", "reroute", 480)


def test_given_a_ringing_call_when_the_trunk_cancels_then_nothing_is_left(site: Site) -> None:
    reception = site.phone("101", register=True)
    call = site.first.calls("+15550100")
    inbound = rings(call, reception)

    assert call.cancels().status == 200
    assert "Reason" not in inbound.is_cancelled()
    assert call.ends_with().status == 487
    site.ends_empty()


def test_given_a_source_that_no_trunk_lists_when_it_sends_the_same_then_it_is_asked_who_it_is(site: Site) -> None:
    reception = site.phone("101", register=True)
    stranger = site.gateway()

    assert stranger.calls("+15550100").ends_with().status == 407
    assert stranger.calls("+15550100", host=site.node.address).ends_with().status == 403
    assert stranger.calls("+15551234").ends_with().status == 407
    stranger.names("101", HOME)
    assert stranger.calls("+15550100").ends_with().status == 407
    assert stranger.requests_once("OPTIONS", f"sip:101@{HOME}").status == 407
    reception.hears()
    assert reception.inbox == []


def test_given_a_trunk_whose_from_names_an_extension_then_that_grants_and_denies_nothing(site: Site) -> None:
    reception, dave = site.phone("101", register=True), site.phone("104")
    site.first.names("104", HOME)

    for code in ("*87", "*87101", "*8787", "*64", "*65"):
        assert site.first.calls(code).ends_with().status == 404
    call = site.first.calls("+15550100")
    inbound = rings(call, reception)
    pickup = dave.dials("*87101")
    site.first.rung(replaces=True).answers(200)
    assert pickup.expects(200)
    call.cancels()
    inbound.is_cancelled()


@pytest.mark.parametrize(
    ("number", "host"),
    [
        ("101", HOME),
        ("700", HOME),
        ("+15550999", HOME),
        ("+49301", HOME),
        ("+491234", HOME),
        ("00491234", HOME),
        ("+15550100", "elsewhere.example.com"),
    ],
)
def test_given_a_number_that_is_none_of_its_dids_when_a_trunk_calls_it_then_404_and_no_other_trunk_hears_of_it(
    site: Site, number: str, host: str
) -> None:
    reception = site.phone("101", register=True)

    answer = site.first.calls(number, host=host).ends_with()

    assert answer.status == 404
    assert answer["Warning"].startswith("399 ")
    reception.hears()
    assert reception.inbox == []
    site.rival.is_left_alone()


def test_given_a_did_in_other_spellings_when_a_trunk_calls_it_then_it_is_the_same_number(site: Site) -> None:
    reception = site.phone("101", register=True)
    for number, host in (
        ("%2B15550100", HOME),
        ("+15550100;phone-context=example.com", HOME.upper()),
        ("+15550100", site.node.address),
    ):
        call = site.first.calls(number, host=host)
        inbound = rings(call, reception)
        assert call.cancels().status == 200
        inbound.is_cancelled()
        call.ends_with()
    site.ends_empty()


def test_given_a_trunk_when_it_sends_anything_but_a_plain_call_then_it_is_refused(site: Site) -> None:
    for header, status in (("Replaces", 481), ("Join", 403)):
        refused = site.first.calls("+15550100", headers=[(header, "a@b;to-tag=1;from-tag=2")]).ends_with()
        assert refused.status == status
    for method in ("MESSAGE", "SUBSCRIBE", "REFER", "REGISTER", "PUBLISH"):
        assert site.first.requests_once(method, f"sip:+15550100@{HOME}").status == 405
    for uri in (f"sip:{HOME}", f"sip:+15550100@{HOME}", f"sip:{site.node.address}"):
        assert site.first.requests_once("OPTIONS", uri).status == 200


def test_given_a_caller_who_asks_for_privacy_then_neither_the_phone_nor_the_record_names_him(site: Site) -> None:
    reception = site.phone("101", register=True)
    site.first.names("anonymous", "anonymous.invalid")
    asserted = [("P-Asserted-Identity", "<tel:+15558888>"), ("Privacy", "id")]

    call = site.first.calls("+15550100", headers=asserted)
    inbound = rings(call, reception)

    assert "P-Asserted-Identity" not in inbound.invite
    assert site.node.star87("calls")[0]["caller"] == "sip:anonymous@anonymous.invalid"


def test_given_an_extension_that_talks_by_a_trunk_when_it_picks_up_then_486_until_it_holds(site: Site) -> None:
    reception, dave = site.phone("101", register=True), site.phone("104", register=True)
    talking = site.first.calls("+15550180")
    talking.expects(182)
    offered = dave.rung()
    offered.answers(200)
    talking.dialog(talking.expects(200))
    own = offered.dialog()
    call = site.second.calls("+15550100")
    rings(call, reception)

    refused = dave.dials("*87101").ends_with()
    assert (refused.status, refused.reason) == (486, "Hold Your Current Call First")

    own.reinvites(site.first, "sendonly", "recvonly")
    pickup = dave.dials("*87101")
    site.second.rung(replaces=True).answers(200)
    assert pickup.expects(200)


def test_given_another_document_when_it_is_applied_then_trunks_change_within_a_second(site: Site) -> None:
    reception, carol, newcomer = site.phone("101", register=True), site.phone("103"), site.gateway()
    assert newcomer.calls("+15550100").ends_with().status == 407

    site.node.apply(document_with([trunk("new", [newcomer], "+7", dids={"+15550100": f"101@{HOME}"})]))

    def in_force() -> bool:
        return newcomer.calls("+15550199").ends_with().status == 404

    until(in_force, within_s=IN_FORCE_WITHIN_S, what="the new trunk")
    call = newcomer.calls("+15550100")
    inbound = rings(call, reception)
    assert call.cancels().status == 200
    inbound.is_cancelled()
    until(
        lambda: site.first.calls("+15550100").ends_with().status == 407,
        within_s=IN_FORCE_WITHIN_S,
        what="the old trunk's end",
    )
    assert carol.dials("+15551234").ends_with().status == 404
    assert carol.dials("+71234")
    assert newcomer.rung().invite.uri == f"sip:+71234@{newcomer.address}"
