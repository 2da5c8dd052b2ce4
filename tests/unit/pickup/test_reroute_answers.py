"""The device that dialled answers the caller's INVITE, or does not: what that comes to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kemi.accounts.model import Kind
from kemi.dialogs.tracking import Device
from kemi.errors import NotTaken
from kemi.pickup.attempt import Attempt
from kemi.pickup.claim import Outcome
from kemi.pickup.event import PICKED_UP
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from tests.support.fake_sip import CALLEE_CONTACT, CALLEE_FLOW, DOMAIN, FLOW
from tests.unit.pickup.conftest import PICKER_FLOW
from tests.unit.pickup.rerouting import Sent

HOLD = "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"
Make = Callable[..., Sent]


@pytest.fixture
def sent(tmp_path: Path) -> Make:
    def make(**more: object) -> Sent:
        return Sent(tmp_path, **more)  # type: ignore[arg-type]

    return make


# replied


def test_given_the_picker_s_200_when_it_passes_then_the_pickup_is_done_shown_written_down_and_later_answers_refused(
    sent: Make,
) -> None:
    call = sent()
    call.arrives()
    added = call.answers(body=HOLD)
    assert added == [f'P-Asserted-Identity: "Carol" <sip:103@{DOMAIN}>']
    assert {"P-Asserted-Identity", "P-Preferred-Identity"} <= set(call.scene.at_hand.removed)
    dialog = call.call.caller.dialog
    assert call.scene.transaction.seen_to_end == [200]
    (picked,) = call.picks
    assert picked.dialog == dialog, "the caller's own call is the one that they talk in"
    assert (picked.picker, picked.caller) == (Device(PICKER_FLOW.device, True), Device(FLOW.device))
    assert (picked.agents, picked.group) == (("103", "104"), "")
    assert call.scene.marks.refused == [(dialog, "carol")]
    assert call.scene.spiral.begun == []
    (event,) = call.record.events
    assert (event.outcome, event.mode, event.picker, event.account, event.tried) == (
        PICKED_UP,
        "reroute",
        "103",
        "700",
        1,
    )


def test_given_a_200_that_is_repeated_when_it_passes_then_it_is_shown_again_and_done_once(sent: Make) -> None:
    call = sent()
    call.arrives()
    for _ in range(3):
        assert len(call.answers()) == 1
    assert (len(call.picks), len(call.record.events), len(call.scene.marks.refused)) == (1, 1, 1)


@pytest.mark.parametrize("status", [100, 180, 183, 302, 486, 603])
def test_given_another_reply_of_the_picker_s_device_when_it_passes_then_nothing_is_done(
    status: int, sent: Make
) -> None:
    call = sent()
    call.arrives()
    assert call.answers(status) == []
    assert (call.picks, call.record.events, call.scene.marks.refused) == ([], [], [])


def test_given_a_caller_from_a_trunk_when_picked_up_then_nobody_asks_for_the_hold_of_its_address(sent: Make) -> None:
    call = sent(caller_number="")
    call.arrives()
    call.answers()
    assert call.picks[0].caller == Device("")
    assert call.picks[0].agents == ("103",)


def test_given_a_caller_of_an_agent_group_when_picked_up_then_the_store_hears_whose_caller_it_was(sent: Make) -> None:
    call = sent(number="800", kind=Kind.AGENT_GROUP)
    call.arrives()
    call.answers()
    assert call.picks[0].group == "800"


def test_given_a_call_that_was_faster_when_the_picker_s_device_answers_then_its_answer_is_ended_here(
    sent: Make,
) -> None:
    call = sent()
    call.arrives()
    call.store.outcome = (Outcome.LOST, "")
    call.answers()
    dialog = DialogId(call.call.caller.dialog.call_id, call.call.caller.dialog.caller_tag)
    assert call.scene.spiral.methods == ["ACK", "BYE"]
    assert {(uri, hop) for _, uri, hop, _ in call.scene.spiral.begun} == {(CALLEE_CONTACT, CALLEE_FLOW)}
    assert call.scene.marks.refused_one == [(dialog, "carol")], "only this answer: another's may be relayed"
    assert call.scene.marks.refused == []
    assert call.record.outcomes() == [("lost", 480)]


def test_given_a_store_that_is_away_when_the_picker_s_device_answers_then_the_answer_passes(sent: Make) -> None:
    """Nobody can tell who was first; the caller's transaction takes the first answer that comes."""
    call = sent()
    call.arrives()
    call.store.away.add("picked")
    assert len(call.answers()) == 1
    assert call.scene.spiral.begun == []
    assert call.record.outcomes() == [("picked_up", 480)]


# failed


@pytest.mark.parametrize("status", [408, 480, 486, 503, 603])
def test_given_a_device_that_does_not_take_the_call_when_its_branch_ends_then_the_call_rings_on_unclaimed(
    status: int, sent: Make
) -> None:
    call = sent()
    call.arrives()
    with pytest.raises(NotTaken) as refused:
        call.fails(status)
    assert refused.value.status == 599, "an answer that every other branch's goes before"
    assert call.store.released == [call.call.key]
    assert (call.store.held, call.store.offers) == ({}, {})
    assert call.record.outcomes() == [("not_taken", 480)]
    assert call.picks == []


def test_given_a_waiting_caller_when_the_device_does_not_take_him_then_his_own_transaction_gives_the_claim_back(
    sent: Make,
) -> None:
    call = sent(number="800", kind=Kind.AGENT_GROUP, waiting=True)
    call.arrives()
    with pytest.raises(NotTaken):
        call.fails(408)
    assert call.store.released == [], "before it is suspended it could not be resumed for the next picker"


def test_given_a_caller_who_gives_up_or_whom_another_answers_when_the_branch_is_cancelled_then_the_pickup_is_lost(
    sent: Make,
) -> None:
    call = sent()
    call.arrives()
    call.fails(487, cancelled=True)
    assert call.store.released == [call.call.key]
    assert call.record.outcomes() == [("lost", 480)]


def test_given_what_the_spiral_carries_when_read_back_then_it_is_the_picker_s_device_and_his_call(sent: Make) -> None:
    call = sent()
    attempt = Attempt.unpack(call.store.offers[call.call.key])
    assert attempt.target is not None
    assert Flow.parse(attempt.flow) == PICKER_FLOW
    assert (attempt.target.key, attempt.target.shown_for) == (call.call.key, "Sales")
