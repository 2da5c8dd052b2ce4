"""A store that has lost calls that ring learns of them from their node: as if it had never forgotten them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kemi.dialogs.own_calls import Standing
from kemi.pickup.claim import Rerouted
from kemi.sip.dialog import DialogId
from tests.store.scene import EXTENSION, HUNT, RING_MS, Scene, phone

ALL_OF_IT: Any = {"calls_from": "105", "members": ("101", "102"), "by_member": True, "agents": ("102",)}
TAGS = ((0, "one"), (1, "two"))


def standing(scene: Scene, *calls: DialogId) -> list[Standing]:
    return scene.store.reentries.standings(scene.domain, [call.key for call in calls])[1]


def test_given_a_call_that_rings_when_the_store_has_lost_it_then_all_that_it_had_is_there_again(scene: Scene) -> None:
    call = scene.ring("700", HUNT, **ALL_OF_IT)
    for branch, tag in TAGS:
        scene.rings(call, branch, tag)
    seen, lasting = scene.seen()[call], scene.lasting()
    scene.redis.flushdb()
    assert standing(scene, call) == [Standing.MISSING]

    scene.rings_again(call, 20_000, TAGS)

    again = scene.seen()[call]
    assert replace(again, routed_at_us=0) == replace(seen, routed_at_us=0)
    assert 20_000_000 <= scene.now_us() - again.routed_at_us < 30_000_000
    assert scene.lasting() == lasting
    assert 0 < min(ttl_ms for ttl_ms in scene.left().values()) <= RING_MS
    assert scene.picked_up("102", includes_group_calls=True) == call
    scene.picked(call)
    scene.ended(call)


def test_given_calls_that_came_one_after_the_other_when_they_are_entered_again_in_any_order_then_the_first_is_first(
    scene: Scene,
) -> None:
    first, second, third = (scene.ring() for _ in range(3))
    scene.redis.flushdb()
    scene.rings_again(third, 1_000)
    scene.rings_again(first, 30_000)
    scene.rings_again(second, 20_000)
    fourth = scene.ring()
    found = [scene.picked_up(token=f"token-{n}") for n in range(5)]
    assert found == [first, second, third, fourth, None]


def in_each_state(scene: Scene) -> dict[str, DialogId]:
    """Calls of which the store knows everything, or that they are over."""
    calls = {
        state: scene.ring("101", EXTENSION) for state in ("claimed", "sent", "picked", "answered", "over", "rings")
    }
    for state in ("claimed", "sent", "picked"):
        assert scene.picked_up("101", token=state) == calls[state]
    assert scene.reroute(calls["sent"], "sent") is Rerouted.DONE
    scene.picked(calls["picked"], "picked", picker=phone(5070))
    for state in ("answered", "over"):
        scene.answered(calls[state], phone(5061), phone(5062))
    scene.over((calls["over"], DialogId(calls["over"].call_id, "callee")))
    return calls


def test_given_calls_in_each_state_when_their_node_tells_of_them_then_none_changes(scene: Scene) -> None:
    calls = in_each_state(scene)
    before = scene.seen(), scene.lasting()
    for call in calls.values():
        scene.rings_again(call, 90_000, TAGS)
    assert (scene.seen(), scene.lasting()) == before
    assert scene.picked_up("101", token="another") == calls["rings"]


def test_given_calls_in_each_state_when_asked_where_they_stand_then_those_that_ring_are_told_from_those_over(
    scene: Scene,
) -> None:
    calls = in_each_state(scene)
    told = dict(zip(calls, standing(scene, *calls.values()), strict=True))
    assert {state for state in calls if told[state] is Standing.OFFERED} == {"claimed", "sent", "picked", "rings"}
    assert {state for state in calls if told[state] is Standing.OVER} == {"answered", "over"}


def test_given_a_call_that_ended_while_it_was_not_known_when_its_node_tells_of_it_then_it_rings_no_more(
    scene: Scene,
) -> None:
    call = scene.ring()
    scene.redis.flushdb()
    scene.ended(call)
    assert standing(scene, call) == [Standing.OVER]
    scene.rings_again(call, 0, TAGS)
    assert scene.seen() == {}
    assert scene.lasting() == set()


def test_given_a_response_that_was_relayed_meanwhile_when_the_call_is_entered_again_then_it_is_the_last(
    scene: Scene,
) -> None:
    call = scene.ring()
    scene.redis.flushdb()
    scene.rings(call, 0, "one")
    assert standing(scene, call) == [Standing.MISSING]
    scene.rings_again(call, 0, ((0, "one"), (1, "two")))
    assert scene.seen()[call].early_tags == ("two", "one")
    assert scene.left()[f"call:{call.key}"] > RING_MS - 5_000


def test_given_a_call_that_is_entered_again_when_it_is_forwarded_then_it_leaves_that_line(scene: Scene) -> None:
    call = scene.ring("101")
    scene.redis.flushdb()
    scene.rings_again(call)
    scene.ring("102", dialog=call)
    assert scene.picked_up("101") is None
    assert scene.picked_up("102") == call
