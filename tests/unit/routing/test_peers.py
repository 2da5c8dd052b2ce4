"""Requests from other nodes of the deployment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kemi.errors import NotAuthorized
from kemi.nodes.hop import Instruction
from kemi.nodes.peer import Peer
from kemi.sip.ports import Message
from tests.support.fake_sip import FLOW, invite
from tests.unit.routing.node import Node

ASKED = Instruction("greet", ("hello",), "b@1", "n")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node whose request at hand comes from where a peer sends from."""
    node = Node(tmp_path, replace(invite(), ruri_user="101"))
    node.peers.others = (Peer("b", "1", f"udp:{FLOW.ip}:{FLOW.port}"),)
    return node


def test_given_a_request_of_a_peer_when_routed_then_what_it_asks_is_done_and_no_password_is_asked_for(
    node: Node,
) -> None:
    asked: list[tuple[Message, Instruction]] = []
    node.requests.by_peer["greet"] = lambda message, instruction: asked.append((message, instruction))
    node.peers.asks = ASKED
    node.digest._user = None
    node.route()
    assert asked == [(node.scene.request, ASKED)]
    assert node.scene.transaction.replies == []


def test_given_a_peer_that_asks_what_this_release_does_not_know_when_routed_then_it_is_refused(
    node: Node,
) -> None:
    node.peers.asks = ASKED
    with pytest.raises(NotAuthorized):
        node.route()


def test_given_the_address_of_a_peer_without_its_seal_when_routed_then_it_is_anybody_s(node: Node) -> None:
    node.digest._user = None
    node.route()
    assert node.relays == 0
    assert len(node.digest.challenges) == 1


def test_given_a_seal_that_comes_from_elsewhere_when_routed_then_it_is_not_looked_at(node: Node) -> None:
    node.peers.others = (Peer("b", "1", "udp:198.51.100.1:5060"),)
    node.peers.asks = ASKED
    node.digest._user = None
    node.route()
    assert node.peers.asks is ASKED
    assert len(node.digest.challenges) == 1


@pytest.mark.parametrize("trusted", [True, False])
def test_given_what_nodes_tell_one_another_when_it_comes_from_a_peer_s_address_then_its_seal_decides(
    trusted: bool, tmp_path: Path
) -> None:
    node = Node(tmp_path, replace(invite(), method="KDMQ"))
    node.peers.others = (Peer("b", "1", f"udp:{FLOW.ip}:{FLOW.port}"),)
    node.bus.trusted = trusted
    if trusted:
        node.route()
    else:
        with pytest.raises(NotAuthorized):
            node.route()
    assert node.bus.taken == trusted
    assert node.relays == 0


def test_given_what_nodes_tell_one_another_when_it_comes_from_elsewhere_then_it_is_counted_and_its_seal_decides(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, replace(invite(), method="KDMQ"), user=None)
    node.bus.trusted = False
    with pytest.raises(NotAuthorized):
        node.route()
    node.bus.trusted = True
    node.route()
    assert node.bus.taken == 1
    assert (node.relays, node.digest.challenges) == (0, [])
