"""What time does to a queue: a node's callers live while it looks, and are ghosts when it died."""

from __future__ import annotations

from dataclasses import replace

from kemi.sip.dialog import DialogId
from tests.store.queue_scene import SUPPORT, TTL_MS, QueueScene
from tests.support.until import until

ONE = replace(SUPPORT, agents=("101",))
NOBODY: tuple[str, ...] = ()


def record_ms(queue: QueueScene, call: DialogId) -> int:
    return queue.left()[f"call:{call.key}"]


def test_given_a_caller_who_has_not_heard_yet_that_he_waits_when_an_agent_is_idle_then_a_picker_alone_may_have_him(
    queue: QueueScene,
) -> None:
    """His phone would get 182 after the agent's 180."""
    call, _ = queue.joins(ONE)
    queue.ready(call, "")
    assert queue.offers(ONE) == []
    queue.ready(call)
    assert queue.offers(ONE) == [(call, "101")]
    other, _ = queue.joins(ONE)
    queue.ready(other, "")
    assert [queue.picked_up(), queue.picked_up()] == [call, other]


def test_given_a_node_that_looks_when_time_passes_then_its_callers_live_three_signs_long_after_each(
    queue: QueueScene,
) -> None:
    call = queue.waits(ONE)
    assert record_ms(queue, call) > TTL_MS - 5_000
    queue.look(ONE, reachable=NOBODY)
    assert 25_000 < record_ms(queue, call) <= 30_000


def test_given_a_node_that_looks_when_a_sign_s_life_has_passed_then_its_caller_is_still_there(
    hurried: QueueScene,
) -> None:
    call = hurried.waits(ONE)
    expires_us = hurried.now_us() + 450_000

    def outlived() -> bool:
        hurried.look(ONE, reachable=NOBODY)
        return hurried.now_us() > expires_us

    until(outlived, what="the life of a sign")
    assert hurried.waiting(ONE) == [call]
    assert record_ms(hurried, call) > 0
    assert hurried.offers(ONE) == [(call, "101")]


def test_given_a_node_that_died_when_its_signs_run_out_then_the_callers_of_others_are_served(
    hurried: QueueScene, queue: QueueScene
) -> None:
    dead = hurried.waits(ONE)
    hurried.look(ONE, reachable=NOBODY)
    living = queue.waits(ONE)
    assert until(lambda: queue.offers(ONE), what="an offer") == [(living, "101")]
    assert dead not in queue.seen()
    queue.takes(living, "101")
    queue.hangs_up(living)
    assert {name for name in queue.remains() if name != "due:hurried"} <= {"ring:p:w:open"}


def test_given_a_node_that_died_while_it_offered_when_its_signs_run_out_then_the_agent_is_idle(
    hurried: QueueScene, queue: QueueScene
) -> None:
    dead = hurried.waits(ONE)
    assert hurried.offers(ONE) == [(dead, "101")]
    living = queue.waits(ONE)
    assert queue.offers(ONE) == []
    assert until(lambda: queue.offers(ONE), what="an offer") == [(living, "101")]


def test_given_a_node_that_died_with_a_full_queue_when_its_signs_run_out_then_others_may_join(
    hurried: QueueScene, queue: QueueScene
) -> None:
    small = replace(ONE, max_waiting=1)
    hurried.waits(small)
    hurried.look(small, reachable=NOBODY)
    call = until(lambda: queue.joins(small)[1].value == 1, what="room in the queue")
    assert call


def test_given_ghosts_of_a_node_when_it_looks_then_it_forgets_them_and_the_tenant(hurried: QueueScene) -> None:
    call = hurried.waits(ONE)
    hurried.expire(call)

    def forgotten() -> bool:
        hurried.look(ONE)
        return hurried.store.queues.domains() == ()

    until(forgotten, what="the tenant to be looked at no more")
    assert hurried.remains() <= {"ring:p:w:open"}
