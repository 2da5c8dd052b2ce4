"""Attended transfer (RFC 5589 §7): whom a party sent there replaces that party's end, and nobody else does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Outgoing
from tests.support.replacing import header, of_talk, refers, takes_over
from tests.support.sip_text import sdp
from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant, account_of
from tests.support.until import until

LEFT_WITHIN_S = 8
"""Marks of calls that ended stay for five seconds."""


def consulted(alice: Phone, bob: Phone, carol: Phone) -> tuple[Dialog, Dialog, Dialog, Dialog]:
    """Alice talks to Bob, who holds her and asks Carol: the ends of both calls, Bob's in the middle."""
    of_alice, bob_to_alice = talk(alice, bob)
    bob_to_alice.reinvites(alice, "sendonly", "recvonly")
    bob_to_carol, of_carol = talk(bob, carol)
    return of_alice, bob_to_alice, bob_to_carol, of_carol


def calls_at(phone: Phone, uri: str, *headers: tuple[str, str]) -> Outgoing:
    """A call to any URI; the challenge is answered."""
    call = Outgoing(phone, uri, list(headers), sdp())
    call.invites()
    call.invites(phone.proves(call.expects(407), "INVITE", uri))
    return call


def test_given_two_calls_when_one_is_transferred_to_the_other_then_its_peers_talk_and_nothing_is_left(
    tenant: Tenant,
) -> None:
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    _, bob_to_alice, bob_to_carol, of_carol = consulted(alice, bob, carol)

    refer_to = refers(bob_to_alice, alice, carol.aor, bob_to_carol)
    named = of_talk(bob_to_carol)
    # The REFER passes as it is: it is the INVITE that is judged.
    assert refer_to == f"<{carol.aor}?Replaces={named[1].replace(';', '%3B').replace('=', '%3D')}>"

    transferred = alice.dials("102", headers=[named, ("Require", "replaces"), ("Referred-By", f"<{bob.aor}>")])
    inbound = carol.rung(replaces=True)
    assert (inbound.invite["Replaces"], inbound.invite["Require"]) == (named[1], "replaces")
    inbound.answers(200)
    now = transferred.dialog(transferred.expects(200)), inbound.dialog()
    of_carol.ends(bob)
    bob_to_alice.ends(alice)

    # It is a call like any other.
    now[0].reinvites(carol, "sendonly", "recvonly")
    now[1].ends(alice)
    assert tenant.outcomes() == []
    until(lambda: not tenant.node.left_keys(tenant.domain), within_s=LEFT_WITHIN_S, what="no key")


def test_given_a_called_party_who_transfers_when_his_caller_is_the_target_then_it_works_the_other_way_too(
    tenant: Tenant,
) -> None:
    """Bob was called by both: the one who is replaced to is the caller of the old call."""
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    _, bob_to_alice = talk(alice, bob)
    bob_to_alice.reinvites(alice, "sendonly", "recvonly")
    of_carol, bob_to_carol = talk(carol, bob)

    call = alice.dials("102", headers=[of_talk(bob_to_carol)])
    ends = takes_over(call, carol, of_carol, bob)

    ends[0].ends(carol)
    bob_to_alice.ends(alice)


def test_given_a_refer_to_with_the_target_s_contact_when_it_is_called_then_the_same_phone_gets_it(
    tenant: Tenant,
) -> None:
    """RFC 5589 §7.3: many phones give the address at which they reached the target."""
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    _, bob_to_alice, bob_to_carol, of_carol = consulted(alice, bob, carol)

    refers(bob_to_alice, alice, bob_to_carol.target, bob_to_carol)
    for uri, named, status in (
        (bob_to_carol.target, header("guess", "a", "b"), 481),
        (bob_to_carol.target, header(of_carol.call_id, of_carol.own_tag, "guess"), 481),
        (f"sip:102@{bob.address}", None, 403),
    ):
        assert calls_at(alice, uri, *([named] if named else [])).ends_with().status == status
    assert calls_at(tenant.phone("105"), bob_to_carol.target, of_talk(bob_to_carol)).ends_with().status == 403
    call = calls_at(alice, bob_to_carol.target, of_talk(bob_to_carol))
    takes_over(call, carol, of_carol, bob)[0].ends(carol)


def test_given_a_target_that_was_called_by_its_group_when_the_group_is_named_then_the_one_who_answered_gets_it(
    tenant: Tenant,
) -> None:
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "103", "102"))
    idle = tenant.phone("101", register=True)
    _, bob_to_alice = talk(alice, bob)
    bob_to_alice.reinvites(alice, "sendonly", "recvonly")
    asked = bob.dials("700")
    inbound, other = carol.rung(), idle.rung()
    other.answers(180)
    asked.expects(180)
    inbound.answers(200)
    bob_to_carol, of_carol = asked.dialog(asked.expects(200)), inbound.dialog()
    other.is_cancelled()

    call = alice.dials("700", headers=[of_talk(bob_to_carol)])
    takes_over(call, carol, of_carol, bob)

    idle.hears()
    assert [m.start for m in idle.inbox] == []


