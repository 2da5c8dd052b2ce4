"""A call that leaves by a trunk: who is named, and when the next destination's turn has come."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.routing.trunks import TrunkUnavailable
from kemi.settings import Settings
from kemi.sip.ports import Callback
from tests.support.fake_sip import DOMAIN, invite
from tests.unit.routing.trunking import DESTINATIONS, Trunking

AT_EACH = ["sip:+1555@192.0.2.200:5060", "sip:+1555@192.0.2.201;transport=tcp", "sip:+1555@192.0.2.202"]


@pytest.fixture
def trunking(tmp_path: Path) -> Trunking:
    """104 calls a number that leaves by the trunk."""
    return Trunking(tmp_path, invite("+1-555"))


def test_given_an_outgoing_call_when_sent_then_the_number_goes_to_the_first_destination_and_it_learns_who_calls(
    trunking: Trunking,
) -> None:
    trunking.send()
    (relay,) = trunking.scene.transaction.sent
    assert (relay.uri, relay.flow, relay.branches) == (AT_EACH[0], None, ())
    assert trunking.scene.request.appended == [f'P-Asserted-Identity: "Dave" <sip:104@{DOMAIN}>']
    assert trunking.tracking.placed == []


def test_given_any_destination_when_sent_there_then_its_answers_come_back_to_the_trunk_and_its_silence_is_short(
    trunking: Trunking,
) -> None:
    trunking.send()
    trunking.fails(500)
    for relay in trunking.scene.transaction.sent:
        assert (relay.reply, relay.failure) == (Callback.CALL_REPLY, Callback.GATEWAY_FAILURE)
        assert relay.silence_ms == Settings().gateway_silence_ms
    assert len(trunking.sent) == 2


@pytest.mark.parametrize("dialled", ["0015551234", "101", "+1@x", ""])
def test_given_a_number_without_a_trunk_when_asked_then_no_way_leads_out(trunking: Trunking, dialled: str) -> None:
    assert trunking.trunks.leads_out(dialled) is None


@pytest.mark.parametrize(
    ("status", "silent", "retry_after", "goes_on", "is_down"),
    [
        (408, True, "", True, True),
        (408, False, "", False, False),
        (503, False, "", True, False),
        (503, False, "30", True, True),
        (500, False, "", True, False),
        (500, False, "30", True, False),
        (502, False, "", True, False),
        (504, False, "", True, False),
        (501, False, "", False, False),
        (486, False, "30", False, False),
        (603, False, "", False, False),
        (302, False, "", False, False),
    ],
)
def test_given_a_destination_when_it_ends_the_call_then_the_next_one_s_turn_comes_only_if_the_server_failed(
    trunking: Trunking, status: int, silent: bool, retry_after: str, goes_on: bool, is_down: bool
) -> None:
    """RFC 3263 §4.3, RFC 3261 §21.5."""
    trunking.send()
    trunking.fails(status, silent=silent, retry_after=retry_after)
    assert trunking.sent == AT_EACH[: 2 if goes_on else 1]
    assert trunking.scene.transaction.dropped == int(goes_on)
    assert trunking.gateways.down == ([DESTINATIONS[0]] if is_down else [])
    assert trunking.scene.transaction.replies == []


def test_given_a_destination_that_is_down_when_another_call_is_sent_then_it_is_passed_over(trunking: Trunking) -> None:
    trunking.gateways.down.append(DESTINATIONS[0])
    trunking.send()
    assert trunking.sent == AT_EACH[1:2]


def test_given_every_destination_when_each_fails_then_503_names_the_trunk(trunking: Trunking) -> None:
    trunking.send()
    trunking.fails(408, silent=True)
    trunking.fails(500)
    assert trunking.sent == AT_EACH
    with pytest.raises(TrunkUnavailable, match="carrier") as refused:
        trunking.fails(408, silent=True)
    assert refused.value.status == 503
    assert trunking.gateways.down == [DESTINATIONS[0], DESTINATIONS[2]]


def test_given_a_caller_who_gave_up_when_the_call_ends_then_no_other_destination_is_tried(trunking: Trunking) -> None:
    trunking.send()
    trunking.fails(408, silent=True, cancelled=True)
    assert trunking.sent == AT_EACH[:1]
    assert trunking.gateways.down == []


def test_given_a_destination_that_cannot_be_sent_to_when_it_is_its_turn_then_the_next_is_tried_at_once(
    trunking: Trunking,
) -> None:
    trunking.scene.transaction.relays_fail = 1
    trunking.send()
    assert trunking.sent == AT_EACH[1:2]
    assert trunking.gateways.down == [DESTINATIONS[0]]


def test_given_no_destination_that_can_be_sent_to_when_sent_then_503_and_the_stack_answers_nothing(
    trunking: Trunking,
) -> None:
    trunking.scene.transaction.relays_fail = len(DESTINATIONS)
    with pytest.raises(TrunkUnavailable):
        trunking.send()
    assert (trunking.sent, trunking.scene.transaction.answered_failures) == ([], 0)
    assert trunking.gateways.down == list(DESTINATIONS)
