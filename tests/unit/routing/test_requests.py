"""Every request that comes in: the order of checks, and where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.errors import (
    NoSuchDialog,
    NotProvisioned,
)
from kemi.routing.requests import TooManyHops
from kemi.sip import packed
from kemi.sip.ports import Errand
from tests.support.fake_sip import FakeMessage, invite
from tests.unit.routing.node import Node

# Checks


def test_given_no_hops_left_when_routed_then_483_before_all_else(tmp_path: Path) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.hops_left = False
    with pytest.raises(TooManyHops) as refused:
        node.route()
    assert (refused.value.status, node.scene.proxy.did) == (483, ["answer_to_source", "hops"])


def test_given_a_malformed_request_when_routed_then_nothing_more_is_done(tmp_path: Path) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.sane = False
    node.route()
    assert (node.relays, node.scene.transaction.replies) == (0, [])
    assert node.scene.proxy.did[-1] == "sanity"


def test_given_a_retransmission_when_routed_then_nothing_more_is_done(tmp_path: Path) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.retransmission = True
    node.route()
    assert (node.relays, node.scene.transaction.replies, node.tracking.told) == (0, [], [])


def test_given_no_provisioning_when_routed_then_nothing_is_guessed(tmp_path: Path) -> None:
    for request in (invite(), FakeMessage("REGISTER"), FakeMessage("OPTIONS", ruri_user="")):
        node = Node(tmp_path, request)
        node.provisioned = False
        with pytest.raises(NotProvisioned):
            node.route()
        assert (node.relays, node.scene.location.saved) == (0, 0)


# Where it belongs


def test_given_a_to_tag_when_routed_then_it_goes_by_its_route(tmp_path: Path) -> None:
    node = Node(tmp_path, invite(to_tag="b"))
    node.scene.proxy.route_leads_here = False
    with pytest.raises(NoSuchDialog):
        node.route()


def test_given_an_ack_that_belongs_to_nothing_when_routed_then_silence(tmp_path: Path) -> None:
    for known, relays in ((False, 0), (True, 1)):
        node = Node(tmp_path, FakeMessage("ACK"))
        node.scene.transaction.is_known = known
        node.route()
        assert (node.relays, node.scene.transaction.replies) == (relays, [])
        assert "retransmission" not in node.scene.proxy.did


def test_given_a_cancel_when_routed_then_it_goes_to_its_transaction_before_any_other_question(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, FakeMessage("CANCEL"))
    node.scene.proxy.retransmission = True
    node.route()
    assert node.relays == 1


def test_given_an_invite_that_the_node_asks_itself_to_answer_when_a_worker_gets_it_then_it_is_answered(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, FakeMessage("INFO"))
    node.scene.spiral.returned = True
    node.scene.spiral.brings = Errand.ANSWER, packed.pack(("call-1", "7", 182, "Queued"))
    node.route()
    assert node.scene.transaction.said_elsewhere == [("call-1", "7", 182, "Queued")]
    assert (node.relays, node.scene.transaction.replies) == (0, [])
