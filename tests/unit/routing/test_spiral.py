"""Requests that come by way of this node itself: the one that a claim speaks of goes on, and what ends a dialog."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import Kind
from kemi.errors import CallIsBeingSent, NotTaken
from kemi.sip.flow import Flow
from kemi.sip.ports import Callback
from tests.support.fake_sip import DOMAIN, FakeMessage, FakeScene, invite
from tests.support.fake_spiral import HERE
from tests.support.fake_store import ringing_call
from tests.unit.routing.node import Node

CONTACT = "sip:104@192.0.2.4:5070"


def returning(folder: Path, request: FakeMessage) -> Node:
    node = Node(folder, request)
    node.scene.spiral.returned = True
    return node


def comes_round(folder: Path) -> Node:
    """The INVITE of a caller whose call 104 has picked up by dialling *87: it is being sent to his device."""
    node = returning(folder, invite("101"))
    call = ringing_call(number="101", kind=Kind.EXTENSION, replaces=False, transaction="7:42", caller_number="105")
    node.store.line = [call]
    dialled = Node(folder / "dialled", invite("*87"))
    dialled.store.line = [call]
    with pytest.raises(CallIsBeingSent):
        dialled.route()
    node.store.offers, node.store.held = dialled.store.offers, dialled.store.held
    dialog = call.caller.dialog
    node.scene.request = node.scene.at_hand = invite("101", call_id=dialog.call_id, from_tag=dialog.caller_tag)
    node.scene.proxy.record_route_tenant = DOMAIN
    return node


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dialled").mkdir()
    return tmp_path


def test_given_87_when_the_caller_s_device_knows_no_replaces_then_the_picker_hears_that_the_call_is_being_sent(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, invite("*87"))
    node.store.line = [ringing_call(replaces=False, transaction="7:42", caller_number="105")]
    with pytest.raises(CallIsBeingSent):
        node.route()
    assert node.scene.spiral.branched == ["7:42"]
    assert node.relays == 0


def test_given_the_caller_s_invite_when_it_comes_round_then_it_goes_to_the_picker_without_credentials_or_a_new_place(
    folder: Path,
) -> None:
    node = comes_round(folder)
    node.route()
    (relay,) = node.scene.transaction.sent
    assert relay.uri == CONTACT
    assert (node.tracking.told, node.scene.proxy.recorded) == ([], [])


def test_given_a_caller_who_writes_where_his_invite_is_to_go_on_when_it_comes_round_then_the_claim_alone_says_where(
    folder: Path,
) -> None:
    """A header from outside grants nothing: he would be sent on to a trunk, say, in the proxy's own name."""
    node = comes_round(folder)
    node.scene.spiral.begun_here = True
    node.route()
    (relay,) = node.scene.transaction.sent
    assert (relay.uri, relay.flow) == (CONTACT, node.scene.request.flow)


@pytest.mark.parametrize("why", ["no claim", "no tenant of ours"])
def test_given_an_invite_that_no_claim_speaks_of_when_it_comes_round_then_599_and_nobody_is_rung(
    folder: Path, why: str
) -> None:
    node = comes_round(folder)
    if why == "no claim":
        node.store.offers.clear()
    else:
        node.scene.proxy.record_route_tenant = ""
    with pytest.raises(NotTaken):
        node.route()
    assert (node.relays, node.tracking.told) == (0, [])


def test_given_an_invite_that_is_repeated_when_it_comes_round_then_it_is_sent_once(folder: Path) -> None:
    node = comes_round(folder)
    node.scene.proxy.retransmission = True
    node.route()
    assert node.relays == 0


@pytest.mark.parametrize("method", ["ACK", "BYE"])
def test_given_a_request_of_the_node_s_own_when_it_comes_round_then_it_goes_on_and_is_no_request_of_a_phone(
    method: str, tmp_path: Path
) -> None:
    node = returning(tmp_path, FakeMessage(method, to_tag="b"))
    node.scene.spiral.begun_here = True
    node.route()
    assert node.relays == 1
    assert node.tracking.told == [], "the dialog that ends here is none that the store knows"
    assert "follow_route" not in node.scene.proxy.did


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_given_an_ack_or_cancel_of_a_branch_by_this_node_when_it_comes_round_then_only_one_of_a_known_invite_passes(
    method: str, known: bool, tmp_path: Path
) -> None:
    node = returning(tmp_path, FakeMessage(method))
    node.scene.transaction.is_known = known
    node.scene.transaction.cancels = "call-1" if known else ""
    node.route()
    assert node.relays == int(known)
    assert node.tracking.told == [], "a branch that ends is not the call's end"


def test_given_any_other_request_when_it_comes_round_then_nothing_becomes_of_it(tmp_path: Path) -> None:
    for method in ("BYE", "OPTIONS", "REGISTER", "MESSAGE"):
        folder = tmp_path / method
        folder.mkdir()
        node = returning(folder, FakeMessage(method))
        node.route()
        assert (node.relays, node.scene.transaction.replies, node.scene.location.saved) == (0, [], 0)


def test_given_a_request_of_a_phone_when_it_names_this_node_s_own_socket_then_it_is_a_phone_s(tmp_path: Path) -> None:
    node = Node(tmp_path, invite("101"))
    node.scene.spiral.begun_here = True
    node.route()
    assert [relay.branches for relay in node.scene.transaction.sent] == [(f"101@{DOMAIN}",)]


def test_given_a_uri_that_is_aimed_at_by_way_of_this_node_when_relayed_then_it_is_seen_so() -> None:
    scene = FakeScene(invite())
    scene.spiral.aim("sip:x")
    scene.transaction.relay()
    (relay,) = scene.transaction.sent
    assert isinstance(relay.flow, Flow)
    assert (relay.uri, relay.flow) == ("sip:x", HERE)


@pytest.mark.parametrize("nobody", [False, True])
def test_given_a_notify_when_it_comes_round_then_whoever_it_cannot_be_sent_to_is_told_no_more(
    nobody: bool, folder: Path
) -> None:
    subscribe = FakeMessage("SUBSCRIBE", headers=[("Event", "dialog"), ("From", "<sip:a>"), ("To", "<sip:b>")])
    Node(folder, subscribe).route()
    node = returning(folder, FakeMessage("NOTIFY", from_tag="own-tag", to_tag="caller-tag"))
    node.scene.spiral.begun_here = True
    node.scene.transaction.relays_fail = int(nobody)
    node.route()
    assert len(node.book.everybody()) == (0 if nobody else 1)
    if not nobody:
        (relay,) = node.scene.transaction.sent
        assert (relay.reply, relay.failure) == (None, Callback.LAMP_FAILURE)
