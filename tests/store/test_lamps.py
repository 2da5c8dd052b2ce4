"""What a lamp shows, and who is told of a change: only accounts that somebody watches are written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from kemi.dialogs.tracking import Parties
from kemi.lamps.lamp import Lamp, Look, Talk
from kemi.sip.dialog import DialogId
from kemi.store import keys
from tests.store.queue_scene import QueueScene
from tests.store.scene import AGENT, HUNT, Scene, phone
from tests.support.until import until

NUMBERS = ("101", "105", "700", "800")


class Watch:
    """A node that watches NUMBERS; each `changes()` has what changed since the one before."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.last = scene.store.lamps.watched(scene.domain, NUMBERS)

    def changes(self) -> dict[str, Lamp]:
        self._scene.store.settle()
        self.last = self._scene.store.lamps.look(self._scene.domain, self.last.moment)
        return self.last.lamps


@pytest.fixture
def watch(scene: Scene) -> Watch:
    return Watch(scene)


def calls(lamp: Lamp) -> list[DialogId]:
    return [call.caller.dialog for call in lamp.calls]


def test_given_nobody_who_watches_when_calls_come_and_go_then_nothing_is_kept_for_lamps(scene: Scene) -> None:
    call = scene.ring("101", calls_from="105")
    scene.rings(call, 0, "b")
    scene.answered(call, phone(5061), phone(5062), parties=Parties("105", "101", "b"))
    kept = {name.decode().removeprefix(keys.tenant(scene.domain)) for name in cast(list[bytes], scene.redis.keys("*"))}
    assert not any(name.startswith(("watched", "changed", "talks")) for name in kept), kept
    assert scene.store.lamps.look(scene.domain, "0").stamp == ""


def test_given_an_account_that_nobody_watches_when_it_changes_then_no_watcher_hears(scene: Scene, watch: Watch) -> None:
    scene.ring("102")
    assert watch.changes() == {}


def test_given_a_watched_extension_when_its_call_lives_then_each_step_is_a_change(scene: Scene, watch: Watch) -> None:
    call = scene.ring("101", calls_from="105")
    (rung,) = watch.changes()["101"].calls
    assert (rung.caller.dialog, rung.early_tags) == (call, ())
    scene.rings(call, 0, "b")
    assert watch.changes()["101"].calls[0].early_tags == ("b",)
    scene.branch_failed(call, 0)
    assert watch.changes()["101"].calls[0].early_tags == ()
    scene.answered(call, phone(5061), phone(5062), parties=Parties("105", "101", "b"))
    changed = watch.changes()
    assert changed["101"] == Lamp(talks=(Talk(call.key, is_caller=False),))
    assert changed["105"] == Lamp(talks=(Talk(call.key, is_caller=True),))
    scene.over((call, scene.dialog()))
    assert watch.changes() == {"101": Lamp(), "105": Lamp()}


def test_given_a_watched_call_when_claimed_then_it_is_dark_and_when_released_it_is_lit_again(
    scene: Scene, watch: Watch
) -> None:
    call = scene.ring("101")
    assert calls(watch.changes()["101"]) == [call]
    assert scene.picked_up("101") == call
    assert watch.changes() == {"101": Lamp()}
    scene.release(call)
    assert calls(watch.changes()["101"]) == [call]
    assert scene.picked_up("101") == call
    scene.picked(call)
    scene.ended(call)
    assert watch.changes()["101"] == Lamp()


def test_given_a_claim_whose_node_died_when_it_expires_then_the_lamp_is_lit_again_though_nobody_dials(
    scene: Scene, watch: Watch, store_of: Callable[..., Scene]
) -> None:
    call = scene.ring("101")
    assert store_of(claim_ttl_ms=1).picked_up("101") == call
    until(lambda: calls(watch.changes().get("101", Lamp())) == [call], what="the lamp")


@pytest.fixture
def store_of(scene: Scene) -> Callable[..., Scene]:
    def other(**changed: int) -> Scene:
        scene.store.calls._settings = replace(scene.store.calls._settings, **changed)  # type: ignore[arg-type]
        return scene

    return other


