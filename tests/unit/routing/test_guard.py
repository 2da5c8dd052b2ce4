"""Who may send a Replaces: every rule, for extensions and for trunks."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.dialogs.call_note import NAME, CallNote
from kemi.dialogs.replaced import Confirmed, Early, Standing
from kemi.dialogs.tracking import trunk_party
from kemi.errors import (
    MalformedReplaces,
    NoSuchAccount,
    NoSuchDialog,
    NotAuthorized,
    NotPermitted,
    NotReachable,
    RequestRefused,
    StoreUnavailable,
)
from kemi.routing.guard import AnsweredBefore
from kemi.sip.dialog import Replaces
from kemi.sip.ports import Callback
from tests.support.fake_sip import CALLEE_FLOW, DOMAIN, FakeMessage, invite
from tests.support.fake_store import ringing_call
from tests.unit.routing.node import Node
from tests.unit.routing.trunking import DESTINATIONS, Trunking, from_the_carrier

NAMED = "call-1;to-tag=call-1-caller;from-tag=callee-1"
CARRIER = trunk_party("carrier")


def sends(dials: str = "101", value: str = NAMED, **fields: object) -> FakeMessage:
    """104's phone calls with a Replaces of its own."""
    return invite(dials, headers=[("Supported", "replaces"), ("Replaces", value)], call_id="new", **fields)


def by_trunk(value: str = NAMED, dials: str = "+15550100") -> FakeMessage:
    return from_the_carrier(dials, headers=[("Replaces", value)], call_id="new")


def refused(node: Node, error: type[RequestRefused]) -> RequestRefused:
    """Nothing was sent, claimed or told."""
    with pytest.raises(error) as refusal:
        node.route()
    assert (node.relays, node.tracking.told, node.store.held) == (0, [], {})
    assert refusal.value.warning
    return refusal.value


# What is asked


def test_given_a_replaces_when_it_is_judged_then_the_store_is_asked_in_the_sender_s_tenant(tmp_path: Path) -> None:
    node = Node(tmp_path, sends())
    assert refused(node, NoSuchDialog).status == 481
    assert node.dialogs.asked == [(DOMAIN, Replaces("call-1", "call-1-caller", "callee-1", False), "104")]
    assert node.record.events == []


def test_given_a_store_that_is_away_when_a_replaces_comes_then_nobody_passes_unchecked(tmp_path: Path) -> None:
    node = Node(tmp_path, sends())
    node.dialogs.fails = StoreUnavailable()
    with pytest.raises(StoreUnavailable):
        node.route()
    assert node.relays == 0


def test_given_a_phone_that_is_challenged_when_it_sends_a_replaces_then_nothing_is_asked(tmp_path: Path) -> None:
    node = Node(tmp_path, sends(), user=None)
    node.route()
    assert (node.dialogs.asked, node.relays) == ([], 0)


@pytest.mark.parametrize(
    ("headers", "error", "status"),
    [
        ([("Join", NAMED)], NotAuthorized, 403),
        ([("Join", NAMED), ("Replaces", NAMED)], MalformedReplaces, 400),
        ([("Replaces", NAMED), ("Replaces", NAMED)], MalformedReplaces, 400),
        ([("Replaces", f"{NAMED},{NAMED}")], MalformedReplaces, 400),
        ([("Replaces", "x")], MalformedReplaces, 400),
        ([("Replaces", "")], MalformedReplaces, 400),
    ],
)
def test_given_what_is_no_single_replaces_when_sent_then_it_is_refused_before_anything_is_asked(
    headers: list[tuple[str, str]], error: type[RequestRefused], status: int, tmp_path: Path
) -> None:
    node = Node(tmp_path, invite(headers=headers))
    assert refused(node, error).status == status
    assert node.dialogs.asked == []
    folder = tmp_path / "trunk"
    folder.mkdir()
    trunking = Trunking(folder, from_the_carrier(headers=headers))
    with pytest.raises(error):
        trunking.accept()
    assert (trunking.dialogs.asked, trunking.sent) == ([], [])


@pytest.mark.parametrize("method", ["MESSAGE", "REFER", "SUBSCRIBE", "NOTIFY"])
@pytest.mark.parametrize("name", ["Replaces", "Join"])
def test_given_the_header_outside_of_an_invite_when_sent_then_400(method: str, name: str, tmp_path: Path) -> None:
    """RFC 3891 §3, RFC 3911 §4."""
    node = Node(tmp_path, FakeMessage(method, ruri_user="101", headers=[(name, NAMED)]))
    assert refused(node, MalformedReplaces).status == 400


def test_given_a_refer_whose_refer_to_has_a_replaces_when_sent_then_it_passes(tmp_path: Path) -> None:
    refer_to = f"<sip:101@{DOMAIN}?Replaces=call-1%3Bto-tag%3D1%3Bfrom-tag%3D2>"
    node = Node(tmp_path, FakeMessage("REFER", ruri_user="101", headers=[("Refer-To", refer_to)]))
    node.route()
    assert (node.relays, node.dialogs.asked) == (1, [])
    assert "Refer-To" not in node.scene.request.removed


