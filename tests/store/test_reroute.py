"""A claimed call is sent to its picker's phone: what is remembered of that, and what an answer finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.errors import AlreadyAnswered
from kemi.pickup.claim import Outcome, Rerouted
from kemi.sip.dialog import DialogId
from tests.store.scene import END, MARK_MS, PICKER, SENT_MS, Answered, Scene, phone
from tests.support.until import until

# reroute, rerouted


def test_given_a_claimed_call_when_it_is_sent_to_the_picker_then_what_was_said_is_found_by_the_call_s_own_name(
    scene: Scene, claimed: DialogId
) -> None:
    assert scene.reroute(claimed, offer="what goes where") is Rerouted.DONE
    assert scene.rerouted(claimed) == "what goes where"
    assert scene.rerouted(DialogId(claimed.call_id, "mallory")) == ""
    assert scene.seen()[claimed].claimed_by == PICKER


def test_given_a_call_that_is_sent_when_the_claim_would_have_run_out_then_it_lasts_as_long_as_was_said(
    impatient: Scene,
) -> None:
    sent, other = impatient.ring("101"), impatient.ring("102")
    assert impatient.picked_up("101", token="mine") == sent
    assert impatient.reroute(sent, "mine", ttl_ms=SENT_MS) is Rerouted.DONE
    assert impatient.picked_up("102", token="of the dead") == other
    # When this claim has run out, the older one would have, too.
    assert until(lambda: impatient.picked_up(picker="110")) == other
    assert impatient.pick(picker="111") is None
    assert impatient.rerouted(sent) == "offer"
    assert impatient.left()["claims"] >= SENT_MS - 5_000


def test_given_a_call_that_is_sent_when_its_node_dies_then_it_is_to_be_had_again_and_sent_to_nobody(
    scene: Scene, claimed: DialogId
) -> None:
    assert scene.reroute(claimed, ttl_ms=1) is Rerouted.DONE
    assert until(lambda: scene.picked_up(picker="110", token="next")) == claimed
    assert scene.rerouted(claimed) == ""


@pytest.mark.parametrize("token", ["another's", ""])
def test_given_a_claim_of_another_when_the_call_is_to_be_sent_then_it_is_gone_and_sent_to_nobody(
    scene: Scene, claimed: DialogId, token: str
) -> None:
    assert scene.reroute(claimed, token) is Rerouted.GONE
    assert scene.rerouted(claimed) == ""


def test_given_a_call_that_nobody_claimed_when_it_is_to_be_sent_then_it_is_gone(scene: Scene) -> None:
    call = scene.ring()
    before = scene.left()
    for token in ("token", ""):
        assert scene.reroute(call, token) is Rerouted.GONE
    assert scene.rerouted(call) == ""
    assert set(scene.left()) == set(before)


@pytest.mark.parametrize("how", ["never", "answered", "released", "picked up", "forwarded"])
def test_given_a_call_that_is_no_longer_this_picker_s_when_it_is_to_be_sent_then_it_is_gone_and_nothing_is_written(
    scene: Scene, how: str
) -> None:
    call = scene.dialog() if how == "never" else scene.ring()
    scene.pick()
    match how:
        case "answered":
            scene.answered(call, phone(5061), phone(5062))
        case "released":
            scene.release(call)
        case "picked up":
            scene.picked(call)
        case "forwarded":
            scene.ring("102", dialog=call)
    before = set(scene.left())
    assert scene.reroute(call) is Rerouted.GONE
    assert scene.rerouted(call) == ""
    assert set(scene.left()) == before


def test_given_a_caller_s_phone_that_gave_the_call_up_for_the_picker_when_it_is_to_be_sent_then_he_is_told_so(
    scene: Scene, claimed: DialogId
) -> None:
    assert scene.ended(claimed) == PICKER
    assert scene.reroute(claimed, "another's") is Rerouted.GONE
    assert scene.reroute(claimed) is Rerouted.GIVEN_UP
    assert scene.rerouted(claimed) == ""
    assert scene.lasting() == {"taken:101"}


def test_given_a_call_that_is_sent_when_it_is_released_then_it_is_sent_no_more_and_in_its_old_place(
    scene: Scene, claimed: DialogId
) -> None:
    scene.ring("101")
    scene.reroute(claimed)
    scene.release(claimed)
    assert scene.rerouted(claimed) == ""
    again = scene.pick("101", token="next")
    assert again is not None
    assert again.call.caller.dialog == claimed
    assert scene.rerouted(claimed) == "", "the next picker's phone must not get what the first was to get"


def test_given_a_call_that_is_sent_when_its_caller_gives_up_then_it_is_no_pickup_and_the_phone_comes_too_late(
    scene: Scene, claimed: DialogId
) -> None:
    """The caller's phone cancels because of its human: no Replaces has asked it to."""
    scene.reroute(claimed)
    assert scene.ended(claimed) == ""
    assert scene.rerouted(claimed) == ""
    assert scene.connected(claimed, picker=phone(5070)) == (Outcome.LOST, "")
    assert scene.left().keys() == {"taken:101"}


