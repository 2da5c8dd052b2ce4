"""The caller's phone takes a picker while the callee answers: what each side finds out."""

from __future__ import annotations

from kemi.pickup.claim import Outcome
from kemi.sip.dialog import DialogId
from tests.store.scene import END, MARK_MS, PICKER, Answered, Scene, phone
from tests.support.until import until

# The caller's phone takes the picker (Replaces)


def test_given_a_claimed_call_when_the_callee_answers_then_the_answer_is_done_and_left_for_the_picker_to_find(
    scene: Scene, claimed: DialogId
) -> None:
    assert scene.answered(claimed, phone(5061), phone(5062), callee_end=END) is Answered.DONE
    assert scene.connected(claimed, new=scene.dialog(), picker=phone(5070)) == (Outcome.CROSSED, END)


def test_given_a_caller_s_phone_that_took_both_when_it_is_found_out_then_only_the_pickup_is_remembered(
    scene: Scene, claimed: DialogId
) -> None:
    scene.answered(claimed, phone(5061), phone(5062), callee_end=END)
    new = scene.dialog()
    scene.connected(claimed, new=new, picker=phone(5070), called=phone(5061))
    assert scene.answered(claimed, phone(5061), phone(5062)) is Answered.PICKED_UP, "a 200 that is repeated"
    devices = {f"device:{phone(port).flow}" for port in (5061, 5070)}
    assert scene.lasting() == {"taken:101", f"talk:{new.key}", *devices}, "the callee who lost the call talks to nobody"
    assert scene.ends_with(new) == {"taken:101"}


def test_given_a_claim_of_another_when_the_callee_has_answered_then_no_crossing_is_told_to_a_wrong_token(
    scene: Scene, claimed: DialogId
) -> None:
    scene.answered(claimed, phone(5061), phone(5062), callee_end=END)
    outcome = scene.connected(claimed, "another's", scene.dialog(), picker=phone(5070))
    assert outcome == (Outcome.LOST, "")
    assert f"talk:{claimed.key}" in scene.left(), "the answered call is none of that picker's"


def test_given_a_picker_who_has_the_caller_when_the_callee_answers_then_it_is_too_late_until_the_old_call_ends(
    scene: Scene, claimed: DialogId
) -> None:
    new = scene.dialog()
    assert scene.connected(claimed, new=new, picker=phone(5070)) == (Outcome.DONE, "")
    assert scene.answered(claimed, phone(5061), phone(5062)) is Answered.PICKED_UP
    assert scene.ended(claimed) == PICKER
    assert scene.answered(claimed, phone(5061), phone(5062)) is Answered.PICKED_UP
    assert f"talk:{claimed.key}" not in scene.left()
    assert scene.ends_with(new) == {"taken:101"}


def test_given_a_caller_s_phone_that_ended_its_call_first_when_the_callee_answers_then_it_is_too_late(
    scene: Scene, claimed: DialogId
) -> None:
    """The CANCEL comes before the 200 to the Replaces: the picker is on his way, and the callee must not win."""
    assert scene.ended(claimed) == PICKER
    new = scene.dialog()
    assert scene.connected(claimed, new=new, picker=phone(5070)) == (Outcome.LOST, "")
    assert f"talk:{new.key}" in scene.left(), "the caller's phone has taken the picker: that dialog is known"
    assert scene.answered(claimed, phone(5061), phone(5062), callee_end=END) is Answered.PICKED_UP


def test_given_a_caller_s_phone_that_ended_its_call_first_when_the_callee_answers_then_the_picker_finds_that(
    scene: Scene, claimed: DialogId
) -> None:
    """CANCEL, the callee's 200 and the 200 to the Replaces, by three processes: that answer was relayed already."""
    assert scene.ended(claimed) == PICKER
    assert scene.answered(claimed, phone(5061), phone(5062), callee_end=END) is Answered.PICKED_UP
    assert scene.connected(claimed, "another's", scene.dialog(), picker=phone(5071)) == (Outcome.LOST, "")
    new = scene.dialog()
    assert scene.connected(claimed, new=new, picker=phone(5070)) == (Outcome.CROSSED, END)
    assert scene.connected(claimed, new=scene.dialog(), picker=phone(5070)) == (Outcome.LOST, ""), "it is told once"
    assert f"talk:{claimed.key}" not in scene.left()
    assert f"talk:{new.key}" in scene.left()


def test_given_no_such_call_when_it_is_answered_then_it_is_confirmed_once_all_the_same(scene: Scene) -> None:
    call = scene.dialog()
    for _ in range(2):
        assert scene.answered(call, phone(5061), phone(5062)) is Answered.UNKNOWN
    assert f"talk:{call.key}" in scene.left()


def test_given_a_claimed_call_between_two_trunks_when_its_200_is_repeated_then_the_picker_still_finds_the_crossing(
    scene: Scene, claimed: DialogId
) -> None:
    """Of neither end is any hold asked: there is no dialog to know the repetition by."""
    scene.answered(claimed, callee_end=END)
    assert scene.answered(claimed, callee_end=END) is Answered.UNKNOWN
    assert scene.connected(claimed, new=scene.dialog(), picker=phone(5070)) == (Outcome.CROSSED, END)


def test_given_a_mark_when_its_time_is_over_then_the_name_may_be_used_again(scene: Scene, claimed: DialogId) -> None:
    scene.reroute(claimed)
    scene.connected(claimed)
    name = f"call:{claimed.key}"
    assert 0 < scene.left()[name] <= MARK_MS
    scene.redis.pexpire(f"s87:{{{scene.domain}}}:{name}", 1)
    until(lambda: name not in scene.left(), what="the mark expires")
    scene.ring("102", dialog=claimed)
    assert scene.picked_up("102") == claimed