# Early


@pytest.mark.parametrize("value", [NAMED, NAMED + ";early-only"])
def test_given_permission_when_a_phone_replaces_a_ringing_call_then_it_is_a_pickup_of_that_call(
    value: str, tmp_path: Path
) -> None:
    call = ringing_call(number="101")
    node = Node(tmp_path, sends("700", value))
    node.store.line = [ringing_call("first", number="101"), call]
    node.dialogs.found = Early(call)
    node.route()

    (wanted,) = node.store.asked
    assert (wanted.only, wanted.number, wanted.tried, wanted.picker.number) == (call.key, "101", (), "104")
    assert [relay.uri for relay in node.scene.transaction.sent] == [call.caller.contact]
    assert {"Replaces", "Join", "P-Asserted-Identity"} <= set(node.scene.request.removed)


def test_given_no_permission_when_a_phone_replaces_a_ringing_call_then_403_is_written_down(tmp_path: Path) -> None:
    call = ringing_call(number="700", caller_number="106")
    node = Node(tmp_path, sends("101"))
    node.dialogs.found = Early(call)
    refusal = refused(node, NotPermitted)
    assert (refusal.status, refusal.reason, node.store.asked) == (403, "Pickup Not Permitted", [])
    (event,) = node.record.events
    assert (event.outcome, event.by, event.dialled, event.account, event.call_id, event.mode) == (
        *("not_permitted", "replaces", "", "700", "call-1", ""),
    )


def test_given_a_trunk_when_it_replaces_a_ringing_call_then_403_and_nothing_is_written_down(tmp_path: Path) -> None:
    trunking = Trunking(tmp_path, by_trunk())
    trunking.dialogs.found = Early(ringing_call())
    with pytest.raises(NotAuthorized):
        trunking.accept()
    assert (trunking.sent, trunking.record.events) == ([], [])
    assert trunking.dialogs.asked[0][2] == CARRIER


# Confirmed


@pytest.mark.parametrize("standing", [Standing.PARTY, Standing.SENT])
@pytest.mark.parametrize(("dials", "routed_to"), [("101", ""), ("101", "700"), ("700", "700")])
def test_given_a_party_or_whom_it_sent_when_it_replaces_then_only_the_phones_of_who_stays_are_rung(
    standing: Standing, dials: str, routed_to: str, tmp_path: Path
) -> None:
    node = Node(tmp_path, sends(dials))
    node.dialogs.found = Confirmed("101", routed_to, standing)
    node.route()

    (relay,) = node.scene.transaction.sent
    assert (relay.branches, relay.failure) == ((f"101@{DOMAIN}",), Callback.CALL_FAILURE)
    assert "Replaces" not in node.scene.request.removed
    note = CallNote.unpack(node.scene.transaction.notes[NAME])
    # No account: nothing is forwarded, and nothing of it can be picked up.
    assert (note.number, note.extensions, node.tracking.told) == ("", ("101",), [])
    assert (node.record.events, node.scene.proxy.recorded) == ([], [DOMAIN])


@pytest.mark.parametrize(
    ("dials", "found"),
    [
        ("101", Confirmed("101", "", Standing.STRANGER)),
        ("700", Confirmed("101", "", Standing.SENT)),
        ("104", Confirmed("101", "", Standing.SENT)),
        ("999", Confirmed("101", "", Standing.SENT)),
        ("999", Confirmed("", "", Standing.SENT)),
        ("101", Confirmed("", "101", Standing.SENT)),
        ("101", Confirmed("", "", Standing.PARTY)),
        ("+15551234", Confirmed("101", "", Standing.PARTY)),
        ("+15551234", Confirmed(trunk_party("rival"), "", Standing.PARTY)),
        ("101", Confirmed(CARRIER, "", Standing.PARTY)),
    ],
)
def test_given_a_stranger_or_another_target_when_it_replaces_then_403_is_written_down(
    dials: str, found: Confirmed, tmp_path: Path
) -> None:
    node = Node(tmp_path, sends(dials))
    node.dialogs.found = found
    refusal = refused(node, NotAuthorized)
    assert (refusal.status, refusal.reason) == (403, "Forbidden")
    (event,) = node.record.events
    assert (event.outcome, event.status, event.by, event.picker) == ("replaces_denied", 403, "replaces", "104")
    assert event.call_id == "call-1"


@pytest.mark.parametrize("standing", list(Standing))
def test_given_early_only_when_the_call_was_answered_then_486(standing: Standing, tmp_path: Path) -> None:
    """RFC 3891 §3."""
    node = Node(tmp_path, sends("101", NAMED + ";early-only"))
    node.dialogs.found = Confirmed("101", "", standing)
    refusal = refused(node, AnsweredBefore)
    assert (refusal.status, refusal.reason) == (486, "Already Answered")
    assert node.record.outcomes() == [("already_answered", 486)]


