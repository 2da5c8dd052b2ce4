"""Which call a general pickup takes (product: "Which call")."""

from __future__ import annotations

import pytest

from kemi.accounts.directory import Grants
from kemi.accounts.model import Kind
from tests.store.scene import AGENT, EXTENSION, HUNT, OPEN, PICKER, RING_MS, Scene


def test_given_nothing_rings_when_87_is_dialled_then_nothing_is_eligible(scene: Scene) -> None:
    assert scene.pick() is None


def test_given_a_call_of_each_kind_when_87_is_dialled_again_and_again_then_hunt_before_extension_before_agent_group(
    scene: Scene,
) -> None:
    agent, extension, hunt = scene.ring("800", AGENT), scene.ring("101"), scene.ring("700", HUNT)
    assert [scene.picked_up() for _ in range(4)] == [hunt, extension, agent, None]


@pytest.mark.parametrize("kind", [HUNT, EXTENSION, AGENT])
def test_given_calls_at_several_accounts_of_a_kind_when_87_is_dialled_then_the_first_routed_is_taken(
    scene: Scene, kind: Kind
) -> None:
    places = (("701", "p"), ("702", "q"), ("703", "p"), ("701", "q"))
    calls = [scene.ring(number, kind, permit=permit) for number, permit in places]
    grants = Grants(("p", "q"), ("p", "q"), ("p", "q"))
    assert [scene.picked_up(grants=grants) for _ in range(5)] == [*calls, None]


def test_given_a_hunt_group_s_next_stage_when_87_is_dialled_then_the_moment_of_the_group_counts(
    scene: Scene,
) -> None:
    first, second = scene.ring("700", HUNT), scene.ring("701", HUNT)
    scene.stage(first, ("103",))
    assert scene.picked_up() == first
    assert scene.picked_up() == second


def test_given_two_calls_of_one_microsecond_when_87_is_dialled_then_every_search_and_survey_agree_on_the_first(
    scene: Scene,
) -> None:
    calls = [scene.ring("101", permit=permit) for permit in ("p", "q", "p", "q", "r", "r")]
    for call in calls:
        scene.set_routed_at(call, 1_700_000_000_000_000)
    by_name = sorted(calls, key=lambda call: call.key)
    assert list(scene.seen("p", "q", "r")) == by_name
    grants = Grants((), ("r", "q", "p"), ())
    assert [scene.picked_up(grants=grants) for _ in calls] == by_name


def test_given_the_picker_s_own_outgoing_call_when_87_is_dialled_then_it_is_passed_over(scene: Scene) -> None:
    own = scene.ring("700", HUNT, calls_from=PICKER)
    other = scene.ring("700", HUNT)
    assert scene.picked_up() == other
    assert scene.pick() is None
    assert scene.picked_up(picker="110") == own


def test_given_a_call_of_another_tenant_when_87_is_dialled_then_it_is_never_taken(scene: Scene) -> None:
    there = Scene(scene.store, scene.redis, "other.example.com")
    call = there.ring("101")
    assert scene.pick() is None
    assert scene.pick("101") is None
    assert there.picked_up() == call


def test_given_one_name_in_two_tenants_when_one_of_the_calls_ends_then_the_other_rings_on(
    scene: Scene,
) -> None:
    there = Scene(scene.store, scene.redis, "other.example.com")
    here = scene.ring("101")
    there.ring("101", dialog=here)
    scene.ended(here)
    assert scene.pick() is None
    assert there.picked_up() == here


@pytest.mark.parametrize("kind", [HUNT, EXTENSION, AGENT])
def test_given_a_permission_that_was_not_granted_when_87_is_dialled_then_its_calls_are_never_taken(
    scene: Scene, kind: Kind
) -> None:
    scene.ring("700", kind, permit="closed")
    assert scene.pick() is None
    assert scene.pick(grants=Grants()) is None


def test_given_a_permission_for_extensions_when_a_hunt_group_has_the_same_lists_then_it_is_not_reached_by_it(
    scene: Scene,
) -> None:
    scene.ring("700", HUNT)
    assert scene.pick(grants=Grants(extensions=(OPEN,), agent_groups=(OPEN,))) is None


def test_given_calls_that_were_tried_when_87_goes_on_then_the_next_in_the_same_order_is_taken(
    scene: Scene,
) -> None:
    calls = [scene.ring("700", HUNT), scene.ring("700", HUNT), scene.ring("101"), scene.ring("800", AGENT)]
    for count, call in enumerate(calls):
        assert scene.picked_up(tried=calls[:count]) == call
        scene.release(call)
    assert scene.pick(tried=calls) is None


def test_given_a_call_whose_record_expired_when_87_is_dialled_then_the_ghost_is_swept_away_and_the_next_is_taken(
    scene: Scene,
) -> None:
    ghost, call = scene.ring(), scene.ring()
    scene.lose_record(ghost)
    assert scene.picked_up() == call
    assert f"ring:p:e:{OPEN}" not in scene.left()


def test_given_only_a_ghost_when_a_directed_pickup_finds_it_then_its_line_is_empty_too(scene: Scene) -> None:
    scene.lose_record(scene.ring())
    assert scene.pick("101") is None
    assert "ring:n:101" not in scene.left()


def test_given_a_ghost_of_a_crash_when_a_call_joins_the_line_a_day_later_then_the_ghost_is_gone(
    scene: Scene,
) -> None:
    ghost = scene.ring()
    scene.set_routed_at(ghost, 1_700_000_000_000_000)
    scene.lose_record(ghost)
    line = f"s87:{{{scene.domain}}}:ring:n:101"
    # One that was joined for a day has been lengthened again and again.
    scene.redis.pexpire(line, RING_MS // 2)
    call = scene.ring()
    assert scene.redis.zrange(line, 0, -1) == [call.key.encode()]
