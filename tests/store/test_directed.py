"""Which call a directed pickup takes, and what it is told when it comes too late."""

from __future__ import annotations

import pytest

from kemi.accounts.directory import Grants
from kemi.accounts.model import Kind
from kemi.errors import AlreadyAnswered
from kemi.sip.dialog import DialogId
from tests.store.scene import AGENT, ALL, EXTENSION, HUNT, OPEN, PICKER, Scene
from tests.support.until import until


@pytest.mark.parametrize("kind", [HUNT, EXTENSION, AGENT])
def test_given_calls_at_two_accounts_when_one_is_named_then_its_first_routed_call_is_taken(
    scene: Scene, kind: Kind
) -> None:
    scene.ring("701", kind)
    first, second = scene.ring("702", kind), scene.ring("702", kind)
    assert [scene.picked_up("702", kind) for _ in range(2)] == [first, second]


def test_given_an_older_hunt_call_when_an_extension_is_named_then_only_the_extension_s_own_call_is_taken(
    scene: Scene,
) -> None:
    scene.ring("700", HUNT, members=("101",), by_member=True)
    direct = scene.ring("101")
    assert scene.picked_up("101") == direct


@pytest.mark.parametrize("kind", [HUNT, AGENT])
def test_given_a_call_that_rings_the_extension_as_a_member_when_it_is_named_then_nothing_is_eligible(
    scene: Scene, kind: Kind
) -> None:
    scene.ring("700", kind, members=("101",), by_member=True)
    assert scene.pick("101") is None


def test_given_the_widening_setting_when_an_extension_is_named_then_its_direct_call_goes_before_an_older_group_call(
    scene: Scene,
) -> None:
    grouped = scene.ring("700", HUNT, members=("101", "102"), by_member=True)
    direct = scene.ring("101")
    assert scene.picked_up("101", includes_group_calls=True) == direct
    assert scene.picked_up("101", includes_group_calls=True) == grouped


def test_given_the_widening_setting_when_calls_of_both_groups_ring_the_extension_then_the_hunt_call_goes_first(
    scene: Scene,
) -> None:
    agent = scene.ring("800", AGENT, members=("101",), by_member=True)
    hunt = scene.ring("700", HUNT, members=("101",), by_member=True)
    assert [scene.picked_up("101", includes_group_calls=True) for _ in range(2)] == [hunt, agent]


def test_given_the_widening_setting_when_the_group_does_not_admit_the_picker_then_its_call_is_not_taken(
    scene: Scene,
) -> None:
    scene.ring("700", HUNT, permit="closed", members=("101",), by_member=True)
    for grants in (ALL, Grants(extensions=("closed",), agent_groups=("closed",))):
        assert scene.pick("101", grants=grants, includes_group_calls=True) is None


def test_given_the_widening_setting_when_a_group_is_named_then_no_other_group_s_call_is_taken(
    scene: Scene,
) -> None:
    scene.ring("700", HUNT, members=("101", "702"), by_member=True)
    assert scene.pick("702", HUNT, includes_group_calls=True) is None


def test_given_the_widening_setting_when_the_group_has_gone_on_to_other_members_then_the_earlier_do_not_lead_to_it(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.stage(call, ("102",))
    assert scene.pick("101", includes_group_calls=True) is None
    assert scene.picked_up("102", includes_group_calls=True) == call


def test_given_the_picker_s_own_call_when_the_account_is_named_then_it_is_passed_over(scene: Scene) -> None:
    scene.ring("101", calls_from=PICKER)
    assert scene.pick("101") is None
    other = scene.ring("101")
    assert scene.picked_up("101") == other


def test_given_a_call_that_was_tried_when_the_account_is_named_again_then_the_next_is_taken(
    scene: Scene,
) -> None:
    refused, next_one = scene.ring("101"), scene.ring("101")
    assert scene.picked_up("101") == refused
    scene.release(refused)
    assert scene.picked_up("101", tried=(refused,)) == next_one


def test_given_a_claimed_call_when_another_names_the_account_then_it_is_already_answered(
    scene: Scene,
) -> None:
    scene.ring("101")
    scene.pick("101")
    with pytest.raises(AlreadyAnswered):
        scene.pick("101", picker="110")


def test_given_a_claimed_call_when_another_dials_87_alone_then_nothing_is_eligible(scene: Scene) -> None:
    scene.ring("101")
    scene.pick()
    assert scene.pick(picker="110") is None


def test_given_a_claimed_call_when_a_second_rings_there_then_a_directed_pickup_takes_the_second(
    scene: Scene,
) -> None:
    scene.ring("101")
    scene.pick("101")
    second = scene.ring("101")
    assert scene.picked_up("101", picker="110") == second


def test_given_a_call_that_was_answered_a_moment_ago_when_the_account_is_named_then_it_is_already_answered(
    scene: Scene,
) -> None:
    scene.answered(scene.ring("101"))
    with pytest.raises(AlreadyAnswered):
        scene.pick("101")
    assert scene.pick("102") is None
    assert scene.pick() is None


def test_given_a_call_that_was_picked_up_when_another_names_the_account_then_it_is_already_answered(
    scene: Scene,
) -> None:
    old = scene.ring("101")
    scene.pick("101")
    scene.picked(old)
    scene.ended(old)
    with pytest.raises(AlreadyAnswered):
        scene.pick("101", picker="110")


def test_given_an_answered_call_when_its_mark_has_expired_then_nothing_is_eligible(scene: Scene) -> None:
    call = scene.ring("101")
    scene.answered(call)
    scene.redis.pexpire(f"s87:{{{scene.domain}}}:taken:101", 20)
    until(lambda: "taken:101" not in scene.left(), what="the mark expires")
    assert scene.pick("101") is None


def test_given_a_call_that_its_caller_cancelled_when_the_account_is_named_then_nothing_is_eligible(
    scene: Scene,
) -> None:
    scene.ended(scene.ring("101"))
    assert scene.pick("101") is None


def test_given_a_claim_that_was_given_back_when_the_call_then_ends_then_nobody_is_told_of_an_answer(
    scene: Scene,
) -> None:
    call = scene.ring("101")
    scene.pick("101")
    scene.release(call)
    scene.ended(call)
    assert scene.pick("101") is None


def test_given_nothing_of_the_sort_when_an_account_is_named_then_the_answer_has_no_other_s_call(
    scene: Scene,
) -> None:
    scene.ring("101", EXTENSION, permit=OPEN, dialog=DialogId("a", "b"))
    assert scene.pick("10") is None
    assert scene.pick("1011") is None
