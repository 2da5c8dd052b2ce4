"""A hunt group goes on to its next members."""

from __future__ import annotations

from tests.store.scene import HUNT, OPEN, PICKER, RING_MS, Scene


def test_given_a_ringing_group_when_it_goes_on_then_it_keeps_its_place_and_rings_others(scene: Scene) -> None:
    first, second = scene.ring("700", HUNT, members=("101",)), scene.ring("700", HUNT)
    routed_at_us = scene.seen()[first].routed_at_us
    assert scene.stage(first, ("103", "104"))
    assert scene.seen()[first].ringing == ("103", "104")
    assert scene.seen()[first].routed_at_us == routed_at_us
    assert list(scene.seen()) == [first, second]


def test_given_a_ringing_group_when_it_goes_on_for_longer_then_its_keys_live_as_long(scene: Scene) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.stage(call, ("103",), ttl_ms=4 * RING_MS)
    assert set(scene.left()) == {f"call:{call.key}", "ring:n:700", f"ring:p:h:{OPEN}", "ring:m:103"}
    assert all(ttl > 3 * RING_MS for ttl in scene.left().values())


def test_given_a_claimed_group_call_when_it_goes_on_then_its_members_may_be_rung_and_the_claim_holds(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.pick()
    assert scene.stage(call, ("103",))
    assert not any(name.startswith("ring:") for name in scene.left())
    assert scene.seen()[call].claimed_by == PICKER
    assert scene.pick(picker="110") is None


def test_given_a_group_call_that_went_on_while_claimed_when_it_is_released_then_it_is_found_by_its_new_members(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.pick()
    scene.stage(call, ("103",), ttl_ms=4 * RING_MS)
    scene.release(call)
    assert set(scene.left()) == {f"call:{call.key}", "ring:n:700", f"ring:p:h:{OPEN}", "ring:m:103"}
    assert all(ttl > 3 * RING_MS for ttl in scene.left().values())
    assert scene.picked_up("103", includes_group_calls=True) == call


def test_given_a_group_call_that_was_picked_up_when_the_group_would_go_on_then_nobody_more_is_rung(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT, members=("101",))
    scene.pick()
    scene.picked(call)
    before = scene.seen()
    assert not scene.stage(call, ("103",))
    assert scene.seen() == before


def test_given_a_group_call_that_has_ended_when_it_would_go_on_then_no_record_comes_back(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT)
    scene.ended(call)
    assert scene.stage(call, ("103",))
    assert scene.left() == {}
