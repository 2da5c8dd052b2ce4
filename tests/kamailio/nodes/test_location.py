"""A phone that is registered at one node is called through another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Incoming
from tests.support.several_nodes import contacts, heard
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant
from tests.support.until import until
from tests.support.wire import Datagrams

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
STREAMS = TRANSPORTS[1:]
ENVIRONMENT = {"STAR87_PHONE_SILENCE_MS": "2000"}


def CHANGE(document: dict[str, Any]) -> None:  # noqa: N802
    """Hunt group 701 rings 101, then 102; agent group 800 has 105 and 102 as agents."""
    stages = [{"members": ["101"], "ring_s": 2}, {"members": ["102"], "ring_s": 20}]
    document["hunt_groups"].append({"number": "701", "name": "Service", "stages": stages})
    document["agent_groups"] = [
        {
            "number": "800",
            "name": "Support",
            "agents": ["105", "102"],
            "strategy": "linear",
            "ring_s": 5,
            "wrap_up_s": 0,
        }
    ]


def rung(phone: Phone) -> Incoming:
    inbound = phone.rung()
    inbound.answers(180)
    return inbound


def not_rung(phone: Phone) -> None:
    phone.hears()
    assert [m.start for m in phone.inbox if m.method == "INVITE" and not m.status] == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_phone_at_one_node_when_it_is_called_through_another_then_all_requests_arrive_both_ways(
    transport: str, tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport=transport, register=True), other)
    alice = tenant.phone("104", transport=transport, node=other)

    caller, callee = talk(alice, bob)
    caller.reinvites(bob, "sendonly", "recvonly")
    callee.reinvites(alice, "sendrecv", "sendrecv")
    for one, peer in ((caller, bob), (callee, alice)):
        for method in ("UPDATE", "INFO", "REFER", "MESSAGE"):
            via = one.sends(method, headers=[("Refer-To", "<sip:102@example.com>")] if method == "REFER" else [])
            peer.replies(peer.gets(method, one.call_id), 200)
            assert one.phone.answer_to(via).status == 200
    caller.ends(bob)
    caller, callee = talk(alice, bob)
    callee.ends(alice)

    assert {m.uri for m in bob.came if not m.status} == {bob.contact}
    assert all("P-Star87-Peer" not in m for phone in (alice, bob) for m in phone.came)


def test_given_a_phone_that_sends_all_to_its_own_node_when_called_through_another_then_its_requests_arrive(
    tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", register=True), other)
    assert isinstance(bob.wire, Datagrams)
    bob.wire.is_loyal = True
    alice = tenant.phone("104", node=other)
    _, callee = talk(alice, bob)
    callee.reinvites(alice, "sendonly", "recvonly")
    # A Route to a node opens no other call: it has no seal of it.
    stolen = [route.replace("tenant=", "tenant=x") for route in callee.routes]
    assert callee.asks("BYE", routes=stolen).status == 481
    callee.ends(alice)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_phone_that_another_node_rings_when_the_caller_gives_up_then_it_hears_why(
    transport: str, tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport=transport, register=True), other)
    call = ring(tenant.phone("104", node=other), bob)
    call.ends()

    outgoing = tenant.phone("104", node=other).dials("101")
    inbound = rung(bob)
    outgoing.expects(180)
    outgoing.phone.sends(outgoing._request("CANCEL", [("Reason", 'SIP;cause=200;text="Call completed elsewhere"')], ""))
    assert "cause=200" in inbound.is_cancelled()["Reason"]
    assert outgoing.ends_with().status == 487


@pytest.mark.parametrize("status", [486, 603, 404, 500])
def test_given_a_phone_that_another_node_rings_when_it_refuses_then_the_caller_hears_its_own_word(
    status: int, tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport="tcp", register=True), other)
    outgoing = tenant.phone("104", node=other).dials("101")
    rung(bob).answers(status)
    bob.gets("ACK", outgoing.call_id)
    assert outgoing.ends_with().status == status


def test_given_a_phone_that_stays_silent_at_another_node_when_called_then_its_branch_ends_as_here(
    tenant: Tenant, other: Node
) -> None:
    heard(tenant.phone("101", transport="tcp", register=True), other)
    assert tenant.phone("104", node=other).dials("101").ends_with(within_s=6.0).status == 408


def test_given_a_request_outside_of_calls_when_the_phone_is_at_another_node_then_it_arrives(
    tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport="tcp", register=True), other)
    alice = tenant.phone("104", node=other)
    uri, call_id, tag = bob.aor, "outside", "alice"
    headers: list[tuple[str, str]] = []
    for cseq in (1, 2):
        via = alice.via()
        alice.sends(
            alice.requests("MESSAGE", uri, call_id=call_id, tag=tag, cseq=cseq, via=via, headers=headers, body="hello")
        )
        if cseq == 1:
            headers = [alice.proves(alice.answer_to(via), "MESSAGE", uri)]
    request = bob.gets("MESSAGE", call_id)
    assert request.body == "hello"
    bob.replies(request, 200)
    assert alice.answer_to(via).status == 200


@pytest.mark.parametrize(("here", "there"), [("tcp", "wss"), ("udp", "tcp"), ("tls", "udp")])
def test_given_a_hunt_group_with_members_at_two_nodes_when_one_answers_then_the_other_hears_that_it_was_answered(
    here: str, there: str, tenant: Tenant, node: Node, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport=there, register=True), other)
    erin = heard(tenant.phone("102", transport=here, node=other, register=True), node)
    alice = tenant.phone("104", node=other)
    for winner, loser in ((bob, erin), (erin, bob)):
        outgoing = alice.dials("700")
        inbound, lost = rung(winner), rung(loser)
        for _ in range(2):
            outgoing.expects(180)
        inbound.answers(200)
        dialog = outgoing.dialog(outgoing.expects(200))
        assert "cause=200" in lost.is_cancelled()["Reason"]
        inbound.dialog().reinvites(alice, "sendonly", "recvonly")
        dialog.ends(winner)


def test_given_a_hunt_group_in_stages_when_the_first_is_at_another_node_then_the_second_follows(
    tenant: Tenant, node: Node, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport="tcp", register=True), other)
    erin = heard(tenant.phone("102", transport="tcp", node=other, register=True), node)
    outgoing = tenant.phone("104", node=other).dials("701")
    first = rung(bob)
    not_rung(erin)
    first.is_cancelled()
    second = rung(erin)
    second.answers(200)
    outgoing.dialog(outgoing.expects(200)).ends(erin)


def test_given_an_agent_at_another_node_when_a_caller_waits_then_he_is_offered_and_talks(
    tenant: Tenant, other: Node
) -> None:
    agent = heard(tenant.phone("105", transport="tcp", register=True), other)
    assert agent.dials("*64").ends_with().status == 480
    alice = tenant.phone("104", node=other)
    outgoing = alice.dials("800")
    inbound = rung(agent)
    inbound.answers(200)
    dialog = outgoing.dialog(outgoing.expects(200))
    inbound.dialog()
    until(lambda: _state(other, tenant, "105") == "in_call", what="the agent to count as talking")
    dialog.ends(agent)
    until(lambda: _state(other, tenant, "105") == "idle", what="the agent to be idle again")


def _state(node: Node, tenant: Tenant, agent: str) -> str:
    (group,) = node.star87("agents", "list", "--domain", tenant.domain)
    return next(str(one["state"]) for one in group["agents"] if one["agent"] == agent)


def test_given_two_phones_that_answer_at_once_when_one_is_at_another_node_then_one_call_is_left(
    tenant: Tenant, node: Node, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport="tcp", register=True), other)
    erin = heard(tenant.phone("102", node=other, register=True), node)
    outgoing = tenant.phone("104", node=other).dials("700")
    inbound = rung(bob), rung(erin)
    for one in inbound:
        one.answers(200)
    first = outgoing.expects(200)
    outgoing.dialog(first)
    winner = next(one for one in inbound if one.tag == first.tag("To"))
    winner.phone.gets("ACK", outgoing.call_id)


# Registrations that move


@pytest.mark.parametrize(("before", "after"), [("tcp", "tcp"), ("udp", "udp"), ("wss", "tls"), ("udp", "tcp")])
def test_given_a_device_that_registers_anew_at_another_node_when_called_then_it_rings_there_and_once(
    before: str, after: str, tenant: Tenant, node: Node, other: Node
) -> None:
    old = tenant.phone("101", transport=before)
    named = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
    assert old.registers(contact=f"<{old.contact}>{named}").status == 200
    heard(old, other)
    new = tenant.phone("101", transport=after, node=other)
    assert new.registers(contact=f"<{new.contact}>{named}").status == 200
    heard(new, node)
    assert contacts(node, new) == contacts(other, new) == [new.contact]

    for place in (node, other):
        call = ring(tenant.phone("104", node=place), new)
        not_rung(old)
        call.ends()


@pytest.mark.parametrize("named", ["the same contact", "the same Call-ID"])
def test_given_a_phone_without_an_instance_when_it_registers_anew_at_another_node_then_one_binding_rings(
    named: str, tenant: Tenant, node: Node, other: Node
) -> None:
    old = tenant.phone("101", transport="tcp")
    _registers(old, old.contact, "moving", cseq=1)
    heard(old, other)
    new = tenant.phone("101", transport="tcp", node=other)
    contact = old.contact if named == "the same contact" else new.contact
    _registers(new, contact, "moving" if named == "the same Call-ID" else "another", cseq=11)
    until(lambda: contacts(node, new) == contacts(other, new) == [contact], what="one binding at both")

    for place in (node, other):
        outgoing = tenant.phone("104", node=place).dials("101")
        inbound = rung(new)
        not_rung(old)
        inbound.answers(486)
        new.gets("ACK", outgoing.call_id)
        assert outgoing.ends_with().status == 486


def _registers(phone: Phone, contact: str, call_id: str, *, cseq: int) -> None:
    headers = [("Contact", f"<{contact}>"), ("Expires", "300")]
    uri, call_id = f"sip:{phone.domain}", f"{call_id}-{phone.domain}"
    for number in (cseq, cseq + 1):
        via = phone.via()
        same = {"to": phone.aor, "call_id": call_id, "cseq": number, "via": via}
        phone.sends(phone.requests("REGISTER", uri, headers=headers, **same))  # type: ignore[arg-type]
        answer = phone.answer_to(via)
        if answer.status == 401:
            headers.append(phone.proves(answer, "REGISTER", uri))
    assert answer.status == 200


def test_given_a_phone_when_it_unregisters_at_one_node_then_nobody_rings_it_through_another(
    tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport="tcp", register=True), other)
    assert bob.registers(expires=0).status == 200
    until(lambda: contacts(other, bob) == [], what="the other node to hear of it")
    assert tenant.phone("104", node=other).dials("101").ends_with().status == 480
    not_rung(bob)


@pytest.mark.parametrize("transport", STREAMS)
def test_given_a_phone_whose_connection_has_ended_when_called_through_another_node_then_it_fails_at_once(
    transport: str, tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport=transport, register=True), other)
    bob.close()
    answer = tenant.phone("104", node=other).dials("101").ends_with(within_s=8.0)
    assert answer.status >= 400
    # usrloc looks at its contacts every ten seconds; what it takes out is taken out everywhere.
    until(lambda: contacts(other, bob) == [], within_s=25.0, what="the other node to hear of it")
