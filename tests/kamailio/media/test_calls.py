"""Calls by a relay, on a real node with a real rtpengine: phones that really send RTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.media import is_forgotten, ports, relayed, talk_through
from tests.support.rtp import Voice
from tests.support.rtpengine import ADDRESS, RtpEngine
from tests.support.tenants import Tenant
from tests.support.until import until


def test_given_a_relay_when_two_phones_talk_then_each_hears_the_other_by_it_and_a_bye_ends_it(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    alices, bobs, *_ = voices
    call = alice.dials("101", body=alices.sdp())
    ringing = bob.rung()
    ringing.answers(183, body=bobs.sdp())
    early = relayed(call.expects(183))
    talk_through(alices, early, bobs, relayed(ringing))

    ringing.answers(200, body=bobs.sdp())
    answer = call.expects(200)
    end = call.dialog(answer)
    ringing.dialog()

    assert relayed(answer) == early, "a description of one dialog does not change by itself"
    talk_through(alices, relayed(answer), bobs, relayed(ringing))
    assert call.call_id in relay.calls()
    end.ends(bob)
    is_forgotten(relay, call)


def test_given_a_relay_when_the_callee_ends_the_call_then_nothing_is_left(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("101", body=voices[0].sdp())
    ringing = bob.rung()
    ringing.answers(200, body=voices[1].sdp())
    call.dialog(call.expects(200))

    ringing.dialog().ends(alice)

    is_forgotten(relay, call)


def test_given_a_hunt_group_when_one_phone_sends_early_media_and_another_answers_then_the_caller_hears_each(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    reception, second, alice = (tenant.phone(n, register=True) for n in ("101", "102", "104"))
    alices, firsts, seconds, _ = voices
    call = alice.dials("700", body=alices.sdp())
    first_rings, second_rings = reception.rung(), second.rung()
    assert relayed(first_rings) != relayed(second_rings), "each phone has ports of its own"
    first_rings.answers(183, body=firsts.sdp())
    talk_through(alices, relayed(call.expects(183)), firsts, relayed(first_rings))

    second_rings.answers(200, body=seconds.sdp())
    answer = call.expects(200)
    end = call.dialog(answer)
    second_rings.dialog()
    first_rings.is_cancelled()

    talk_through(alices, relayed(answer), seconds, relayed(second_rings))
    until(lambda: ports(relay, call) == 4, what="the ports of the phone that lost to be free")
    end.ends(second)
    is_forgotten(relay, call)


def test_given_stages_when_the_second_answers_then_its_phone_and_the_caller_hear_each_other(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    stages = [{"members": ["101"], "ring_s": 1}, {"members": ["102"], "ring_s": 15}]

    def in_stages(document: dict[str, Any]) -> None:
        (group,) = document["hunt_groups"]
        del group["members"]
        group["stages"] = stages

    tenant.change(in_stages)
    reception, second, alice = (tenant.phone(n, register=True) for n in ("101", "102", "104"))
    call = alice.dials("700", body=voices[0].sdp())
    first = reception.rung()
    first.answers(183, body=voices[1].sdp())
    call.expects(183)
    first.is_cancelled()

    ringing = second.rung()
    ringing.answers(200, body=voices[2].sdp())
    answer = call.expects(200)

    talk_through(voices[0], relayed(answer), voices[2], relayed(ringing))
    assert ports(relay, call) == 4
    call.dialog(answer).ends(second)
    is_forgotten(relay, call)


def test_given_an_invite_without_a_description_when_answered_then_the_offer_of_the_200_is_relayed_too(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("101", body="")
    ringing = bob.rung()
    assert ringing.invite.body == ""
    ringing.answers(180)
    call.expects(180)
    ringing.answers(200, body=voices[1].sdp())
    answer = call.expects(200)
    end = call.dialog(answer, body=voices[0].sdp())

    talk_through(voices[0], relayed(answer), voices[1], relayed(bob.gets("ACK", call.call_id)))
    end.ends(bob)
    is_forgotten(relay, call)


def test_given_a_body_of_several_parts_when_offered_then_only_the_description_in_it_changes(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    parts = [
        "--cut\r\nContent-Type: application/sdp\r\n\r\n",
        voices[0].sdp(),
        "\r\n--cut\r\nContent-Type: text/plain\r\n\r\nby 127.0.0.1 itself\r\n--cut--\r\n",
    ]
    call = alice.dials("101", body="".join(parts), headers=[("Content-Type", "multipart/mixed;boundary=cut")])
    ringing = bob.rung()
    assert f"c=IN IP4 {ADDRESS}\r\n" in ringing.invite.body
    assert "by 127.0.0.1 itself" in ringing.invite.body
    ringing.answers(200, body=voices[1].sdp())
    answer = call.expects(200)

    talk_through(voices[0], relayed(answer), voices[1], ringing.invite.body)
    call.dialog(answer).ends(bob)
    is_forgotten(relay, call)


@pytest.mark.parametrize("status", [486, 603])
def test_given_a_phone_that_refuses_when_the_call_ends_then_nothing_is_left(
    status: int, tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("101", body=voices[0].sdp())
    ringing = bob.rung()
    assert call.call_id in relay.calls()
    ringing.answers(status)

    assert call.ends_with().status == status
    is_forgotten(relay, call)


@pytest.mark.parametrize("dialled", ["101", "700"])
def test_given_a_caller_who_gives_up_when_phones_ring_then_nothing_is_left(
    dialled: str, tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials(dialled, body=voices[0].sdp())
    ringing = bob.rung()
    ringing.answers(183, body=voices[1].sdp())
    call.expects(183)

    assert call.cancels().status == 200
    ringing.is_cancelled()

    assert call.ends_with().status == 487
    is_forgotten(relay, call)


def test_given_a_phone_whose_connection_is_gone_when_it_is_called_then_nothing_is_left(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True, transport="tcp"), tenant.phone("104")
    bob.close()

    call = alice.dials("101", body=voices[0].sdp())

    assert call.ends_with(10).status >= 400
    is_forgotten(relay, call)


def test_given_a_reliable_offer_when_the_prack_answers_it_then_both_are_relayed(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("101", body="", supported="100rel")
    ringing = bob.rung()
    ringing.answers(183, body=voices[1].sdp(), headers=[("Require", "100rel"), ("RSeq", "1")])
    early = call.expects(183)
    dialog = call.early_dialog(early)
    via = dialog.sends("PRACK", body=voices[0].sdp(), headers=[("RAck", f"1 {call.cseq} INVITE")])
    prack = bob.gets("PRACK", call.call_id)
    bob.replies(prack, 200)
    assert alice.answer_to(via).status == 200
    talk_through(voices[0], relayed(early), voices[1], relayed(prack))

    via = dialog.sends("PRACK", body=voices[2].sdp(), headers=[("RAck", f"2 {call.cseq} INVITE")])
    second = bob.gets("PRACK", call.call_id)
    bob.replies(second, 200, body=voices[3].sdp())
    accepted = alice.answer_to(via)
    talk_through(voices[2], relayed(accepted), voices[3], relayed(second))

    call.cancels()
    ringing.is_cancelled()
    assert call.ends_with().status == 487
    is_forgotten(relay, call)


def test_given_an_offer_with_ice_when_relayed_then_the_relay_is_the_only_candidate_of_either_side(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    candidate = "a=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host\r\n"
    ice = f"a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n{candidate}"
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("101", body=voices[0].sdp() + ice)
    ringing = bob.rung()
    ringing.answers(200, body=voices[1].sdp())
    answer = call.expects(200)

    for told in (relayed(ringing), relayed(answer)):
        assert {line.split()[4] for line in told.splitlines() if line.startswith("a=candidate:")} == {ADDRESS}
    call.dialog(answer).ends(bob)
    is_forgotten(relay, call)


def test_given_two_phones_that_answer_at_once_when_the_caller_ends_the_second_then_the_first_talk_goes_on(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    """RFC 3261 §13.2.2.4: both are answered parties, and the caller ends what it does not want."""
    reception, second, alice = (tenant.phone(n, register=True) for n in ("101", "102", "104"))
    alices, firsts, seconds, _ = voices
    call = alice.dials("700", body=alices.sdp())
    first_rings, second_rings = reception.rung(), second.rung()
    first_rings.answers(200, body=firsts.sdp())
    answer = call.expects(200)
    talk = call.dialog(answer)
    second_rings.answers(183, body=seconds.sdp())
    second_rings.answers(200, body=seconds.sdp())
    other = call.expects(200)
    assert other.tag("To") != answer.tag("To")

    talk_through(alices, relayed(answer), firsts, relayed(first_rings))
    call.dialog(other).ends(second)
    talk_through(alices, relayed(answer), firsts, relayed(first_rings))
    assert ports(relay, call) == 4
    talk.ends(reception)
    is_forgotten(relay, call)


def test_given_a_call_that_was_forked_before_it_came_when_one_part_is_answered_then_the_end_of_the_other_leaves_it(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    """Two INVITEs of one Call-ID and From tag: to the relay they are one call."""
    reception, second, alice = (tenant.phone(n, register=True) for n in ("101", "102", "104"))
    alices, firsts, seconds, _ = voices
    call = alice.dials("101", body=alices.sdp())
    ringing = reception.rung()
    ringing.answers(183, body=firsts.sdp())
    early = relayed(call.expects(183))
    other = alice.dials("102", body=alices.sdp(), part_of=call)
    also = second.rung()
    assert relayed(also) != relayed(ringing)
    also.answers(200, body=seconds.sdp())
    answer = other.expects(200)
    end = other.dialog(answer)

    assert call.cancels().status == 200
    ringing.is_cancelled()
    assert call.ends_with().status == 487

    talk_through(alices, relayed(answer), seconds, relayed(also))
    assert relayed(answer) != early
    assert ports(relay, other) == 4
    end.ends(second)
    is_forgotten(relay, other)
