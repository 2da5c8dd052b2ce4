"""What a request gets that is no ordinary call: the checks of RFC 3261 §16.3, and who may say what."""

from __future__ import annotations

import pytest

from tests.support.phone import Phone
from tests.support.phone_calls import Outgoing
from tests.support.sip_text import SipMessage, sdp
from tests.support.talks import ring
from tests.support.tenants import Tenant

REPLACES = ("Replaces", "a84b4c76e66710;to-tag=1;from-tag=2")


def lives(phone: Phone) -> None:
    """Raises AssertionError when the node does not answer; more than once, since it has several workers."""
    for _ in range(6):
        assert phone.asks("OPTIONS").status == 200


def answer_of(phone: Phone, text: str, via: str) -> SipMessage:
    phone.sends(text)
    return phone.answer_to(via)


def test_given_options_for_the_node_when_asked_then_200_says_what_it_takes(tenant: Tenant) -> None:
    answer = tenant.phone("101").asks("OPTIONS")

    assert answer.status == 200
    assert {"INVITE", "ACK", "CANCEL", "BYE"} <= {word.strip() for word in answer["Allow"].split(",")}


def test_given_options_for_an_extension_when_asked_then_its_phone_answers(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    uri = f"sip:101@{tenant.domain}"
    via = alice.via()
    challenge = answer_of(alice, alice.requests("OPTIONS", uri, via=via), via)
    via = alice.via()
    alice.sends(alice.requests("OPTIONS", uri, via=via, headers=[alice.proves(challenge, "OPTIONS", uri)]))

    bob.replies(bob.expects(lambda m: m.method == "OPTIONS", "OPTIONS"), 200, tag="b")

    assert alice.answer_to(via).reason == "Because"


def test_given_no_credentials_when_a_call_is_made_then_it_is_challenged(tenant: Tenant) -> None:
    call = Outgoing(tenant.phone("104"), f"sip:101@{tenant.domain}", [], sdp())
    call.invites()

    challenge = call.expects(407)

    assert f'realm="{tenant.domain}"' in challenge["Proxy-Authenticate"]


def test_given_the_pickup_code_without_credentials_when_dialled_then_it_is_challenged(tenant: Tenant) -> None:
    call = Outgoing(tenant.phone("103"), f"sip:*87@{tenant.domain}", [], sdp())
    call.invites()
    assert call.expects(407).status == 407


def test_given_credentials_when_they_reach_the_callee_then_they_have_been_taken_out(tenant: Tenant) -> None:
    bob, call = tenant.phone("101", register=True), tenant.phone("104").dials("101")
    assert "Proxy-Authorization" not in bob.rung().invite
    call.cancels()


@pytest.mark.parametrize(
    "header",
    [
        ("From", "<sip:102@{domain}>;tag=1"),
        ("From", "<sip:104@elsewhere.example.org>;tag=1"),
        ("P-Asserted-Identity", "<sip:102@{domain}>"),
        ("P-Preferred-Identity", '"Boss" <sip:102@{domain}>'),
        ("P-Asserted-Identity", "<tel:+15550100>"),
    ],
)
def test_given_credentials_when_the_request_names_another_then_it_is_refused(
    header: tuple[str, str], tenant: Tenant
) -> None:
    tenant.phone("101", register=True)
    phone, uri = tenant.phone("104"), f"sip:101@{tenant.domain}"
    spoofed = (header[0], header[1].format(domain=tenant.domain))
    via = phone.via()
    challenge = answer_of(phone, phone.requests("INVITE", uri, via=via), via)
    via = phone.via()
    headers = [phone.proves(challenge, "INVITE", uri), spoofed]

    answer = answer_of(phone, phone.requests("INVITE", uri, via=via, cseq=2, headers=headers), via)

    assert answer.status == 403
    assert f"must be sip:104@{tenant.domain}" in answer["Warning"]


def test_given_a_second_identity_header_that_names_another_when_called_then_it_is_refused(
    tenant: Tenant,
) -> None:
    tenant.phone("101", register=True)
    own, other = f"<sip:104@{tenant.domain}>", f"<sip:102@{tenant.domain}>"
    headers = [("P-Asserted-Identity", own), ("P-Asserted-Identity", other)]
    assert tenant.phone("104").dials("101", headers=headers).ends_with().status == 403


def test_given_two_identities_in_one_header_when_the_second_names_another_then_it_is_refused(
    tenant: Tenant,
) -> None:
    tenant.phone("101", register=True)
    value = f"<sip:102@{tenant.domain}>, <sip:104@{tenant.domain}>"
    assert tenant.phone("104").dials("101", headers=[("P-Asserted-Identity", value)]).ends_with().status == 403


def test_given_his_own_identity_in_a_header_when_called_then_it_is_dropped_before_the_callee(
    tenant: Tenant,
) -> None:
    bob = tenant.phone("101", register=True)
    call = tenant.phone("104").dials("101", headers=[("P-Preferred-Identity", f"<sip:104@{tenant.domain}>")])
    assert "P-Preferred-Identity" not in bob.rung().invite
    call.cancels()


def test_given_an_unknown_number_when_called_then_404(tenant: Tenant) -> None:
    assert tenant.phone("104").dials("199").ends_with().status == 404


def test_given_an_unknown_number_when_picked_up_from_then_404_names_it_so(tenant: Tenant) -> None:
    answer = tenant.phone("104").dials("*87199").ends_with()
    assert (answer.status, answer.reason) == (404, "No Such Account")


def test_given_another_tenant_s_number_when_called_then_403(tenant: Tenant) -> None:
    phone = tenant.phone("104")
    call = Outgoing(phone, "sip:101@t0.example.com", [], sdp())
    call.invites()
    challenge = call.expects(407)
    call.invites(phone.proves(challenge, "INVITE", call.uri))
    assert call.ends_with().status == 403


def test_given_no_hops_left_when_called_then_483(tenant: Tenant) -> None:
    phone = tenant.phone("104")
    text = phone.requests(
        "INVITE", f"sip:101@{tenant.domain}", via=(via := phone.via()), headers=[("Max-Forwards", "0")]
    )
    assert answer_of(phone, text, via).status == 483


def test_given_an_invite_that_rings_when_it_comes_again_with_no_hops_left_then_it_rings_on(tenant: Tenant) -> None:
    """RFC 3261 §17.2.1: what comes again gets what the first got."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    alice.sends(call.outgoing._request("INVITE", [("Max-Forwards", "0")], ""))
    lives(alice)
    assert not any(m.status == 483 for m in alice.came)
    call.ends()


def test_given_an_extension_that_a_proxy_must_know_when_it_does_not_then_420_names_it(tenant: Tenant) -> None:
    """RFC 3261 §16.3 step 5."""
    tenant.phone("101", register=True)

    answer = tenant.phone("104").dials("101", headers=[("Proxy-Require", "teleport")]).ends_with()

    assert answer.status == 420
    assert answer["Unsupported"] == "teleport"


def test_given_a_normal_number_when_it_is_called_with_a_replaces_of_no_call_then_481(tenant: Tenant) -> None:
    tenant.phone("101", register=True)
    assert tenant.phone("104").dials("101", headers=[REPLACES]).ends_with().status == 481


def test_given_a_normal_number_when_it_is_called_with_join_then_403(tenant: Tenant) -> None:
    tenant.phone("101", register=True)
    assert tenant.phone("104").dials("101", headers=[("Join", REPLACES[1])]).ends_with().status == 403


@pytest.mark.parametrize("method", ["INVITE", "BYE", "UPDATE", "INFO"])
def test_given_a_to_tag_and_no_route_when_sent_then_481(method: str, tenant: Tenant) -> None:
    phone = tenant.phone("104")
    text = phone.requests(method, f"sip:101@{tenant.domain}", to_tag="made-up", via=(via := phone.via()))
    assert answer_of(phone, text, via).status == 481


def test_given_a_to_tag_and_a_route_to_somebody_else_when_sent_then_it_is_not_relayed_there(
    tenant: Tenant,
) -> None:
    """Nobody is authenticated inside a dialog: without this, the node would carry calls of anyone to anywhere."""
    phone, victim = tenant.phone("104"), tenant.phone("105")
    via = phone.via()
    headers = [("Route", f"<sip:{victim.address};lr>")]
    text = phone.requests("INVITE", f"sip:00900@{victim.address}", to_tag="made-up", via=via, headers=headers)

    answer = answer_of(phone, text, via)

    assert answer.status in (403, 481)
    assert victim.inbox == []


def test_given_no_transaction_when_cancelled_then_481(tenant: Tenant) -> None:
    phone = tenant.phone("104")
    text = phone.requests("CANCEL", f"sip:101@{tenant.domain}", via=(via := phone.via()))
    assert answer_of(phone, text, via).status == 481


@pytest.mark.parametrize("to_tag", ["", "made-up"])
def test_given_an_ack_of_nothing_when_sent_then_nobody_answers_it(to_tag: str, tenant: Tenant) -> None:
    phone = tenant.phone("104")
    phone.sends(phone.requests("ACK", f"sip:101@{tenant.domain}", to_tag=to_tag, call_id="stray"))

    lives(phone)

    assert [m.start for m in phone.inbox] == []


def test_given_an_ack_without_hops_when_sent_then_nobody_answers_it(tenant: Tenant) -> None:
    phone = tenant.phone("104")
    phone.sends(phone.requests("ACK", f"sip:101@{tenant.domain}", headers=[("Max-Forwards", "0")]))

    lives(phone)

    assert [m.start for m in phone.inbox] == []


def test_given_a_talk_when_it_is_reinvited_with_replaces_then_400_and_the_talk_goes_on(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("101")
    inbound = bob.rung()
    inbound.answers(200)
    talk = call.dialog(call.expects(200))
    inbound.dialog()

    assert talk.asks("INVITE", body=sdp(), headers=[REPLACES]).status == 400
    talk.ends(bob)


def test_given_a_feature_code_when_it_is_asked_with_message_then_405(tenant: Tenant) -> None:
    answer = tenant.phone("103").asks("MESSAGE", f"sip:*87@{tenant.domain}", to=f"sip:*87@{tenant.domain}")
    assert answer.status == 405
