"""Two workers whose words reach the store in the wrong order, and words that come twice."""

from __future__ import annotations

import pytest

from tests.store.scene import MARK_MS, PICKER, Scene, phone
from tests.support.until import until


def test_given_a_call_that_ended_before_it_was_entered_when_both_are_done_then_nothing_is_left(
    scene: Scene,
) -> None:
    call = scene.dialog()
    assert scene.ended(call) == ""
    assert 0 < scene.left()[f"call:{call.key}"] <= MARK_MS
    scene.ring(dialog=call)
    assert scene.left() == {}


def test_given_a_phone_that_rings_before_the_call_is_entered_when_both_are_done_then_its_early_dialog_is_known(
    scene: Scene,
) -> None:
    call = scene.dialog()
    scene.rings(call, 0, "bob")
    assert scene.pick() is None
    assert 0 < scene.left()[f"call:{call.key}"] <= MARK_MS
    scene.ring(dialog=call)
    claim = scene.pick()
    assert claim is not None
    assert claim.call.early_tags == ("bob",)


def test_given_a_call_that_was_answered_before_it_was_entered_when_both_are_done_then_only_the_dialog_is_left(
    scene: Scene,
) -> None:
    call = scene.dialog()
    scene.answered(call, phone(5061), phone(5062))
    scene.ring(dialog=call)
    assert set(scene.left()) == {
        f"talk:{call.key}",
        f"device:{phone(5061).flow}",
        f"device:{phone(5062).flow}",
    }
    assert scene.pick() is None


def test_given_the_mark_of_an_early_end_when_the_call_is_searched_or_surveyed_then_it_is_not_there(
    scene: Scene,
) -> None:
    call = scene.dialog()
    scene.ended(call)
    scene.rings(call, 0, "bob")
    scene.branch_failed(call, 0)
    assert scene.stage(call, ("101",))
    assert scene.pick() is None
    assert scene.seen() == {}
    assert scene.redis.hgetall(f"s87:{{{scene.domain}}}:call:{call.key}") == {b"gone": b"1", b"o": b"", b"h": b""}


def test_given_the_mark_of_an_early_end_when_it_has_expired_then_the_name_may_be_used_again(
    scene: Scene,
) -> None:
    call = scene.dialog()
    scene.ended(call)
    scene.redis.pexpire(f"s87:{{{scene.domain}}}:call:{call.key}", 20)
    until(lambda: not scene.left(), what="the mark expires")
    scene.ring(dialog=call)
    assert scene.picked_up() == call


def test_given_a_call_that_was_answered_when_its_200_is_repeated_then_nothing_changes(scene: Scene) -> None:
    call = scene.ring()
    scene.answered(call, phone(5061), phone(5062))
    scene.renewed((call, scene.dialog()), phone(5062, on_hold=True))
    before = set(scene.left())
    scene.answered(call, phone(5061), phone(5062))
    assert set(scene.left()) == before
    waiting = scene.ring()
    assert scene.picked_up(device=phone(5062).flow) == waiting, "a repeated 200 must not undo the hold"


def test_given_a_call_that_was_answered_when_its_end_is_told_as_well_then_the_dialog_stays(
    scene: Scene,
) -> None:
    call = scene.ring()
    scene.answered(call, phone(5061), phone(5062))
    before = set(scene.left())
    assert scene.ended(call) == ""
    assert set(scene.left()) == before


@pytest.mark.parametrize("dialled", ["", "101"])
def test_given_a_call_that_ended_when_it_is_told_again_then_no_one_had_claimed_it(scene: Scene, dialled: str) -> None:
    call = scene.ring("101")
    scene.pick(dialled)
    assert scene.ended(call) == PICKER
    assert scene.ended(call) == ""
    assert scene.seen() == {}


def test_given_an_old_call_that_ended_first_when_the_pickup_is_told_then_the_new_dialog_is_known_all_the_same(
    scene: Scene,
) -> None:
    old = scene.ring()
    scene.pick()
    scene.ended(old)
    new = scene.picked(old, picker=phone(5070))
    assert {f"talk:{new.key}", f"device:{phone(5070).flow}"} <= set(scene.left())
    assert scene.seen() == {}


def test_given_a_pickup_that_is_told_twice_when_it_is_over_then_it_is_over(scene: Scene) -> None:
    old = scene.ring("101")
    scene.pick()
    new = scene.dialog()
    for _ in range(2):
        scene.picked(old, new=new, picker=phone(5070), called=phone(5071))
    scene.ended(old)
    scene.over((new, scene.dialog()))
    assert scene.lasting() == {"taken:101"}
