"""`*87` on the wire: what each phone gets, and what is written down of it."""

from __future__ import annotations

import pytest

from tests.support.phone_calls import replaces_of
from tests.support.sip_text import sdp
from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant
from tests.support.until import until


def test_given_a_ringing_call_when_picked_up_then_each_phone_gets_what_the_rfcs_say(tenant: Tenant) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)

    pickup = carol.dials("*87101")
    offer = alice.rung(replaces=True)
    offer.answers(200)
    accepted = pickup.expects(200)
    pickup.dialog(accepted)
    call.outgoing.cancels()
    cancel = call.inbound.is_cancelled()

    # RFC 3891 §3: to-tag is the recipient's own tag, from-tag the tag of the phone that rings.
    assert replaces_of(offer.invite) == (call.outgoing.call_id, call.outgoing.tag, call.inbound.tag, True)
    assert offer.invite["Require"] == "replaces"
    assert offer.invite["P-Asserted-Identity"] == f'"Carol" <sip:103@{tenant.domain}>'
    assert offer.invite.uri == alice.contact
    assert accepted["P-Asserted-Identity"] == f'"Dave for Reception" <sip:104@{tenant.domain}>'
    assert cancel["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
    until(lambda: tenant.outcomes() == [("picked_up", 200)], what="the pickup record")


def test_given_a_tcp_caller_when_its_call_is_picked_up_then_it_is_reached_over_its_connection(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104", transport="tcp")
    call = ring(alice, bob)

    dialog = take_over(call, tenant.phone("103"), "*87101")

    dialog.ends(alice)


def test_given_a_tcp_caller_whose_contact_is_unreachable_when_picked_up_then_its_connection_counts(
    tenant: Tenant,
) -> None:
    """A phone behind a NAT names an address that nobody can reach."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104", transport="tcp")
    call = ring(alice, bob, headers=[("Contact", "<sip:104@127.0.0.99:9;transport=tcp>")])

    assert take_over(call, tenant.phone("103"), "*87101")


def test_given_a_udp_caller_whose_contact_is_unreachable_when_picked_up_then_its_flow_counts(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob, headers=[("Contact", "<sip:104@127.0.0.99:9>")])

    assert take_over(call, tenant.phone("103"), "*87101")


@pytest.mark.parametrize("dialled", ["*87101#", "*87101%23", "%2A87101", "%2a87%31%30%31%23", "*87", "*87#", "*87%23"])
def test_given_a_spelling_of_the_code_when_dialled_then_the_call_is_picked_up(dialled: str, tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    assert take_over(ring(alice, bob), tenant.phone("103"), dialled)


def test_given_a_phone_that_says_trying_first_when_it_rings_then_the_call_can_be_picked_up(
    tenant: Tenant,
) -> None:
    """A 100 is no answer (RFC 3261 §17.1.1): many phones send one."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    outgoing = alice.dials("101")
    inbound = bob.rung()
    inbound.answers(100)
    inbound.answers(180)
    outgoing.expects(180)

    pickup = tenant.phone("103").dials("*87101")

    alice.rung(replaces=True).answers(200)
    assert pickup.expects(200)


def test_given_an_answer_whose_body_is_no_utf_8_when_it_passes_then_the_call_is_no_longer_eligible(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    call.inbound.answers(200, body=sdp().replace("s=-", "s=caf\udce9"))
    call.outgoing.dialog(call.outgoing.expects(200))

    assert tenant.phone("103").dials("*87101").ends_with().status == 410


@pytest.mark.parametrize("privacy", ["id", "user", "header", "header;id", "USER; critical"])
def test_given_a_caller_who_hides_when_his_call_is_picked_up_then_nothing_names_him(
    privacy: str, tenant: Tenant
) -> None:
    """RFC 3323 §4.2, RFC 3325 §9.3."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob, headers=[("Privacy", privacy)])
    pickup = tenant.phone("103").dials("*87101")
    alice.rung(replaces=True).answers(200)

    shown = pickup.expects(200)["P-Asserted-Identity"]

    assert "104" not in shown
    assert "Dave" not in shown
    assert "anonymous" in shown.lower()
    call.ends()


@pytest.mark.parametrize("name", ['Bob "The Man" \\', 'x" <sip:102@evil>, "', "a\tb"])
def test_given_a_name_with_odd_characters_when_shown_then_it_stays_inside_its_quotes(name: str, tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    alice.name = name.replace("\\", "\\\\").replace('"', '\\"')
    ring(alice, bob)
    pickup = tenant.phone("103").dials("*87101")
    alice.rung(replaces=True).answers(200)

    shown = pickup.expects(200)["P-Asserted-Identity"]

    assert shown.endswith(f'" <sip:104@{tenant.domain}>')
    inside = shown.removeprefix('"').removesuffix(f'" <sip:104@{tenant.domain}>')
    assert inside.replace('\\"', '"').replace("\\\\", "\\") == f"{name.replace(chr(9), ' ')} for Reception"


@pytest.mark.parametrize(
    ("picker", "dialled", "status", "reason"),
    [
        ("104", "*87102", 403, "Pickup Not Permitted"),
        ("105", "*87101", 403, "Pickup Not Permitted"),
        ("105", "*87", 403, "Pickup Not Permitted"),
        ("104", "*87199", 404, "No Such Account"),
        ("103", "*87102", 480, "No Call To Pick Up"),
        ("103", "*87700", 480, "No Call To Pick Up"),
        ("103", "*87", 480, "No Call To Pick Up"),
    ],
)
def test_given_nothing_that_he_may_have_when_a_picker_dials_then_he_is_told_why_and_it_is_written_down(
    picker: str, dialled: str, status: int, reason: str, tenant: Tenant
) -> None:
    answer = tenant.phone(picker).dials(dialled).ends_with()

    assert (answer.status, answer.reason) == (status, reason)
    assert answer["Warning"].startswith('399 star87 "')
    until(lambda: [status for _, status in tenant.outcomes()] == [status], what="the pickup record")


@pytest.mark.parametrize("name", ["Replaces", "Join"])
def test_given_a_picker_s_phone_that_names_a_call_itself_when_it_dials_then_only_the_node_s_word_counts(
    name: str, tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    tenant.phone("103").dials("*87101", headers=[(name, "of-somebody-else;to-tag=1;from-tag=2")])

    invite = alice.rung(replaces=True).invite

    assert len(invite.all("Replaces")) == 1
    assert replaces_of(invite)[0] == call.outgoing.call_id
    assert "Join" not in invite


def test_given_the_picker_s_own_call_when_he_dials_then_it_is_not_his_to_pick_up(tenant: Tenant) -> None:
    ring(carol := tenant.phone("103"), tenant.phone("101", register=True))
    assert carol.dials("*87101").ends_with().status == 480
