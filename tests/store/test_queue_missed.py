"""An offer that the agents did not take: the caller keeps his place, and who misses too often is logged out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.queueing.queue import Duty, Missed
from tests.store.queue_scene import SUPPORT, QueueScene
from tests.store.scene import AGENT

ONE = replace(SUPPORT, agents=("101",))
RING_ALL = replace(SUPPORT, strategy="ring_all")
MAX_MISSED = 3


def miss(queue: QueueScene, *, in_vain: bool = True) -> tuple[str, ...]:
    """101 misses another caller, who gives up then; returns who was logged out for it."""
    call = queue.waits(ONE)
    assert queue.offers(ONE) == [(call, "101")]
    _, logged_out = queue.misses(call, in_vain=in_vain)
    queue.ended(call)
    return logged_out


def test_given_a_missed_caller_when_he_is_back_then_he_waits_in_his_old_place(queue: QueueScene) -> None:
    calls = [queue.waits(ONE) for _ in range(3)]
    before, names = queue.seen(), queue.remains()
    queue.offers(ONE)
    assert queue.misses(calls[0]) == (Missed.WAITS, ())
    assert queue.seen() == before
    assert queue.waiting() == calls
    assert queue.remains() == names


def test_given_a_missed_caller_when_the_node_looks_again_then_the_next_agent_is_offered_him(queue: QueueScene) -> None:
    call = queue.waits()
    for agent in SUPPORT.agents:
        assert queue.offers() == [(call, agent)]
        queue.misses(call)


def test_given_a_caller_whom_everybody_missed_when_the_node_looks_again_then_he_is_offered_from_the_start(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    for _ in SUPPORT.agents:
        queue.offers()
        queue.misses(call)
    assert queue.offers() == [(call, "101")]


def test_given_a_caller_whom_an_agent_missed_when_only_that_agent_is_idle_then_he_is_offered_again(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.offers()
    queue.misses(call)
    assert queue.offers(reachable=("101",)) == [(call, "101")]


def test_given_an_agent_who_missed_one_caller_when_there_is_another_then_that_one_may_be_offered_him(
    queue: QueueScene,
) -> None:
    first, second = queue.waits(), queue.waits()
    assert queue.offers(reachable=("101",)) == [(first, "101")]
    queue.misses(first)
    assert queue.offers() == [(first, "102"), (second, "101")]


def test_given_an_agent_who_missed_a_caller_when_he_is_to_be_left_in_peace_then_nobody_is_offered_him_meanwhile(
    queue: QueueScene,
) -> None:
    call = queue.waits(ONE)
    queue.offers(ONE)
    before_us = queue.now_us()
    queue.misses(call, pause_s=30)
    assert before_us + 30_000_000 <= queue.agent("101").wrap_until_us <= queue.now_us() + 30_000_000
    assert queue.offers(ONE) == []
    queue.pass_wrap_up("101")
    assert queue.offers(ONE) == [(call, "101")]


def test_given_an_agent_who_missed_a_caller_when_he_is_looked_at_then_he_is_in_no_call(queue: QueueScene) -> None:
    call = queue.waits(ONE)
    queue.offers(ONE)
    assert queue.agent("101").in_calls == 1
    queue.misses(call)
    assert (queue.agent("101").in_calls, queue.agent("101").missed) == (0, 1)


def test_given_an_agent_who_waits_as_a_caller_when_another_agent_misses_him_then_he_is_not_idle_himself(
    queue: QueueScene,
) -> None:
    call = queue.waits(calls_from="103", is_agent=True)
    queue.offers()
    queue.misses(call)
    assert queue.agent("103").in_calls == 1
    assert queue.offers(reachable=("103",)) == []
    queue.ended(call)
    assert queue.remains() == set()


def test_given_an_agent_when_he_misses_three_in_a_row_then_he_is_logged_out_and_that_is_told_once(
    queue: QueueScene,
) -> None:
    assert [miss(queue) for _ in range(MAX_MISSED)] == [(), (), ("101",)]
    assert (queue.agent("101").logged_in, queue.agent("101").missed) == (False, 0)
    queue.log("101", Duty.IN)
    assert [miss(queue) for _ in range(MAX_MISSED)] == [(), (), ("101",)]


def test_given_ring_all_when_all_miss_three_in_a_row_then_all_who_did_are_logged_out(queue: QueueScene) -> None:
    queue.log("103", Duty.OUT)
    for turn in range(MAX_MISSED):
        call = queue.waits(RING_ALL)
        queue.offers(RING_ALL)
        assert queue.misses(call)[1] == (("101", "102") if turn == MAX_MISSED - 1 else ())
        queue.ended(call)


def test_given_an_agent_who_missed_two_when_he_answers_one_then_he_may_miss_two_again(queue: QueueScene) -> None:
    miss(queue), miss(queue)
    call = queue.waits(ONE)
    queue.offers(ONE)
    queue.takes(call, "101")
    queue.hangs_up(call)
    assert queue.agent("101").missed == 0
    assert [miss(queue) for _ in range(MAX_MISSED)] == [(), (), ("101",)]


def test_given_an_agent_who_missed_two_when_he_logs_in_again_then_he_may_miss_two_again(queue: QueueScene) -> None:
    miss(queue), miss(queue)
    queue.log("101", Duty.IN)
    assert [miss(queue) for _ in range(MAX_MISSED)] == [(), (), ("101",)]


def test_given_an_agent_who_could_not_be_rung_when_he_is_passed_over_then_it_does_not_count_against_him(
    queue: QueueScene,
) -> None:
    assert [miss(queue, in_vain=False) for _ in range(MAX_MISSED + 1)] == [()] * (MAX_MISSED + 1)
    assert queue.agent("101").missed == 0


def test_given_a_ringing_caller_who_was_claimed_when_the_agents_miss_him_then_he_is_in_no_line_until_his_release(
    queue: QueueScene,
) -> None:
    call = queue.waits(ONE)
    queue.offers(ONE)
    assert queue.picked_up("800", AGENT) == call
    assert queue.misses(call) == (Missed.WAITS, ())
    assert queue.waiting() == []
    assert queue.offers(ONE) == []
    queue.release(call)
    assert queue.waiting() == [call]
    assert queue.offers(ONE) == [(call, "101")]


def test_given_a_ringing_caller_who_was_picked_up_when_the_agents_miss_him_then_that_is_told_and_he_is_offered_nobody(
    queue: QueueScene,
) -> None:
    call = queue.waits(ONE)
    queue.offers(ONE)
    queue.pick("800", AGENT)
    queue.picked(call)
    assert queue.misses(call)[0] is Missed.PICKED_UP
    queue.release(call, "another's")
    assert queue.waiting() == []
    assert queue.offers(ONE) == []
    assert queue.ended(call) == "109"


@pytest.mark.parametrize("end", ["gave up", "was taken"])
def test_given_a_caller_who_is_gone_when_agents_are_said_to_have_missed_him_then_nothing_changes(
    queue: QueueScene, end: str
) -> None:
    call = queue.waits(ONE)
    queue.offers(ONE)
    if end == "gave up":
        queue.ended(call)
    else:
        queue.takes(call, "101")
    before = queue.left().keys()
    assert queue.misses(call) == (Missed.GONE, ())
    assert queue.left().keys() == before
    assert queue.agent("101").missed == 0