def test_given_a_call_that_was_picked_up_when_it_is_transferred_then_its_parties_are_the_picker_and_the_caller(
    tenant: Tenant,
) -> None:
    alice, bob, carol, erin = (tenant.phone(number, register=True) for number in ("104", "101", "103", "105"))
    of_carol = take_over(ring(alice, bob), carol, "*87101")
    of_carol.reinvites(alice, "sendonly", "recvonly")
    carol_to_erin, _ = talk(carol, erin)

    # Carol sends Erin to Alice, whom she has picked up.
    named = of_talk(of_carol)
    assert tenant.phone("102").dials("104", headers=[named]).ends_with().status == 403
    call = erin.dials("104", headers=[named])
    inbound = alice.rung(replaces=True)
    inbound.answers(200)
    call.dialog(call.expects(200)).ends(alice)
    carol_to_erin.ends(erin)


def test_given_another_phone_of_a_party_s_account_when_it_replaces_the_first_then_it_may(tenant: Tenant) -> None:
    alice, desk = tenant.phone("104", register=True), tenant.phone("101", register=True)
    of_alice, at_desk = talk(alice, desk)
    mobile = tenant.phone("101")

    call = mobile.dials("104", headers=[of_talk(at_desk)])
    takes_over(call, alice, of_alice, desk)


def test_given_a_transfer_when_the_target_s_phone_says_no_then_the_answer_comes_back_and_the_old_call_stands(
    tenant: Tenant,
) -> None:
    """And nobody else is rung: neither a forward of the target's nor a pickup touches it."""

    def forward(document: dict[str, Any]) -> None:
        to = f"sip:105@{tenant.domain}"
        account_of(document, "102").update(busy={"to": to}, no_answer={"after_s": 1, "to": to})

    tenant.change(forward)
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    voicemail = tenant.phone("105", register=True)
    _, _, bob_to_carol, of_carol = consulted(alice, bob, carol)

    call = alice.dials("102", headers=[of_talk(bob_to_carol)])
    inbound = carol.rung(replaces=True)
    inbound.answers(180)
    call.expects(180)
    assert tenant.node.star87("calls", "--domain", tenant.domain) == []
    assert tenant.phone("103").dials("*87102").ends_with().status == 410
    inbound.answers(486)
    carol.gets("ACK", inbound.call_id)

    assert call.expects(486)
    voicemail.hears()
    assert voicemail.inbox == []
    of_carol.ends(bob)


def test_given_a_transfer_when_the_number_dialled_is_not_the_party_that_stays_then_403(tenant: Tenant) -> None:
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    tenant.phone("105", register=True)
    _, _, bob_to_carol, of_carol = consulted(alice, bob, carol)

    for called in ("105", "101", "700", "104", "999", "+15551234"):
        assert alice.dials(called, headers=[of_talk(bob_to_carol)]).ends_with().status == 403, called
    of_carol.ends(bob)


@pytest.mark.parametrize("sender", ["103", "105"])
def test_given_a_transfer_when_somebody_else_sends_its_replaces_then_403(sender: str, tenant: Tenant) -> None:
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    _, _, bob_to_carol, of_carol = consulted(alice, bob, carol)

    assert tenant.phone(sender).dials("102", headers=[of_talk(bob_to_carol)]).ends_with().status == 403
    of_carol.ends(bob)


def test_given_one_wrong_tag_when_an_answered_call_is_named_then_481(tenant: Tenant) -> None:
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    _, _, talked, of_carol = consulted(alice, bob, carol)

    for named in (
        header(talked.call_id, talked.peer_tag, "guess"),
        header(talked.call_id, "guess", talked.own_tag),
        header(talked.call_id, talked.own_tag, talked.own_tag),
        header(talked.call_id, talked.peer_tag, "0"),
        header("guess", talked.peer_tag, talked.own_tag),
    ):
        assert alice.dials("102", headers=[named]).ends_with().status == 481
    of_carol.ends(bob)


def test_given_a_call_that_has_ended_when_it_is_named_then_481(tenant: Tenant) -> None:
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    _, _, talked, of_carol = consulted(alice, bob, carol)
    of_carol.ends(bob)
    assert alice.dials("102", headers=[of_talk(talked)]).ends_with().status == 481


def test_given_a_talk_that_has_ended_when_its_party_sends_a_replaces_then_it_is_a_stranger_again(
    tenant: Tenant,
) -> None:
    alice, bob, carol = (tenant.phone(number, register=True) for number in ("104", "101", "102"))
    of_alice, _, talked, of_carol = consulted(alice, bob, carol)
    of_alice.ends(bob)
    assert alice.dials("102", headers=[of_talk(talked)]).ends_with().status == 403
    of_carol.ends(bob)
