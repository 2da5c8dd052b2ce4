"""The console, where there are several nodes: the call rings through one, the attendant's phones are at any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kamailio.nodes.test_location import not_rung
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.pickups import connect, ends_elsewhere, talk_both_ways, with_queue
from tests.support.several_nodes import SeveralNodes, heard
from tests.support.talks import Ringing, ring
from tests.support.tenants import Tenant
from tests.support.until import until
from tests.support.web import Web
from tests.support.web_clients import calls, client, pick_up, the_call

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
CHANGE = with_queue
ENVIRONMENT = {"STAR87_REROUTE_ANSWER_S": "2", "STAR87_NODE_SILENCE_MS": "1500"}


@pytest.fixture(scope="module")
def web(pair: SeveralNodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """It speaks to the store alone: which node it was started beside is all the same."""
    with Web(pair.nodes["b"], tmp_path_factory.mktemp("web")) as web:
        yield web


def rings_at(node: Node, tenant: Tenant) -> Ringing:
    bob = tenant.phone("101", register=True, node=node)
    return ring(tenant.phone("104", node=node), bob, supported="")


def picked_up(web: Web, tenant: Tenant, call: Ringing, picker: Phone) -> None:
    """The attendant presses the button, her phone rings, and she has the caller."""
    at = client(web, tenant)
    answer = pick_up(at, the_call(at)["id"])
    assert (answer.status_code, answer.json()["reason"]) == (202, "Your Phone Rings")
    offer = picker.rung(replaces=False)
    assert offer.invite["Call-ID"] == call.outgoing.call_id
    assert "answer-after=0" in offer.invite["Call-Info"]
    assert offer.invite.all("P-Asserted-Identity") == [f'"Dave for Reception" <sip:104@{tenant.domain}>']
    assert "P-Star87-Peer" not in offer.invite
    caller, mine, accepted = connect(call.outgoing, offer)
    assert accepted["P-Asserted-Identity"] == f'"Carol" <sip:103@{tenant.domain}>'
    ends_elsewhere(call.inbound)
    talk_both_ways(caller, mine)
    mine.ends(call.caller)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_an_attendant_s_phone_at_the_other_node_when_she_picks_up_then_it_rings_and_is_connected(
    transport: str, web: Web, tenant: Tenant, node: Node, other: Node
) -> None:
    carol = heard(tenant.phone("103", transport=transport, register=True, node=other), node)
    picked_up(web, tenant, rings_at(node, tenant), carol)
    until(lambda: tenant.outcomes() == [("picked_up", 202)], what="the record")
    until(lambda: not tenant.node.left_keys(tenant.domain), what="no key to be left")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_given_the_call_at_the_other_node_when_the_attendant_picks_up_then_her_phone_here_rings_and_is_connected(
    transport: str, web: Web, tenant: Tenant, node: Node, other: Node
) -> None:
    carol = heard(tenant.phone("103", transport=transport, register=True, node=node), other)
    picked_up(web, tenant, rings_at(other, tenant), carol)
    until(lambda: tenant.outcomes() == [("picked_up", 202)], what="the record")
    until(lambda: not tenant.node.left_keys(tenant.domain), what="no key to be left")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_given_a_talk_at_the_other_node_that_is_not_on_hold_when_another_call_is_picked_up_then_409(
    transport: str, web: Web, tenant: Tenant, node: Node, other: Node
) -> None:
    """What a phone at the other node took by the console is known as its call, as by the code."""
    carol = heard(tenant.phone("103", transport=transport, register=True, node=other), node)
    first = rings_at(node, tenant)
    at = client(web, tenant)
    assert pick_up(at, the_call(at)["id"]).status_code == 202
    _, mine, _ = connect(first.outgoing, carol.rung())
    ends_elsewhere(first.inbound)
    until(lambda: not calls(at), what="the call to be off the list")

    second = rings_at(node, tenant)
    found = the_call(at)["id"]
    answer = pick_up(at, found)
    assert (answer.status_code, answer.json()["reason"]) == (409, "Hold Your Current Call First")
    not_rung(carol)
    mine.reinvites(first.caller, "sendonly", "recvonly")
    assert until(lambda: [a for a in [pick_up(at, found)] if a.status_code == 202], what="the hold to be known")
    connect(second.outgoing, carol.rung())


def test_given_phones_at_both_nodes_when_she_picks_up_then_both_ring_and_the_first_answer_wins(
    web: Web, tenant: Tenant, node: Node, other: Node
) -> None:
    far = heard(tenant.phone("103", transport="tcp", register=True, node=other), node)
    near = heard(tenant.phone("103", register=True, node=node), other)
    call = rings_at(node, tenant)
    at = client(web, tenant)
    assert pick_up(at, the_call(at)["id"]).status_code == 202
    offers = [phone.rung() for phone in (near, far)]
    assert not [offer for offer in offers if "Call-Info" in offer.invite]
    offers[0].answers(180)
    caller, mine, _ = connect(call.outgoing, offers[1])
    ends_elsewhere(offers[0])
    ends_elsewhere(call.inbound)
    talk_both_ways(caller, mine)
    caller.ends(far)


@pytest.mark.parametrize("takes_it", [True, False])
def test_given_a_caller_who_waits_here_when_he_is_picked_up_for_a_phone_at_the_other_node_then_he_is_hers_or_waits_on(
    takes_it: bool, web: Web, tenant: Tenant, node: Node, other: Node
) -> None:
    carol = heard(tenant.phone("103", transport="tcp", register=True, node=other), node)
    caller = tenant.phone("104", node=node)
    waiting = caller.dials("800", supported="")
    waiting.expects(182)
    at = client(web, tenant)
    assert pick_up(at, the_call(at)["id"]).status_code == 202
    offer = carol.rung()
    if takes_it:
        his, hers, _ = connect(waiting, offer)
        talk_both_ways(his, hers)
        hers.ends(caller)
        until(lambda: not tenant.node.left_keys(tenant.domain), what="no key to be left")
    else:
        offer.answers(486)
        until(lambda: tenant.outcomes() == [("not_taken", 202)], what="the record")
        assert (the_call(at)["state"], the_call(at)["position"]) == ("waiting", 1)


@pytest.mark.parametrize("refusal", [486, None])
def test_given_a_phone_at_the_other_node_that_does_not_take_it_when_that_is_known_then_the_call_rings_on(
    refusal: int | None, web: Web, tenant: Tenant, node: Node, other: Node
) -> None:
    carol = heard(tenant.phone("103", transport="tcp", register=True, node=other), node)
    call = rings_at(node, tenant)
    at = client(web, tenant)
    found = the_call(at)["id"]
    assert pick_up(at, found).status_code == 202
    offer = carol.rung()
    if refusal:
        offer.answers(refusal)
    else:
        offer.answers(180)
        offer.is_cancelled()
    until(lambda: tenant.outcomes() == [("not_taken", 202)], what="the record")
    assert pick_up(at, found).status_code == 202
    connect(call.outgoing, carol.rung())
    ends_elsewhere(call.inbound)
