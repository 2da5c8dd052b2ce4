"""Requests that begin something: who may, and where they go."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.errors import (
    MethodNotAllowed,
    NoSuchAccount,
    NoSuchDialog,
    NotAuthorized,
    NotReachable,
    RequestRefused,
    UnknownDomain,
)
from kemi.routing.initial import AmbiguousContact, NameOfAnother
from tests.support.fake_sip import DOMAIN, FakeMessage, invite
from tests.unit.routing.node import Node
from tests.unit.routing.trunking import CARRIER


def test_given_the_name_of_another_s_call_when_an_extension_calls_under_it_then_482_and_nothing_is_told(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.name_is_anothers = True
    with pytest.raises(NameOfAnother) as refused:
        node.route()
    assert (refused.value.status, node.relays, node.tracking.told, node.store.asked) == (482, 0, [], [])
    assert node.scene.proxy.named_by == [f"104@{DOMAIN}"]


def test_given_the_name_of_another_s_call_when_a_trunk_brings_it_back_then_it_is_taken(tmp_path: Path) -> None:
    """A call that left by a carrier may come in by one, as the same."""
    node = Node(tmp_path, invite("+15550100", flow=CARRIER))
    node.scene.proxy.name_is_anothers = True
    node.route()
    assert (node.relays, node.scene.proxy.named_by) == (1, ["trunk carrier"])


def test_given_a_register_when_authenticated_then_it_is_saved_and_when_challenged_it_is_not(
    tmp_path: Path,
) -> None:
    for user, saved in (("104", 1), (None, 0)):
        node = Node(tmp_path, FakeMessage("REGISTER", to_user="104"), user=user)
        node.route()
        assert node.scene.location.saved == saved


def test_given_a_register_of_another_when_routed_then_403_and_not_saved(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("REGISTER", to_user="101"))
    with pytest.raises(NotAuthorized):
        node.route()
    assert node.scene.location.saved == 0


@pytest.mark.parametrize(
    ("contact", "good"),
    [
        ("sip:104@192.0.2.4?Route=%3Csip:a%3E", False),
        ("<sip:104@192.0.2.4?Route=%3Csip:a%3E>", True),
        ("sip:104@192.0.2.4;x", True),
        ("*", True),
    ],
)
def test_given_a_contact_when_registered_then_its_question_mark_stands_in_brackets(
    contact: str, good: bool, tmp_path: Path
) -> None:
    """RFC 4475 §3.1.2.13."""
    node = Node(tmp_path, FakeMessage("REGISTER", to_user="104", headers=[("Contact", contact)]))
    if good:
        node.route()
    else:
        with pytest.raises(AmbiguousContact):
            node.route()
    assert node.scene.location.saved == int(good)


def test_given_options_for_the_node_when_routed_then_200_says_what_it_takes(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("OPTIONS", ruri_user=""), user=None)
    node.route()
    ((status, _, headers),) = node.scene.transaction.replies
    assert status == 200
    assert any(line.startswith("Allow: ") and "INVITE" in line for line in headers)


def test_given_a_call_when_routed_then_it_is_record_routed_placed_and_relayed(tmp_path: Path) -> None:
    node = Node(tmp_path, invite("101"))
    node.route()
    assert node.scene.proxy.recorded == [DOMAIN]
    assert [placed.caller.number for placed in node.tracking.placed] == ["104"]
    assert node.relays == 1


def test_given_a_route_that_the_phone_was_told_when_a_call_is_routed_then_it_is_taken_off(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, invite("101"))
    node.route()
    assert "Route" in node.scene.request.removed


def test_given_a_caller_who_is_challenged_when_routed_then_nothing_is_relayed_or_told(tmp_path: Path) -> None:
    for dialled in ("101", "*87", "199", "*64", "*65", "800"):
        node = Node(tmp_path, invite(dialled), user=None)
        node.route()
        assert (node.relays, node.tracking.told, node.store.asked) == (0, [], [])
        assert (node.queue.told, node.queue.entries, node.scene.transaction.replies) == ([], [], [])


def test_given_an_escaped_number_when_called_then_it_is_the_same_account(tmp_path: Path) -> None:
    node = Node(tmp_path, invite("%31%30%31;phone-context=x"))
    node.route()
    assert node.tracking.placed[0].number == "101"


@pytest.mark.parametrize(
    ("request_", "refusal", "status"),
    [
        (invite("199"), NoSuchAccount, 404),
        (invite("101", ruri_host="other.example.com"), NotAuthorized, 403),
        (invite("101", headers=[("Replaces", "x;to-tag=1;from-tag=2")]), NoSuchDialog, 481),
        (invite("101", headers=[("Join", "x;to-tag=1;from-tag=2")]), NotAuthorized, 403),
        (invite("101", from_user="101"), NotAuthorized, 403),
        (FakeMessage("INVITE", from_host="a.example.org", ruri_host="b.example.org"), UnknownDomain, 403),
        (FakeMessage("MESSAGE", ruri_user="*87"), MethodNotAllowed, 405),
        (FakeMessage("MESSAGE", ruri_user="*64"), MethodNotAllowed, 405),
        (FakeMessage("MESSAGE", ruri_user="*65"), MethodNotAllowed, 405),
        (FakeMessage("MESSAGE", ruri_user="700"), MethodNotAllowed, 405),
        (FakeMessage("MESSAGE", ruri_user="800"), MethodNotAllowed, 405),
        (FakeMessage("MESSAGE", ruri_user="104"), NotReachable, 480),
        (FakeMessage("MESSAGE", ruri_user="+15551234"), NoSuchAccount, 404),
        (invite("+4930", flow=CARRIER), NoSuchAccount, 404),
        (invite("+15551234", flow=CARRIER), NoSuchAccount, 404),
        (invite("104", flow=CARRIER), NoSuchAccount, 404),
        (invite("*87", flow=CARRIER), NoSuchAccount, 404),
        (FakeMessage("REGISTER", to_user="104", flow=CARRIER), MethodNotAllowed, 405),
    ],
)
def test_given_what_may_not_be_when_routed_then_it_is_refused_and_nothing_is_relayed(
    request_: FakeMessage, refusal: type[RequestRefused], status: int, tmp_path: Path
) -> None:
    node = Node(tmp_path, request_)
    with pytest.raises(refusal) as refused:
        node.route()
    assert (refused.value.status, node.relays) == (status, 0)


@pytest.mark.parametrize("method", ["MESSAGE", "REFER", "OPTIONS", "NOTIFY"])
def test_given_a_request_outside_of_calls_when_routed_then_the_extension_s_phones_get_it(
    method: str, tmp_path: Path
) -> None:
    node = Node(tmp_path, FakeMessage(method, ruri_user="101"))
    node.route()
    assert node.scene.transaction.sent[0].branches == (f"101@{DOMAIN}",)
    assert node.tracking.told == []
    assert ("record_route" in node.scene.proxy.did) == (method == "REFER")


@pytest.mark.parametrize("dialled", ["*87", "*87101", "%2A87101%23"])
def test_given_the_pickup_code_when_dialled_then_the_pickup_begins(dialled: str, tmp_path: Path) -> None:
    node = Node(tmp_path, invite(dialled))
    node.route()
    assert len(node.store.asked) == 1
    assert node.store.asked[0].picker.number == "104"
    assert "record_route" in node.scene.proxy.did


def test_given_an_agent_group_when_called_then_the_caller_waits_in_its_queue(tmp_path: Path) -> None:
    node = Node(tmp_path, invite("800"))
    node.route()
    assert [entry.caller_agents for entry in node.queue.entries] == [("104",)]
    assert (node.relays, node.scene.transaction.provisionals) == (0, [(182, "Queued")])


def test_given_a_relay_that_fails_when_a_message_is_routed_then_the_stack_answers(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("MESSAGE", ruri_user="101"))
    node.scene.transaction.relays_fail = 1
    node.route()
    assert node.scene.transaction.answered_failures == 1


# Trunks


def test_given_options_of_a_trunk_when_it_asks_then_200_without_credentials(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("OPTIONS", ruri_user="ping", flow=CARRIER), user=None)
    node.route()
    assert [status for status, _, _ in node.scene.transaction.replies] == [200]


@pytest.mark.parametrize(
    ("message", "user", "kept"),
    [
        (FakeMessage("OPTIONS", ruri_user="", flow=CARRIER), None, 1),
        (FakeMessage("OPTIONS", ruri_user=""), None, 0),
        (FakeMessage("REGISTER", to_user="104"), "104", 1),
        (FakeMessage("REGISTER", to_user="104"), None, 0),
    ],
)
def test_given_a_trunk_or_good_credentials_when_routed_then_the_connection_is_somebody_s(
    message: FakeMessage, user: str | None, kept: int, tmp_path: Path
) -> None:
    node = Node(tmp_path, message, user=user)
    node.route()
    assert message.kept_connection == kept


def test_given_a_did_when_its_trunk_calls_it_then_the_account_is_rung_without_credentials(tmp_path: Path) -> None:
    node = Node(tmp_path, invite("+15550100", flow=CARRIER), user=None)
    node.route()
    assert node.scene.transaction.sent[0].branches == (f"101@{DOMAIN}",)
    assert [(placed.number, placed.caller.number) for placed in node.tracking.placed] == [("101", "")]


def test_given_a_number_that_a_trunk_takes_when_an_extension_calls_it_then_it_leaves_there_record_routed(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, invite("+15551234"))
    node.route()
    assert [relay.uri for relay in node.scene.transaction.sent] == ["sip:+15551234@192.0.2.200:5060"]
    assert node.scene.proxy.recorded == [DOMAIN]
    assert node.tracking.placed == []