def test_given_a_target_beyond_a_trunk_when_the_number_leads_there_then_the_trunk_gets_the_invite(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, sends("+15551234"))
    node.dialogs.found = Confirmed(CARRIER, "", Standing.SENT)
    node.route()
    (relay,) = node.scene.transaction.sent
    assert relay.uri == DESTINATIONS[0].replace("sip:", "sip:+15551234@")
    assert "Replaces" not in node.scene.request.removed
    assert CallNote.unpack(node.scene.transaction.notes[NAME]).callee_trunk == "carrier"


@pytest.mark.parametrize("dials", ["101", "x7f3a", "*87", "+15551234", ""])
def test_given_the_contact_of_who_stays_when_a_transfer_leads_there_then_his_phones_get_it(
    dials: str, tmp_path: Path
) -> None:
    """RFC 5589 §7.3: what the URI says counts for nothing."""
    node = Node(tmp_path, sends(dials, ruri_host="192.0.2.1"))
    node.dialogs.found = Confirmed("101", "", Standing.SENT)
    node.route()
    (relay,) = node.scene.transaction.sent
    assert relay.branches == (f"101@{DOMAIN}",)


@pytest.mark.parametrize(
    ("dials", "found", "sent_to"),
    [
        ("101", Confirmed("101", "", Standing.STRANGER), None),
        ("x", Confirmed("", "", Standing.SENT), None),
        ("x", Confirmed(CARRIER, "", Standing.SENT), None),
        ("+15551234", Confirmed(trunk_party("rival"), "", Standing.SENT), None),
        ("+15551234", Confirmed(CARRIER, "", Standing.SENT), "sip:+15551234@192.0.2.200:5060"),
    ],
)
def test_given_a_contact_when_it_is_no_phone_of_an_extension_then_only_a_number_of_its_trunk_leads_there(
    dials: str, found: Confirmed, sent_to: str | None, tmp_path: Path
) -> None:
    node = Node(tmp_path, sends(dials, ruri_host="192.0.2.1"))
    node.dialogs.found = found
    if sent_to is None:
        refused(node, NotAuthorized)
    else:
        node.route()
        assert [relay.uri for relay in node.scene.transaction.sent] == [sent_to]


def test_given_a_contact_without_a_replaces_when_it_is_called_then_calls_do_not_leave_their_domain(
    tmp_path: Path,
) -> None:
    for request in (
        invite("101", ruri_host="192.0.2.1"),
        invite("*87", ruri_host="192.0.2.1"),
        FakeMessage("MESSAGE", ruri_user="101", ruri_host="192.0.2.1", headers=[("Replaces", NAMED)]),
    ):
        assert refused(Node(tmp_path, request), NotAuthorized).status == 403


def test_given_nobody_registered_when_who_stays_is_to_be_rung_then_480(tmp_path: Path) -> None:
    node = Node(tmp_path, sends("104"))
    node.dialogs.found = Confirmed("104", "", Standing.PARTY)
    assert refused(node, NotReachable).status == 480


@pytest.mark.parametrize("dials", ["+15550100", "+15550170"])
def test_given_a_trunk_s_caller_who_was_sent_when_his_trunk_replaces_then_who_stays_is_rung(
    dials: str, tmp_path: Path
) -> None:
    trunking = Trunking(tmp_path, by_trunk(dials=dials))
    trunking.dialogs.found = Confirmed("101", "700", Standing.SENT)
    trunking.accept()
    (relay,) = trunking.scene.transaction.sent
    assert relay.branches == (f"101@{DOMAIN}",)
    assert (trunking.tracking.placed, trunking.note.caller_trunk, trunking.note.number) == ([], "carrier", "")
    assert trunking.scene.proxy.recorded == [DOMAIN]

    trunking.scene.reply(200, to_tag="t")
    trunking.calls.replied()
    ((_, _, answer),) = trunking.tracking.named("answered")
    assert (answer.parties.caller, answer.parties.callee, answer.parties.callee_tag) == (  # type: ignore[attr-defined]
        *(CARRIER, "101", "t"),
    )
    assert answer.callee.flow == CALLEE_FLOW.device  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("request_", "found", "error", "status"),
    [
        (by_trunk(), None, NoSuchDialog, 481),
        (by_trunk(), Confirmed("101", "", Standing.STRANGER), NotAuthorized, 403),
        (by_trunk(), Confirmed("104", "", Standing.SENT), NotAuthorized, 403),
        (by_trunk(), Confirmed("", "101", Standing.SENT), NotAuthorized, 403),
        (by_trunk(NAMED + ";early-only"), Confirmed("101", "", Standing.PARTY), AnsweredBefore, 486),
        (by_trunk(dials="101"), Confirmed("101", "", Standing.PARTY), NoSuchAccount, 404),
    ],
)
def test_given_anything_else_of_a_trunk_when_it_replaces_then_it_is_refused_and_nothing_is_written_down(
    request_: FakeMessage, found: Confirmed | None, error: type[RequestRefused], status: int, tmp_path: Path
) -> None:
    trunking = Trunking(tmp_path, request_)
    trunking.dialogs.found = found
    with pytest.raises(error) as refusal:
        trunking.accept()
    assert (refusal.value.status, bool(refusal.value.warning)) == (status, True)
    assert (trunking.sent, trunking.tracking.told, trunking.record.events) == ([], [], [])