# The picker's phone answers


def test_given_a_call_that_is_sent_when_the_phone_answers_then_the_call_is_over_and_its_two_phones_talk(
    scene: Scene, claimed: DialogId
) -> None:
    scene.reroute(claimed)
    assert scene.connected(claimed, picker=phone(5070), called=phone(5061)) == (Outcome.DONE, "")
    talk = {f"talk:{claimed.key}", f"device:{phone(5070).flow}", f"device:{phone(5061).flow}"}
    assert scene.lasting() == {"taken:101", *talk}
    assert scene.seen() == {}
    assert 0 < scene.left()["taken:101"] <= MARK_MS
    with pytest.raises(AlreadyAnswered):
        scene.pick("101", picker="110")
    assert scene.ends_with(claimed) == {"taken:101"}


def test_given_a_phone_that_answered_when_its_200_is_repeated_then_it_is_not_the_pickup_twice(
    scene: Scene, claimed: DialogId
) -> None:
    scene.reroute(claimed)
    assert scene.connected(claimed, picker=phone(5070))[0] is Outcome.DONE
    before = set(scene.left())
    assert scene.connected(claimed, picker=phone(5070))[0] is Outcome.LOST
    assert set(scene.left()) == before


def test_given_a_phone_that_answered_when_the_callee_answers_too_then_it_is_too_late_and_the_talk_stays(
    scene: Scene, claimed: DialogId
) -> None:
    scene.reroute(claimed)
    scene.connected(claimed, picker=phone(5070), called=phone(5061))
    before = set(scene.left())
    for _ in range(2):
        assert scene.answered(claimed, phone(5061), phone(5062), callee_end=END) is Answered.PICKED_UP
    assert set(scene.left()) == before
    assert scene.ends_with(claimed) == {"taken:101"}


def test_given_a_phone_that_answered_when_the_caller_s_cancel_comes_then_it_is_no_end_of_the_talk(
    scene: Scene, claimed: DialogId
) -> None:
    scene.reroute(claimed)
    scene.connected(claimed, picker=phone(5070), called=phone(5061))
    before = set(scene.left())
    assert scene.ended(claimed) == ""
    assert set(scene.left()) == before


def test_given_a_callee_who_answered_first_when_the_picker_s_phone_answers_then_it_is_too_late_and_they_talk_on(
    scene: Scene, claimed: DialogId
) -> None:
    scene.reroute(claimed)
    assert scene.answered(claimed, phone(5061), phone(5062), callee_end=END) is Answered.DONE
    assert scene.connected(claimed, picker=phone(5070), called=phone(5061)) == (Outcome.LOST, "")
    devices = {f"device:{phone(port).flow}" for port in (5061, 5062)}
    assert scene.lasting() == {"taken:101", f"talk:{claimed.key}", *devices}
    assert scene.ends_with(claimed) == {"taken:101"}


def test_given_a_claim_that_ran_out_when_the_picker_s_phone_answers_then_it_is_too_late_and_the_call_rings_on(
    scene: Scene, claimed: DialogId
) -> None:
    scene.reroute(claimed, ttl_ms=1)
    assert until(lambda: scene.picked_up(picker="110", token="next")) == claimed
    assert scene.connected(claimed, picker=phone(5070))[0] is Outcome.LOST
    assert scene.seen()[claimed].claimed_by == "110"
    assert f"talk:{claimed.key}" not in scene.left()


def test_given_another_tenant_when_its_call_has_the_same_name_then_nothing_of_this_one_s_is_found_there(
    scene: Scene, claimed: DialogId
) -> None:
    scene.reroute(claimed)
    foreign = replace(scene, domain="other.example.com")
    assert foreign.rerouted(claimed) == ""
    assert foreign.reroute(claimed) is Rerouted.GONE
    assert foreign.connected(claimed)[0] is Outcome.LOST
    assert scene.rerouted(claimed) == "offer"
