"""`*87` with a relay: the picked-up call's media passes it, that of the old call ends, and hold is read as before."""

from __future__ import annotations

import pytest

from tests.support.media import is_forgotten, relayed, talk_through
from tests.support.ports import LOOPBACK
from tests.support.rtp import Voice
from tests.support.rtpengine import RtpEngine
from tests.support.tenants import Tenant


def test_given_a_ringing_call_when_picked_up_then_picker_and_caller_hear_each_other_and_the_old_call_is_gone(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    alices, bobs, carols, alices_second = voices
    call = alice.dials("101", body=alices.sdp())
    ringing = bob.rung()
    ringing.answers(183, body=bobs.sdp())
    relayed(call.expects(183))

    pickup = carol.dials("*87101", body=carols.sdp())
    offer = alice.rung(replaces=True)
    offer.answers(200, body=alices_second.sdp())
    accepted = pickup.expects(200)
    end = pickup.dialog(accepted)
    offer.dialog()
    assert call.cancels().status == 200
    ringing.is_cancelled()
    assert call.ends_with().status == 487

    talk_through(carols, relayed(accepted), alices_second, relayed(offer))
    is_forgotten(relay, call)
    assert pickup.call_id in relay.calls()
    end.ends(alice)
    is_forgotten(relay, pickup)


def test_given_a_caller_who_refuses_the_picker_when_the_call_rings_on_then_only_its_own_media_is_left(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = alice.dials("101", body=voices[0].sdp())
    ringing = bob.rung()
    ringing.answers(180)
    call.expects(180)
    pickup = carol.dials("*87101", body=voices[2].sdp())
    alice.rung(replaces=True).answers(488)
    assert pickup.ends_with().status == 488
    is_forgotten(relay, pickup)

    ringing.answers(200, body=voices[1].sdp())
    answer = call.expects(200)

    talk_through(voices[0], relayed(answer), voices[1], relayed(ringing))
    call.dialog(answer).ends(bob)
    is_forgotten(relay, call)


def test_given_a_caller_who_declines_when_the_next_call_is_picked_up_then_the_picker_hears_that_caller(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, carol = tenant.phone("101", register=True), tenant.phone("103")
    alice, erin = tenant.phone("104"), tenant.phone("105")
    calls = []
    for caller, voice in ((alice, voices[0]), (erin, voices[1])):
        call = caller.dials("101", body=voice.sdp())
        ringing = bob.rung()
        ringing.answers(180)
        call.expects(180)
        calls.append((call, ringing))

    pickup = carol.dials("*87101", body=voices[2].sdp())
    alice.rung(replaces=True).answers(603)
    offer = erin.rung(replaces=True)
    offer.answers(200, body=voices[1].sdp())
    accepted = pickup.expects(200)
    end = pickup.dialog(accepted)
    for call, ringing in calls:
        assert call.cancels().status == 200
        ringing.is_cancelled()
        assert call.ends_with().status == 487

    talk_through(voices[2], relayed(accepted), voices[1], relayed(offer))
    end.ends(erin)
    is_forgotten(relay, pickup, *(call for call, _ in calls))


# Hold


@pytest.mark.parametrize(
    ("held", "answered"), [({"direction": "sendonly"}, "recvonly"), ({"address": "0.0.0.0"}, "sendrecv")]
)
def test_given_a_relayed_talk_when_its_phone_holds_it_then_it_may_pick_up_and_resumed_both_hear_each_other(
    held: dict[str, str], answered: str, tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    erin, carol = tenant.phone("105", register=True), tenant.phone("103")
    carols, erins, *_ = voices
    own = carol.dials("105", body=carols.sdp())
    ringing = erin.rung()
    ringing.answers(200, body=erins.sdp())
    talk = own.dialog(own.expects(200))
    ringing.dialog()
    call = alice.dials("101", body=voices[2].sdp())
    rung = bob.rung()
    rung.answers(180)
    call.expects(180)
    assert carol.dials("*87101", body=carols.sdp()).ends_with().status == 486

    told, got = talk.offers(erin, carols.sdp(**held), erins.sdp(answered))

    assert LOOPBACK not in told + got
    # The relay says a hold of RFC 2543 in the words of RFC 3264 as well.
    assert "a=sendonly" in told
    assert ("c=IN IP4 0.0.0.0" in told) == ("address" in held)
    pickup = carol.dials("*87101", body=voices[3].sdp())
    offer = alice.rung(replaces=True)
    offer.answers(200, body=voices[2].sdp())
    second = pickup.dialog(pickup.expects(200))
    assert call.cancels().status == 200
    rung.is_cancelled()
    assert call.ends_with().status == 487
    second.ends(alice)

    told, got = talk.offers(erin, carols.sdp(), erins.sdp())
    talk_through(carols, relayed(got), erins, relayed(told))
    talk.ends(erin)
    is_forgotten(relay, own, call, pickup)


def test_given_an_update_when_the_callee_moves_its_media_then_the_caller_hears_it_from_the_relay(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("101", body=voices[0].sdp())
    ringing = bob.rung()
    ringing.answers(200, body=voices[1].sdp())
    end = call.dialog(call.expects(200))

    via = ringing.dialog().sends("UPDATE", body=voices[2].sdp())
    update = alice.gets("UPDATE", call.call_id)
    alice.replies(update, 200, body=voices[0].sdp())

    talk_through(voices[0], relayed(update), voices[2], relayed(bob.answer_to(via)))
    end.ends(bob)
    is_forgotten(relay, call)
