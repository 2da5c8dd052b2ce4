"""Calls by trunks with a relay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.carrier import Site
from tests.support.media import is_forgotten, ports, relayed, talk_through
from tests.support.rtp import Voice
from tests.support.rtpengine import RtpEngine


@pytest.fixture
def site(relay: RtpEngine, evidence: Path) -> Iterator[Site]:
    with Site(evidence, STAR87_RTPENGINE=relay.address) as site:
        yield site


def test_given_a_gateway_that_fails_when_the_next_one_answers_then_its_media_is_relayed_and_nothing_else_is_left(
    site: Site, relay: RtpEngine, voices: list[Voice]
) -> None:
    carol = site.phone("103")
    call = carol.dials("+15551234", body=voices[0].sdp())
    site.first.rung().answers(503)
    offered = site.second.rung()
    offered.answers(200, body=voices[1].sdp())
    answer = call.expects(200)

    talk_through(voices[0], relayed(answer), voices[1], relayed(offered))
    assert ports(relay, call) == 4
    call.dialog(answer).ends(site.second)
    is_forgotten(relay, call)


def test_given_no_gateway_that_takes_it_when_the_call_ends_then_nothing_is_left(
    site: Site, relay: RtpEngine, voices: list[Voice]
) -> None:
    call = site.phone("103").dials("+15551234", body=voices[0].sdp())
    site.first.rung().answers(503)
    site.second.rung().answers(503)
    assert call.ends_with().status == 503
    is_forgotten(relay, call)


def test_given_a_call_from_outside_when_it_is_picked_up_then_picker_and_carrier_hear_each_other(
    site: Site, relay: RtpEngine, voices: list[Voice]
) -> None:
    reception, carol = site.phone("101", register=True), site.phone("103")
    call = site.first.calls("+15550100")
    ringing = reception.rung()
    ringing.answers(180)
    call.expects(180)

    pickup = carol.dials("*87101", body=voices[0].sdp())
    offer = site.first.rung(replaces=True)
    offer.answers(200, body=voices[1].sdp())
    accepted = pickup.expects(200)
    end = pickup.dialog(accepted)
    call.cancels()
    ringing.is_cancelled()
    assert call.ends_with().status == 487

    talk_through(voices[0], relayed(accepted), voices[1], relayed(offer))
    end.ends(site.first)
    is_forgotten(relay, call, pickup)
