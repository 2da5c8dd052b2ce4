"""What a node does for another: pickups of its calls, and reaching the devices that are at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kemi.nodes.hop import REACH, Instruction
from kemi.nodes.peer import Peer
from kemi.pickup.elsewhere import PICKUP
from kemi.routing.for_peers import ForPeers
from kemi.settings import Settings
from kemi.sip.flow import Flow
from kemi.sip.ports import Callback
from tests.support.fake_sip import DOMAIN, FLOW, invite
from tests.unit.routing.node import Node

DEVICE = Flow("tcp", "192.0.2.30", 5090, "tcp:192.0.2.1:5060")
URI = "sip:103@192.0.2.30:5090;transport=tcp"


class Pickups:
    """Records what is carried out."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], str]] = []

    def carry_out(self, words: tuple[str, ...], sender: str) -> None:
        self.asked.append((words, sender))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path, replace(invite(), ruri_user="103"))
    node.peers.others = (Peer("b", "1", f"udp:{FLOW.ip}:{FLOW.port}"),)
    return node


def serve(node: Node) -> Pickups:
    pickups = Pickups()
    at = ForPeers(node.scene.proxy, node.scene.transaction, pickups, Settings())
    node.requests.by_peer = at.kinds()
    return pickups


def test_given_a_request_for_a_device_here_when_a_node_sends_it_then_it_goes_over_that_flow_and_its_route_set(
    node: Node,
) -> None:
    serve(node)
    routes = ("<sip:edge.example.com;lr>", "<sip:access.example.com;lr>")
    node.peers.asks = Instruction(REACH, (DOMAIN, URI, str(DEVICE), "4000", *routes), "b@1", "n")
    node.route()
    (sent,) = node.scene.transaction.sent
    assert (sent.uri, sent.flow, sent.answer_ms) == (URI, DEVICE, 4000)
    assert (sent.reply, sent.failure) == (Callback.PASSED_REPLY, None)
    assert node.scene.request.appended == [f"Route: {route}" for route in routes]
    assert node.scene.proxy.recorded == [DOMAIN]
    assert node.tracking.told == []


def test_given_a_flow_that_has_ended_when_a_node_sends_something_there_then_it_hears_so(node: Node) -> None:
    serve(node)
    node.scene.transaction.relays_fail = 1
    node.peers.asks = Instruction(REACH, (DOMAIN, URI, str(DEVICE), "4000"), "b@1", "n")
    node.route()
    assert node.scene.transaction.answered_failures == 1


def test_given_another_node_s_picker_when_his_invite_comes_then_this_node_stays_on_its_path_and_carries_it_out(
    node: Node,
) -> None:
    pickups = serve(node)
    words = (DOMAIN, "attempt", "key", "token", "5")
    node.peers.asks = Instruction(PICKUP, words, "b@1", "n")
    node.route()
    assert pickups.asked == [(words, "b@1")]
    assert node.scene.proxy.recorded == [DOMAIN]
    assert "Route" in node.scene.request.removed


def test_given_a_cancel_of_a_node_when_it_is_for_a_branch_of_its_own_then_nothing_is_told_of_the_call(
    node: Node,
) -> None:
    node.scene.request.method = "CANCEL"
    node.scene.transaction.cancels = node.scene.request.call_id
    node.route()
    assert node.relays == 1
    assert node.tracking.told == []
