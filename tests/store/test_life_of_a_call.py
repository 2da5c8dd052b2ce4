"""What each operation writes, and that nothing of a call outlives it."""

from __future__ import annotations

import pytest

from kemi.accounts.model import Kind
from kemi.dialogs.tracking import Parties
from kemi.sip.dialog import DialogId
from tests.store.scene import (
    AGENT,
    ALL,
    EXTENSION,
    HUNT,
    MARK_MS,
    OPEN,
    PICKER,
    RING_MS,
    SPARE_MS,
    Answered,
    Scene,
    caller,
    phone,
)

DIALOG_MS = 14_400_000


def test_given_a_call_when_it_is_routed_then_it_is_shown_with_all_that_a_pickup_needs(scene: Scene) -> None:
    call = scene.ring("700", HUNT, calls_from="105", members=("101", "102"))
    shown = scene.seen()[call]
    assert (shown.domain, shown.key, shown.kind, shown.number) == (scene.domain, call.key, HUNT, "700")
    assert (shown.permission_id, shown.ringing, shown.early_tags, shown.claimed_by) == (
        OPEN,
        ("101", "102"),
        (),
        "",
    )
    assert shown.caller == caller(call, "105")


def test_given_a_call_when_it_is_routed_then_its_place_is_the_moment_of_the_store_s_clock(
    scene: Scene,
) -> None:
    before_us = scene.now_us()
    call = scene.ring()
    after_us = scene.now_us()
    assert before_us <= scene.seen()[call].routed_at_us <= after_us


@pytest.mark.parametrize("kind", [HUNT, EXTENSION, AGENT])
def test_given_a_call_when_it_is_routed_then_all_its_keys_expire_with_its_longest_ring(
    scene: Scene, kind: Kind
) -> None:
    call = scene.ring("700", kind, members=("101", "102"), by_member=True)
    code = {HUNT: "h", EXTENSION: "e", AGENT: "a"}[kind]
    lines = {"ring:n:700", f"ring:p:{code}:{OPEN}", "ring:m:101", "ring:m:102"}
    assert set(scene.left()) == {f"call:{call.key}"} | lines
    assert all(RING_MS - 5_000 < ttl <= RING_MS + SPARE_MS for ttl in scene.left().values())
    assert scene.left()[f"call:{call.key}"] <= RING_MS


def test_given_a_line_when_a_shorter_call_joins_then_the_line_lives_as_long_as_its_longest_call(
    scene: Scene,
) -> None:
    scene.ring(ttl_ms=600_000)
    scene.ring(ttl_ms=1_000)
    assert scene.left()["ring:n:101"] > 500_000
    assert scene.left()[f"ring:p:e:{OPEN}"] > 500_000


def test_given_two_calls_with_one_call_id_when_one_ends_then_the_other_rings_on(scene: Scene) -> None:
    one = scene.ring(dialog=DialogId("same@192.0.2.1", "alice"))
    other = scene.ring(dialog=DialogId("same@192.0.2.1", "mallory"))
    scene.ended(one)
    assert list(scene.seen()) == [other]


def test_given_a_call_when_it_is_forwarded_then_it_leaves_one_line_and_joins_the_other_at_its_end(
    scene: Scene,
) -> None:
    call = scene.ring("101", by_member=True)
    first_there = scene.ring("102")
    scene.ring("102", dialog=call)
    assert not any(name in scene.left() for name in ("ring:n:101", "ring:m:101"))
    assert list(scene.seen()) == [first_there, call]