def test_given_a_hunt_group_when_it_rings_then_its_own_lamp_is_lit_and_no_member_s(scene: Scene, watch: Watch) -> None:
    call = scene.ring("700", HUNT, members=("101", "102"))
    assert {number: calls(lamp) for number, lamp in watch.changes().items()} == {"700": [call]}
    assert scene.stage(call, ("103",))
    assert calls(watch.changes()["700"]) == [call]
    scene.ended(call)
    assert watch.changes() == {"700": Lamp()}


def test_given_a_forwarded_call_when_it_goes_on_then_one_lamp_goes_dark_and_the_other_is_lit(
    scene: Scene, watch: Watch
) -> None:
    call = scene.ring("101")
    watch.changes()
    scene.ring("700", HUNT, dialog=call)
    assert {number: calls(lamp) for number, lamp in watch.changes().items()} == {"101": [], "700": [call]}


def test_given_an_agent_group_when_callers_wait_and_ring_then_its_lamp_shows_what_rings_first(
    queue: QueueScene,
) -> None:
    watch = Watch(queue)
    queue.only("101")
    first, second = queue.waits(), queue.waits()

    def shown() -> list[tuple[DialogId, bool]]:
        return [(call.caller.dialog, call.waiting) for call in watch.changes()["800"].calls]

    assert shown() == [(first, True), (second, True)]
    assert queue.offers() == [(first, "101")]
    assert shown() == [(first, False), (second, True)]
    queue.misses(first)
    assert shown() == [(first, True), (second, True)]
    assert queue.picked_up("800", AGENT) == first
    assert shown() == [(second, True)]
    queue.overstay(second)
    queue.look()
    assert shown() == []


def test_given_a_call_when_it_is_shown_then_it_is_said_how_long_at_most(scene: Scene, watch: Watch) -> None:
    scene.ring("101", ttl_ms=5_000)
    watch.changes()
    assert 0 < watch.last.lasts_ms["101"] <= 5_000
    assert scene.store.lamps.watched(scene.domain, ("105",)).lasts_ms == {}


def test_given_a_call_that_nobody_saw_end_when_it_expires_then_the_lamp_is_dark(scene: Scene) -> None:
    scene.ring("101", ttl_ms=1)
    until(lambda: scene.store.lamps.watched(scene.domain, ("101",)).lamps["101"] == Lamp())


def test_given_a_dialog_that_nobody_saw_end_when_it_expires_then_the_extension_is_not_busy_for_ever(
    scene: Scene, watch: Watch
) -> None:
    call = scene.ring("101")
    scene.answered(call, phone(5061), phone(5062), parties=Parties("trunk a", "101", "b"))
    assert watch.changes()["101"].talks == (Talk(call.key, is_caller=False),)
    scene.redis.delete(f"{keys.tenant(scene.domain)}{keys.SUFFIXES['talk']}{call.key}")
    assert scene.store.lamps.watched(scene.domain, ("101",)).lamps["101"] == Lamp()
    assert not scene.redis.exists(f"{keys.tenant(scene.domain)}{keys.SUFFIXES['talks']}101")


def test_given_a_store_that_came_back_empty_when_looked_at_then_its_stamp_says_so(scene: Scene, watch: Watch) -> None:
    stamp = watch.last.stamp
    watch.changes()
    assert watch.last.stamp == stamp
    scene.redis.flushdb()
    scene.store.load_functions()
    watch.changes()
    assert watch.last.stamp == ""
    anew: Look = scene.store.lamps.watched(scene.domain, NUMBERS)
    assert anew.stamp not in ("", stamp)


def test_given_two_tenants_when_one_rings_then_the_other_s_watchers_hear_nothing(scene: Scene, watch: Watch) -> None:
    Scene(scene.store, scene.redis, "other.example.com").ring("101")
    assert watch.changes() == {}


def test_given_an_account_that_is_watched_no_more_when_a_minute_is_over_then_it_costs_nothing_again(
    scene: Scene, watch: Watch
) -> None:
    # As if its node had died more than a minute ago.
    scene.redis.hset(f"{keys.tenant(scene.domain)}{keys.SUFFIXES['watched']}", "101", "1")
    scene.ring("101")
    assert watch.changes() == {}
