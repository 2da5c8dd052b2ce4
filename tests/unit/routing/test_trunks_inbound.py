"""What a trunk may ask for: calls to its DIDs, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.errors import MalformedReplaces, MethodNotAllowed, NoSuchAccount, NoSuchDialog, NotAuthorized, RequestRefused
from kemi.routing.trunks import domain_of_did
from kemi.sip.flow import Flow
from kemi.sip.ports import Callback
from tests.support.fake_sip import DOMAIN, FakeMessage
from tests.unit.routing.trunking import Trunking, from_the_carrier

ELSEWHERE = Flow("udp", "192.0.2.200", 5061, "udp:192.0.2.1:5060")


@pytest.mark.parametrize(("dialled", "account"), [("+15550100", "101"), ("%2B15550170;x=y", "700")])
def test_given_a_did_when_a_trunk_calls_it_then_its_account_is_rung_for_a_caller_who_is_no_extension(
    dialled: str, account: str, tmp_path: Path
) -> None:
    request = from_the_carrier(dialled, from_user="104", from_host=DOMAIN)
    trunking = Trunking(tmp_path, request)
    trunking.accept()

    (placed,) = trunking.tracking.placed
    assert (placed.number, placed.domain, placed.caller.number) == (account, DOMAIN, "")
    assert (trunking.note.number, trunking.note.caller_number, trunking.note.device) == (account, "", "")
    (relay,) = trunking.scene.transaction.sent
    assert (relay.branches, relay.failure) == ((f"101@{DOMAIN}",), Callback.CALL_FAILURE)
    assert (trunking.scene.proxy.recorded, "Route" in request.removed) == ([DOMAIN], True)


@pytest.mark.parametrize(
    ("request_", "refusal", "status"),
    [
        (from_the_carrier("101"), NoSuchAccount, 404),
        (from_the_carrier("+15550101"), NoSuchAccount, 404),
        (from_the_carrier("*87101"), NoSuchAccount, 404),
        (from_the_carrier(ruri_host="elsewhere.example.com"), NoSuchAccount, 404),
        (from_the_carrier(method="MESSAGE"), MethodNotAllowed, 405),
        (from_the_carrier(method="REGISTER"), MethodNotAllowed, 405),
        (from_the_carrier(headers=[("Replaces", "x")]), MalformedReplaces, 400),
        (from_the_carrier(headers=[("Replaces", "x;to-tag=1;from-tag=2")]), NoSuchDialog, 481),
        (from_the_carrier("101", headers=[("Replaces", "x;to-tag=1;from-tag=2")]), NoSuchAccount, 404),
        (from_the_carrier(headers=[("Join", "x")]), NotAuthorized, 403),
    ],
)
def test_given_anything_else_when_a_trunk_asks_for_it_then_it_is_refused_and_says_why(
    request_: FakeMessage, refusal: type[RequestRefused], status: int, tmp_path: Path
) -> None:
    trunking = Trunking(tmp_path, request_)
    with pytest.raises(refusal) as refused:
        trunking.accept()
    assert refused.value.status == status
    assert refused.value.warning
    assert (trunking.sent, trunking.tracking.told, trunking.scene.proxy.recorded) == ([], [], [])


def test_given_a_request_for_this_node_s_address_when_it_names_a_did_then_the_did_counts(tmp_path: Path) -> None:
    trunking = Trunking(tmp_path, from_the_carrier(ruri_host="192.0.2.1", ruri_is_here=True))
    trunking.accept()
    assert [placed.number for placed in trunking.tracking.placed] == ["101"]


@pytest.mark.parametrize(("privacy", "is_hidden"), [("id", True), ("none", False)])
def test_given_a_caller_who_asks_for_privacy_when_his_call_comes_in_then_the_phones_are_not_told_who_calls(
    privacy: str, is_hidden: bool, tmp_path: Path
) -> None:
    """RFC 3325 §7."""
    request = from_the_carrier(headers=[("P-Asserted-Identity", "<sip:+1@a.example>"), ("Privacy", privacy)])
    Trunking(tmp_path, request).accept()
    assert ("P-Asserted-Identity" in request.removed) is is_hidden


def test_given_a_request_for_a_did_when_its_tenant_is_asked_then_it_is_known_only_if_the_trunk_sent_it(
    tmp_path: Path,
) -> None:
    directory = Trunking(tmp_path, from_the_carrier()).directory
    assert domain_of_did(directory, from_the_carrier()) == DOMAIN
    assert domain_of_did(directory, from_the_carrier(flow=ELSEWHERE)) == ""
    assert domain_of_did(directory, from_the_carrier("101")) == ""