def test_given_a_ringing_call_when_it_is_answered_then_only_the_short_taken_mark_is_left(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.rings(call, 0, "bob")
    scene.answered(call)
    assert set(scene.left()) == {"taken:700"}
    assert 0 < scene.left()["taken:700"] <= MARK_MS


@pytest.mark.parametrize("how", ["ended", "forget"])
def test_given_a_ringing_call_when_it_ends_unanswered_then_no_key_is_left(scene: Scene, how: str) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.rings(call, 0, "bob")
    if how == "ended":
        assert scene.ended(call) == ""
    else:
        scene.store.calls.forget(scene.domain, call)
        scene.store.settle()
    assert scene.left() == {}


@pytest.mark.parametrize("end", ["ended", "answered"])
def test_given_a_claimed_call_when_it_is_over_then_only_the_taken_mark_is_left(scene: Scene, end: str) -> None:
    call = scene.ring()
    scene.pick()
    if end == "ended":
        assert scene.ended(call) == PICKER
    else:
        scene.answered(call)
    assert scene.lasting() == {"taken:101"}


def test_given_a_picked_up_call_when_the_old_call_has_ended_then_only_the_taken_mark_and_the_new_dialog_are_left(
    scene: Scene,
) -> None:
    old = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.rings(old, 0, "bob")
    scene.pick()
    new = scene.picked(old, picker=phone(5070))
    assert scene.ended(old) == PICKER
    assert scene.lasting() == {"taken:700", f"talk:{new.key}", f"device:{phone(5070).flow}"}
    assert 0 < scene.left()["taken:700"] <= MARK_MS
    scene.over((DialogId("other@192.0.2.1", "end"), new))
    assert scene.lasting() == {"taken:700"}


def test_given_a_claimed_call_when_any_moment_is_looked_at_then_every_key_expires_by_itself(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    for step in (
        lambda: scene.rings(call, 0, "bob"),
        lambda: scene.pick(),
        lambda: scene.stage(call, ("102",)),
        lambda: scene.release(call),
        lambda: scene.pick(token="second"),
        lambda: scene.picked(call, "second", picker=phone(5070)),
        lambda: scene.ended(call),
    ):
        step()
        assert all(0 < ttl <= DIALOG_MS for ttl in scene.left().values()), scene.left()


def test_given_an_answered_call_when_its_devices_are_watched_then_both_are_busy_until_it_is_over(
    scene: Scene,
) -> None:
    call = scene.ring()
    scene.answered(call, phone(5061), phone(5062))
    busy = {f"talk:{call.key}", f"device:{phone(5061).flow}", f"device:{phone(5062).flow}"}
    assert set(scene.left()) == {"taken:101"} | busy
    assert all(DIALOG_MS - 5_000 < scene.left()[name] <= DIALOG_MS for name in busy)
    scene.over((call, DialogId(call.call_id, "bob")))
    assert set(scene.left()) == {"taken:101", f"call:{call.key}"}, "and a mark, for an answer that is repeated"
    assert 0 < scene.left()[f"call:{call.key}"] <= MARK_MS


def test_given_no_such_call_when_it_fails_or_is_released_then_nothing_is_written(
    scene: Scene,
) -> None:
    nobody = scene.dialog()
    scene.branch_failed(nobody, 0)
    scene.release(nobody)
    scene.over((nobody, scene.dialog()))
    scene.renewed((nobody, scene.dialog()), phone(5061))
    assert scene.stage(nobody, ("101",))
    assert scene.reindex("101", "other") == 0
    assert scene.left() == {}


def test_given_calls_of_several_lines_when_they_are_surveyed_then_all_come_oldest_first(scene: Scene) -> None:
    calls = [scene.ring("101"), scene.ring("700", HUNT), scene.ring("800", AGENT), scene.ring("102")]
    scene.pick(grants=ALL)
    before = set(scene.left())
    assert list(scene.seen()) == calls
    assert set(scene.left()) == before
    assert [call for call, shown in scene.seen().items() if shown.claimed_by] == [calls[1]]


def test_given_more_calls_than_asked_for_when_they_are_surveyed_then_the_answer_is_bounded(
    scene: Scene,
) -> None:
    calls = [scene.ring() for _ in range(5)]
    survey = scene.store.calls.survey(scene.domain, ALL, most=3)
    assert [call.caller.dialog for call in survey.calls] == calls[:3]


def test_given_an_answered_call_when_another_rings_under_its_name_then_the_talk_stays_what_it_was(scene: Scene) -> None:
    """Its name is no secret of its parties: a second call under it has no place, and its answer is no news."""
    call = scene.ring()
    scene.answered(call, phone(1), phone(2), parties=Parties("104", "101", "callee"))
    before = scene.left().keys()

    scene.ring("102", dialog=call)
    found = scene.answered(call, phone(3), phone(4), parties=Parties("666", "667", "callee"))

    assert (found, scene.seen()) == (Answered.UNKNOWN, {})
    assert scene.left().keys() <= before
    assert scene.pick("102") is None
