"""Answers to a call that is somebody else's already: acknowledged each time, ended once, relayed never."""

from __future__ import annotations

from kemi.dialogs.far_end import FarEnd
from kemi.sip.dialog import DialogId
from tests.support.fake_sip import CALLEE_CONTACT, CALLEE_FLOW, FakeScene, invite

DIALOG = DialogId("call-1", "caller-tag")
OURS, EDGE = "<sip:192.0.2.1;lr;tenant=x.y>", "<sip:edge;lr>"


def scene() -> FakeScene:
    return FakeScene(invite())


def test_given_a_call_that_is_taken_when_refused_then_every_answer_is_but_the_winner_s() -> None:
    at_hand = scene()
    at_hand.late_answers.refuse(DIALOG)
    at_hand.late_answers.refuse(DIALOG, winner="carol")
    assert at_hand.marks.refused == [(DIALOG, ""), (DIALOG, "carol")]
    assert at_hand.spiral.begun == []


def test_given_a_refused_answer_when_it_arrives_then_it_is_acknowledged_and_ended_at_its_own_phone() -> None:
    at_hand = scene()
    at_hand.reply(200, to_tag="bob", routes=(EDGE, OURS))
    at_hand.late_answers.arrived()
    far = FarEnd.of(at_hand.at_hand)
    assert at_hand.spiral.begun == [
        ("ACK", CALLEE_CONTACT, CALLEE_FLOW, far.headers("ACK")),
        ("BYE", CALLEE_CONTACT, CALLEE_FLOW, far.headers("BYE")),
    ]


def test_given_a_refused_answer_that_is_repeated_when_it_arrives_then_each_is_acknowledged_and_it_ends_once() -> None:
    at_hand = scene()
    for _ in range(3):
        at_hand.reply(200, to_tag="bob")
        at_hand.late_answers.arrived()
    assert at_hand.spiral.methods == ["ACK", "BYE", "ACK", "ACK"]


def test_given_two_phones_that_answer_late_when_both_arrive_then_each_is_ended() -> None:
    at_hand = scene()
    for tag in ("bob", "erin"):
        at_hand.reply(200, to_tag=tag)
        at_hand.late_answers.arrived()
    assert at_hand.spiral.methods == ["ACK", "BYE"] * 2
    assert [headers[1].rpartition("=")[2] for *_, headers in at_hand.spiral.begun] == ["bob", "bob", "erin", "erin"]


def test_given_an_answer_that_went_by_way_of_this_node_when_it_arrives_again_then_it_was_ended_there() -> None:
    at_hand = scene()
    at_hand.spiral.answers_from_here = True
    at_hand.reply(200, to_tag="carol")
    at_hand.late_answers.arrived()
    assert at_hand.spiral.begun == []


def test_given_an_answer_at_hand_that_comes_too_late_when_ended_then_its_repetitions_are_not_ended_again() -> None:
    at_hand = scene()
    at_hand.reply(200, to_tag="carol")
    at_hand.late_answers.end_this()
    assert at_hand.spiral.methods == ["ACK", "BYE"]
    assert at_hand.marks.refused_one == [(DIALOG, "carol")]
    at_hand.late_answers.arrived()
    assert at_hand.spiral.methods == ["ACK", "BYE", "ACK"]
