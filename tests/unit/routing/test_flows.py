"""Whose Contact is kept with its flow: that of phones, in requests and answers; never a trunk's or a stranger's."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from kemi.accounts.model import Forward
from kemi.errors import PickupRefused
from kemi.routing.trunks import TrunkUnavailable
from kemi.sip.ports import Callback
from tests.support.directories import extension
from tests.support.fake_sip import DOMAIN, FLOW, FakeMessage, invite
from tests.unit.routing.conftest import VOICEMAIL, Maker
from tests.unit.routing.node import Node
from tests.unit.routing.trunking import CARRIER


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        (invite(), 1),
        (invite("*87101"), 1),
        (invite("+15551234"), 1),
        (FakeMessage("REFER", ruri_user="101"), 1),
        (FakeMessage("MESSAGE", ruri_user="101"), 0),
    ],
)
def test_given_an_extension_s_request_when_it_may_form_a_dialog_then_its_contact_is_kept_with_its_flow(
    request_: FakeMessage, kept: int, tmp_path: Path
) -> None:
    with suppress(PickupRefused, TrunkUnavailable):
        Node(tmp_path, request_).route()
    assert request_.kept_flow == kept


def test_given_a_trunk_s_call_when_routed_then_its_contact_is_left_alone(tmp_path: Path) -> None:
    request = invite("+15550100", flow=CARRIER)
    Node(tmp_path, request).route()
    assert request.kept_flow == 0


@pytest.mark.parametrize(("status", "kept"), [(180, 1), (200, 1), (486, 0)])
def test_given_an_extension_s_phone_when_it_answers_then_its_contact_is_kept_with_its_flow(
    status: int, kept: int, placing: Maker
) -> None:
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    call.replies(status)
    assert call.scene.message().kept_flow == kept


def test_given_a_forward_outside_when_it_is_answered_then_its_contact_is_left_alone(placing: Maker) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)))
    call.place("101")
    call.replies(200)
    assert call.scene.message().kept_flow == 0


@pytest.mark.parametrize(("flow", "kept"), [(FLOW, 1), (CARRIER, 0)])
def test_given_a_reinvite_and_its_answer_when_they_pass_then_a_phone_s_contact_is_kept_and_a_trunk_s_is_not(
    flow: object, kept: int, tmp_path: Path
) -> None:
    request = invite(to_tag="b", flow=flow)
    node = Node(tmp_path, request)
    node.scene.proxy.route_tenant = DOMAIN
    node.route()
    assert request.kept_flow == kept

    answer = node.scene.reply(200, to_tag="b")
    answer.flow = flow  # type: ignore[assignment]
    node.in_dialog.renewed()
    assert answer.kept_flow == kept


@pytest.mark.parametrize(("status", "kept"), [(202, 1), (481, 0)])
def test_given_a_subscription_when_it_is_answered_then_the_phone_s_contact_is_kept_with_its_flow(
    status: int, kept: int, tmp_path: Path
) -> None:
    node = Node(tmp_path, FakeMessage("REFER", ruri_user="101"))
    node.route()
    (relay,) = node.scene.transaction.sent
    assert relay.reply == Callback.PASSED_REPLY
    answer = node.scene.reply(status, to_tag="b")
    node.in_dialog.passed()
    assert answer.kept_flow == kept
