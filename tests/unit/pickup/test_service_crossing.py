"""The caller's device takes the picker while the callee answers: what else is still alive of the old call ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.dialogs.far_end import FarEnd
from kemi.pickup.claim import Outcome
from kemi.sip.dialog import DialogId
from tests.support.fake_sip import CALLEE_CONTACT, CALLEE_FLOW, FLOW
from tests.unit.pickup.conftest import Pickup
from tests.unit.pickup.test_service import line

Make = Callable[..., Pickup]
OLD = DialogId("a", "a-caller")
CALLEE = FarEnd(
    "a", "<sip:104@x>;tag=a-caller", "<sip:101@x>;tag=bob", 7, CALLEE_CONTACT, str(CALLEE_FLOW), ("<sip:far;lr>",)
)


def taken(pickup: Make, outcome: Outcome = Outcome.DONE, callee: str = "") -> Pickup:
    dialling = pickup(*line("a", routes=("<sip:edge;lr>",)))
    dialling.store.outcome = (outcome, callee)
    dialling.dial()
    dialling.succeeds()
    return dialling


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.LOST])
def test_given_a_pickup_that_is_made_when_the_callee_has_not_answered_then_his_answer_is_refused_from_now_on(
    outcome: Outcome, pickup: Make
) -> None:
    """LOST: the caller's device has ended the old call already. The pickup is made all the same."""
    dialling = taken(pickup, outcome)
    assert dialling.scene.marks.refused == [(OLD, "")]
    assert dialling.scene.spiral.begun == []
    assert dialling.record.outcomes() == [("picked_up", 200)]


def test_given_a_callee_whose_answer_had_reached_the_caller_when_the_pickup_is_made_then_both_ends_of_it_are_ended(
    pickup: Make,
) -> None:
    dialling = taken(pickup, Outcome.CROSSED, CALLEE.pack())
    other = CALLEE.other_end("sip:a@192.0.2.4", str(FLOW), ("<sip:edge;lr>",))
    assert dialling.scene.spiral.begun == [
        ("BYE", CALLEE_CONTACT, CALLEE_FLOW, CALLEE.headers("BYE")),
        ("BYE", "sip:a@192.0.2.4", FLOW, other.headers("BYE")),
    ]
    assert dialling.scene.marks.refused == [(OLD, "")]
    assert dialling.record.outcomes() == [("picked_up", 200)]


def test_given_a_200_that_is_repeated_when_the_callee_s_call_was_ended_then_it_is_ended_once(pickup: Make) -> None:
    dialling = taken(pickup, Outcome.CROSSED, CALLEE.pack())
    dialling.succeeds()
    assert dialling.scene.spiral.methods == ["BYE", "BYE"]
    assert len(dialling.scene.marks.refused) == 1


def test_given_a_store_that_is_away_when_the_pickup_is_made_then_it_stands_and_later_answers_are_refused(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    dialling.store.away.add("picked")
    dialling.succeeds()
    assert dialling.scene.marks.refused == [(OLD, "")]
    assert dialling.scene.spiral.begun == []
    assert dialling.record.outcomes() == [("picked_up", 200)]


def test_given_a_pickup_that_is_refused_when_the_call_rings_on_then_its_callee_may_answer(pickup: Make) -> None:
    dialling = pickup(*line("a", "b"))
    dialling.dial()
    dialling.fails(603)
    assert dialling.scene.marks.refused == []
