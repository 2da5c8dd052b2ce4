"""A callee answers a call that somebody picks up, or has picked up: who is told, and what must not reach the caller."""

from __future__ import annotations

import pytest

from kemi.dialogs.far_end import FarEnd
from kemi.dialogs.tracking import Answer
from kemi.sip.dialog import DialogId
from tests.support.directories import agent_group, extension
from tests.support.fake_sip import CALLEE_CONTACT, CALLEE_FLOW, DOMAIN, FakeMessage
from tests.unit.routing.conftest import DIALOG, Maker, Placing

ROUTES = ("<sip:edge;lr>", "<sip:192.0.2.1;lr;tenant=x.y>")


def rings(placing: Maker) -> Placing:
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    return call


def test_given_an_answer_when_it_passes_then_the_store_hears_what_it_takes_to_end_it(placing: Maker) -> None:
    call = rings(placing)
    message = call.scene.reply(200, to_tag="bob", routes=ROUTES)
    call.calls.replied()
    ((domain, dialog, answer),) = call.tracking.named("answered")
    assert (domain, dialog) == (DOMAIN, DIALOG)
    assert isinstance(answer, Answer)
    far = FarEnd.unpack(answer.callee_end)
    assert far == FarEnd.of(message)
    assert (far.target, far.next_hop, far.routes) == (CALLEE_CONTACT, CALLEE_FLOW, ROUTES[:1])


@pytest.mark.parametrize("winner", [None, "bob"])
def test_given_an_answer_that_is_in_time_when_it_passes_then_nothing_is_ended(
    placing: Maker, winner: str | None
) -> None:
    call = rings(placing)
    if winner is not None:
        call.scene.late_answers.contest(DIALOG)
        call.scene.marks.wins(DIALOG, winner)
    call.replies(200, tag="bob")
    call.scene.late_answers.acknowledged(FakeMessage("ACK", to_tag="bob"))
    assert call.scene.spiral.begun == []
    assert (call.scene.marks.refused, call.scene.marks.refused_one) == ([], [])


def test_given_a_call_that_a_picker_has_when_the_callee_answers_then_his_dialog_ends_once_it_is_acknowledged(
    placing: Maker,
) -> None:
    call = rings(placing)
    call.scene.late_answers.refuse(DIALOG)
    call.replies(200, tag="bob")
    assert call.scene.spiral.begun == [], "it would overtake the answer"
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]
    call.scene.late_answers.acknowledged(FakeMessage("ACK", to_tag="bob"))
    callee, caller = call.scene.spiral.begun
    assert callee[:3] == ("BYE", CALLEE_CONTACT, CALLEE_FLOW)
    assert "CSeq: 2 BYE" in callee[3]
    assert caller[:3] == ("BYE", *call.scene.transaction.caller_end)
    call.scene.late_answers.acknowledged(FakeMessage("ACK", to_tag="bob"))
    assert len(call.scene.spiral.begun) == 2


@pytest.mark.parametrize("status", [100, 180, 200, 486, 599])
def test_given_the_picker_s_device_when_it_replies_to_the_caller_s_invite_then_it_is_no_callee_of_the_call(
    placing: Maker, status: int
) -> None:
    """What becomes of it is told by the transaction that was spiralled; its tag is no early dialog to be replaced."""
    call = rings(placing)
    call.scene.spiral.answers_from_here = True
    taken: list[tuple[str, DialogId]] = []
    call.calls.taken = lambda domain, dialog: taken.append((domain, dialog))
    call.replies(status, tag="carol", branch=1)
    assert call.tracking.told == [("enter", "101", ("101",))]
    assert call.scene.spiral.begun == []
    assert taken == ([(DOMAIN, DIALOG)] if status == 200 else [])


def test_given_a_caller_who_waits_when_a_picker_s_device_rings_then_the_group_hears_of_no_agent(placing: Maker) -> None:
    call = placing(agent_group("800", "105"), registered=("105",))
    call.place("800")
    call.scene.spiral.answers_from_here = True
    told = list(call.tracking.told)
    call.replies(180, tag="carol", branch=1)
    call.replies(200, tag="carol", branch=1)
    assert call.tracking.told == told
