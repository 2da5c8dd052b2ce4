"""Calls that leave by a trunk, on a real node: who may, which trunk, and on to the next destination when one fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.carrier import HOME, OTHER, SILENCE_MS, Gateway, Site, document_with, reached, rings
from tests.support.phone import Phone
from tests.support.until import until


@pytest.fixture
def site(evidence: Path) -> Iterator[Site]:
    with Site(evidence) as site:
        yield site


def is_sent_to(gateway: Gateway, caller: Phone, number: str = "+15551234") -> None:
    """A call to this number reaches the gateway, which refuses it."""
    call = caller.dials(number)
    offered = gateway.rung()
    offered.answers(486)
    assert call.ends_with().status == 486


def test_given_an_extension_when_it_dials_a_trunks_number_then_the_gateway_gets_the_call_and_learns_who_calls(
    site: Site,
) -> None:
    carol = site.phone("103")

    call = carol.dials("+15551234")
    offered = rings(call, site.first)

    invite = offered.invite
    assert invite.uri == f"sip:+15551234@{site.first.address}"
    assert invite["P-Asserted-Identity"] == f'"Carol" <sip:103@{HOME}>'
    assert f"<sip:103@{HOME}>" in invite["From"]
    assert "Proxy-Authorization" not in invite
    assert site.node.star87("calls") == []
    offered.answers(200)
    talk = call.dialog(call.expects(200))
    offered.dialog().ends(carol)
    assert talk.routes
    site.ends_empty()
    site.second.is_left_alone()


def test_given_an_extension_that_talks_by_a_trunk_when_it_picks_up_then_486_until_it_holds(site: Site) -> None:
    reception, carol, dave = site.phone("101", register=True), site.phone("103"), site.phone("104")
    outgoing = carol.dials("+15551234")
    offered = site.first.rung()
    offered.answers(200)
    own = outgoing.dialog(outgoing.expects(200))
    offered.dialog()
    call = dave.dials("101")
    rings(call, reception)

    refused = carol.dials("*87101").ends_with()
    assert (refused.status, refused.reason) == (486, "Hold Your Current Call First")

    own.reinvites(site.first, "sendonly", "recvonly")
    pickup = carol.dials("*87101")
    dave.rung(replaces=True).answers(200)
    assert pickup.expects(200)


def test_given_a_silent_destination_then_the_next_gets_the_call_in_time_and_later_calls_at_once(site: Site) -> None:
    carol = site.phone("103")

    began = time.monotonic()
    call = carol.dials("+15551234")
    missed, offered = site.first.rung(), site.second.rung()
    took_ms = (time.monotonic() - began) * 1000
    assert SILENCE_MS * 0.5 <= took_ms < SILENCE_MS + 1000
    assert offered.invite["P-Asserted-Identity"] == missed.invite["P-Asserted-Identity"]
    assert offered.invite.uri == f"sip:+15551234@{site.second.address}"
    offered.answers(200)
    call.dialog(call.expects(200))

    site.first.inbox.clear()
    is_sent_to(site.second, carol)
    site.first.is_left_alone()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_given_a_destination_that_fails_then_the_next_gets_the_call_and_the_first_is_asked_again(
    site: Site, status: int
) -> None:
    carol = site.phone("103")

    call = carol.dials("+15551234")
    site.first.rung().answers(status)
    site.second.rung().answers(486)

    assert call.ends_with().status == 486
    is_sent_to(site.first, carol)


def test_given_a_503_that_says_when_to_retry_then_the_destination_is_left_out(site: Site) -> None:
    carol = site.phone("103")

    call = carol.dials("+15551234")
    site.first.rung().answers(503, headers=[("Retry-After", "60")])
    site.second.rung().answers(486)

    assert call.ends_with().status == 486
    is_sent_to(site.second, carol)
    site.first.is_left_alone()


@pytest.mark.parametrize("status", [404, 408, 486, 501, 603])
def test_given_an_answer_of_the_far_end_then_it_is_the_callers_answer(site: Site, status: int) -> None:
    call = site.phone("103").dials("+15551234")
    site.first.rung().answers(status)

    assert call.ends_with().status == status
    site.second.is_left_alone()


def test_given_a_destination_that_says_it_is_trying_then_it_may_take_its_time(site: Site) -> None:
    call = site.phone("103").dials("+15551234")
    offered = site.first.rung()
    offered.answers(100)

    with pytest.raises(AssertionError, match="an INVITE"):
        site.second.rung(within_s=SILENCE_MS * 3 / 1000)
    offered.answers(200)
    assert call.expects(200)


def test_given_a_silent_destination_and_one_that_refuses_then_that_is_the_answer(site: Site) -> None:
    call = site.phone("103").dials("+15551234")
    site.first.rung()
    site.second.rung().answers(404)

    assert call.ends_with().status == 404


def test_given_no_destination_that_answers_then_503_and_the_next_call_is_refused_at_once(site: Site) -> None:
    carol = site.phone("103")

    answer = carol.dials("+15551234").ends_with()
    assert answer.status == 503
    assert "carrier" in answer["Warning"]
    for gateway in (site.first, site.second):
        assert gateway.rung()
        gateway.hears()
        gateway.inbox.clear()

    answer = carol.dials("+15551234").ends_with()
    assert (answer.status, answer["Warning"].startswith("399 ")) == (503, True)
    for gateway in (site.first, site.second):
        gateway.is_left_alone()
    site.ends_empty()


def test_given_a_destination_that_was_down_when_it_answers_a_probe_then_it_gets_calls_again(evidence: Path) -> None:
    with Site(evidence, STAR87_GATEWAY_PROBE_S="1") as site:
        carol = site.phone("103")
        call = carol.dials("+15551234")
        site.first.rung()
        site.second.rung().answers(486)
        assert call.ends_with().status == 486
        site.first.hears()
        site.first.inbox.clear()

        site.first.is_probed()

        def is_asked_again() -> bool:
            call = carol.dials("+15551234")
            asked = reached(site.first, site.second)
            return call.ends_with().status == 486 and asked is site.first

        until(is_asked_again, within_s=5, what="a call at the first destination")


def test_given_a_destination_over_a_transport_that_is_not_here_then_the_next_gets_the_call(site: Site) -> None:
    carol = site.phone("103")
    site.trunks[0]["destinations"][0] = f"sip:{site.first.address};transport=tls"
    site.node.apply(document_with(site.trunks))
    site.first.inbox.clear()

    def reaches_second_at_once() -> bool:
        call = carol.dials("+15551234")
        asked = reached(site.first, site.second)
        return call.ends_with().status == 486 and asked is site.second

    until(reaches_second_at_once, within_s=2, what="a call at the second destination")


def test_given_several_prefixes_then_the_longest_wins_and_then_the_documents_order(site: Site) -> None:
    carol = site.phone("103")

    is_sent_to(site.rival, carol, "+49301234")
    is_sent_to(site.first, carol, "+41301234")
    is_sent_to(site.first, carol, "0049301234")
    assert carol.dials("12345").ends_with().status == 404


def test_given_a_number_as_people_write_it_then_its_digits_are_sent(site: Site) -> None:
    call = site.phone("103").dials("%2B1-555.1234")

    assert site.first.rung().invite.uri == f"sip:+15551234@{site.first.address}"
    call.cancels()


@pytest.mark.parametrize(
    "dialled", ["+1%40evil.example.com", "+1%3Bx=1", "+1%0D%0AX:y", "+1*21", "+", "%2b%2b1", "+1555abc"]
)
def test_given_what_is_no_telephone_number_then_404_and_no_gateway_hears_of_it(site: Site, dialled: str) -> None:
    answer = site.phone("103").dials(dialled).ends_with()

    assert answer.status in (400, 404)
    for gateway in (site.first, site.second, site.rival):
        gateway.is_left_alone()


def test_given_anything_but_a_call_then_404(site: Site) -> None:
    carol = site.phone("103")
    for method in ("MESSAGE", "OPTIONS", "SUBSCRIBE"):
        assert carol.asks(method, f"sip:+15551234@{HOME}").status == 404
    site.first.is_left_alone()


def test_given_no_credentials_or_anothers_domain_then_no_call_leaves(site: Site) -> None:
    stranger, foreigner = site.gateway(), site.phone("103", domain=OTHER)
    stranger.names("103", HOME)

    assert stranger.calls("+15551234").ends_with().status == 407
    assert stranger.calls("+15551234", headers=[("P-Asserted-Identity", f"<sip:103@{HOME}>")]).ends_with().status == 407
    is_sent_to(site.first, foreigner)
    site.second.is_left_alone()


def test_given_a_caller_who_gives_up_while_a_destination_is_silent_then_no_other_is_called(site: Site) -> None:
    call = site.phone("103").dials("+15551234")
    site.first.rung()

    assert call.cancels().status == 200
    assert call.ends_with().status == 487
    site.second.is_left_alone()
    site.ends_empty()


def test_given_a_caller_who_gives_up_while_it_rings_then_the_gateway_is_told_and_nothing_is_left(site: Site) -> None:
    call = site.phone("103").dials("+15551234")
    offered = rings(call, site.first)

    assert call.cancels().status == 200
    offered.is_cancelled()
    assert call.ends_with().status == 487
    site.second.is_left_alone()
    site.ends_empty()


def test_given_a_to_tag_and_a_route_that_a_stranger_wrote_then_no_call_leaves(site: Site) -> None:
    """A request that claims to be inside a dialog is asked for no credentials: it must be a dialog of ours."""
    carol, stranger = site.phone("103"), site.gateway()
    call = carol.dials("+15551234")
    offered = rings(call, site.first)
    ours = offered.invite["Record-Route"]
    target = f"sip:+1900@{site.second.address}"

    for route in (f"<sip:{site.node.address};lr>", f"<sip:{site.node.address};lr;tenant={HOME}>", ours):
        via = stranger.via()
        stranger.sends(stranger.requests("INVITE", target, to_tag="t", via=via, headers=[("Route", route)]))
        assert stranger.answer_to(via).status == 481
    site.second.is_left_alone()

    offered.answers(200)
    talk = call.dialog(call.expects(200))
    offered.dialog().reinvites(carol, "sendonly", "recvonly")
    talk.reinvites(site.first, "sendrecv", "sendrecv")


def test_given_a_talk_over_two_transports_when_either_end_reinvites_then_it_is_known_as_ours(site: Site) -> None:
    reception, carol = site.phone("101", register=True), site.phone("103", transport="tcp")
    call = carol.dials("101")
    offered = reception.rung()
    offered.answers(200)
    talk = call.dialog(call.expects(200))
    other = offered.dialog()
    assert len(talk.routes) == 2

    talk.reinvites(reception, "sendonly", "recvonly")
    other.reinvites(carol, "inactive", "inactive")
    talk.ends(reception)
    site.ends_empty()
