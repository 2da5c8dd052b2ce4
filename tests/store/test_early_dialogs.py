"""The ringing phones' To tags: what an INVITE with Replaces may name."""

from __future__ import annotations

from kemi.sip.dialog import DialogId
from tests.store.scene import HUNT, Scene


def tags(scene: Scene, call: DialogId) -> tuple[str, ...]:
    return scene.seen()[call].early_tags


def test_given_a_forked_call_when_its_phones_ring_then_the_tag_that_was_relayed_last_is_last(
    scene: Scene,
) -> None:
    call = scene.ring()
    for branch, tag in ((0, "bob"), (1, "carol"), (0, "bob-2"), (1, "carol")):
        scene.rings(call, branch, tag)
    assert tags(scene, call) == ("bob", "bob-2", "carol")


def test_given_a_tag_when_its_phone_repeats_its_180_then_it_is_kept_once_and_goes_to_the_end(
    scene: Scene,
) -> None:
    call = scene.ring()
    for tag in ("bob", "carol", "bob", "bob"):
        scene.rings(call, 0, tag)
    assert tags(scene, call) == ("carol", "bob")


def test_given_a_claim_when_it_is_had_then_it_names_the_tags_in_that_order(scene: Scene) -> None:
    call = scene.ring()
    scene.rings(call, 1, "carol")
    scene.rings(call, 0, "bob")
    claim = scene.pick()
    assert claim is not None
    assert claim.call.early_tags == ("carol", "bob")


def test_given_a_forked_call_when_one_branch_fails_then_only_its_tags_are_dropped(scene: Scene) -> None:
    call = scene.ring()
    for branch, tag in ((1, "bob"), (11, "carol"), (1, "bob-2"), (0, "dave")):
        scene.rings(call, branch, tag)
    scene.branch_failed(call, 1)
    assert tags(scene, call) == ("carol", "dave")


def test_given_the_last_branch_when_it_fails_then_no_tag_is_left_and_the_call_stays(scene: Scene) -> None:
    call = scene.ring()
    scene.rings(call, 0, "bob")
    scene.branch_failed(call, 0)
    assert tags(scene, call) == ()


def test_given_a_branch_that_never_rang_when_it_fails_then_nothing_changes(scene: Scene) -> None:
    call = scene.ring()
    scene.branch_failed(call, 0)
    scene.rings(call, 1, "bob")
    scene.branch_failed(call, 0)
    assert tags(scene, call) == ("bob",)


def test_given_a_hunt_group_when_it_goes_to_its_next_stage_then_all_earlier_tags_are_dropped(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT, members=("101", "102"))
    scene.rings(call, 0, "bob")
    scene.rings(call, 1, "carol")
    scene.stage(call, ("103",))
    assert tags(scene, call) == ()
    scene.rings(call, 2, "dave")
    assert tags(scene, call) == ("dave",)


def test_given_a_claimed_call_when_its_phones_ring_and_fail_then_its_tags_are_kept_up_to_date(
    scene: Scene,
) -> None:
    call = scene.ring()
    scene.rings(call, 0, "bob")
    scene.pick()
    scene.rings(call, 1, "carol")
    scene.branch_failed(call, 0)
    scene.release(call)
    assert tags(scene, call) == ("carol",)


def test_given_tags_of_odd_characters_when_they_are_kept_then_they_come_back_as_they_were(
    scene: Scene,
) -> None:
    call = scene.ring()
    odd = ("a%b.c!d*e_f+g`h'i~j", "{tag}", "42", "x" * 4096, "\udcff\udcfe")
    for branch, tag in enumerate(odd):
        scene.rings(call, branch, tag)
    assert tags(scene, call) == odd
