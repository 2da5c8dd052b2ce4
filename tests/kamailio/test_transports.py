"""Every transport on one node: a phone is reached over the connection that it opened, and no other (RFC 5626)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.every_transport import every_transport
from tests.support.lamp_keys import watching
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Dialog
from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant, Tenants

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
PAIRS = [("wss", "tcp"), ("tcp", "ws"), ("udp", "wss"), ("tls", "udp"), ("ws", "tls"), ("wss", "ws")]


@pytest.fixture(scope="module")
def node(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with every_transport(tmp_path_factory.mktemp("node"), tenants) as node:
        yield node


def via_of(phone: Phone, transport: str) -> None:
    """All that it got came with a Via of its own transport: SIP says itself over what."""
    vias = [message["Via"] for message in phone.came if not message.status]
    assert vias
    assert all(via.startswith(f"SIP/2.0/{transport.upper()} ") for via in vias), vias


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_transport_when_its_phones_call_each_other_then_all_requests_arrive_both_ways(
    transport: str, tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", transport=transport, register=True), tenant.phone("104", transport=transport)

    caller, callee = talk(alice, bob)
    caller.reinvites(bob, "sendonly", "recvonly")
    callee.reinvites(alice, "sendrecv", "sendrecv")
    callee.ends(alice)

    via_of(bob, transport)
    via_of(alice, transport)


@pytest.mark.parametrize(("calling", "called"), PAIRS)
def test_given_two_transports_when_their_phones_talk_then_each_reaches_the_other_by_its_own(
    calling: str, called: str, tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", transport=called, register=True), tenant.phone("104", transport=calling)

    caller, callee = talk(alice, bob)
    callee.reinvites(alice, "sendonly", "recvonly")
    caller.reinvites(bob, "sendrecv", "sendrecv")
    caller.ends(bob)

    via_of(bob, called)
    via_of(alice, calling)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_caller_when_his_call_is_picked_up_then_the_replaces_comes_over_the_connection_of_his_own_invite(
    transport: str, tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104", transport=transport)
    elsewhere = tenant.phone("104", transport=transport, register=True)

    dialog = take_over(ring(alice, bob), tenant.phone("103"), "*87101")
    dialog.reinvites(alice, "sendonly", "recvonly")
    dialog.ends(alice)

    via_of(alice, transport)
    elsewhere.hears()
    assert [m.start for m in elsewhere.inbox] == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_picker_when_he_takes_a_call_then_he_talks_over_his_connection(transport: str, tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    picker = tenant.phone("103", transport=transport)
    call = ring(alice, bob)
    pickup = picker.dials("*87101")
    offer = alice.rung(replaces=True)
    offer.answers(200)
    pickup.dialog(pickup.expects(200))
    call.ends()

    offer.dialog().ends(picker)

    via_of(picker, transport)


@pytest.mark.parametrize(
    ("caller", "picker", "callee"), [("wss", "udp", "tcp"), ("tcp", "wss", "ws"), ("tls", "ws", "udp")]
)
def test_given_three_transports_when_a_call_is_picked_up_then_caller_and_picker_talk(
    caller: str, picker: str, callee: str, tenant: Tenant
) -> None:
    bob = tenant.phone("101", transport=callee, register=True)
    alice, carol = tenant.phone("104", transport=caller), tenant.phone("103", transport=picker)

    dialog = take_over(ring(alice, bob), carol, "*87101")
    dialog.reinvites(alice, "sendonly", "recvonly")
    dialog.ends(alice)


@pytest.mark.parametrize("transport", ["tls", "ws", "wss"])
def test_given_a_lamp_key_on_a_stream_when_a_phone_rings_then_it_is_told_and_renews_over_its_connection(
    transport: str, tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    key = watching(tenant.phone("103", transport=transport), "101")
    call = ring(alice, bob)
    key.lights()
    assert key.subscribes(600).status == 200
    key.hears()
    call.ends()
    key.goes_dark()


@pytest.mark.parametrize(("subscriber", "notifier"), [("wss", "tcp"), ("tls", "ws")])
def test_given_a_subscription_between_phones_when_each_sends_then_it_arrives_over_the_connection_of_the_other(
    subscriber: str, notifier: str, tenant: Tenant
) -> None:
    alice = tenant.phone("104", transport=subscriber)
    bob = tenant.phone("101", transport=notifier, register=True)
    uri, call_id, tag = bob.aor, "subscription", "alice"

    def refers(*headers: tuple[str, str], cseq: int) -> str:
        """RFC 3515 §2.4.4: whoever is referred tells what comes of it, in a subscription that the REFER makes."""
        via = alice.via()
        given = [("Refer-To", "<sip:105@example.org>"), *headers]
        alice.sends(alice.requests("REFER", uri, call_id=call_id, tag=tag, cseq=cseq, via=via, headers=given))
        return via

    challenge = alice.answer_to(refers(cseq=1))
    via = refers(alice.proves(challenge, "REFER", uri), cseq=2)
    request = bob.gets("REFER", call_id)
    bob.replies(request, 202, tag="bob")
    accepted = alice.answer_to(via)
    routes = request.all("Record-Route")
    watched = Dialog(bob, call_id, f"{request['To']};tag=bob", request["From"], request.contact, routes)
    watching = Dialog(alice, call_id, request["From"], accepted["To"], accepted.contact, routes[::-1])

    for one, method, other in ((watched, "NOTIFY", alice), (watching, "SUBSCRIBE", bob)):
        via = one.sends(method, headers=[("Event", "refer"), ("Subscription-State", "active")])
        other.replies(other.gets(method, call_id), 200)
        assert one.phone.answer_to(via).status == 200
