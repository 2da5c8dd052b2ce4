"""A store that has lost callers who wait learns of them from their node: as if it had never forgotten them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kemi.dialogs.own_calls import Standing
from kemi.sip.dialog import DialogId
from kemi.store.queues import AT_ONCE
from tests.store.queue_scene import SUPPORT, QueueScene

ALL_OF_IT: Any = {"calls_from": "103", "is_agent": True, "by_member": True}


def in_each_state(queue: QueueScene) -> tuple[DialogId, ...]:
    """A call that a picker has claimed, one that rings an agent, one that an agent has answered, one that waits."""
    claimed, offered, talking, waiting = (queue.waits() for _ in range(4))
    queue.only("101")
    assert queue.picked_up() == claimed
    assert queue.offers() == [(offered, "101")]
    queue.takes(talking, "102")
    return claimed, offered, talking, waiting


def test_given_a_caller_who_waits_when_the_store_has_lost_him_then_all_that_it_had_is_there_again(
    queue: QueueScene,
) -> None:
    call = queue.waits(**ALL_OF_IT)
    seen, lasting = queue.seen()[call], queue.lasting()
    queue.redis.flushdb()
    assert queue.standing(call) == [Standing.MISSING]

    queue.stands_again(call, 0, **ALL_OF_IT)

    assert replace(queue.seen()[call], routed_at_us=0) == replace(seen, routed_at_us=0)
    assert queue.lasting() == lasting
    assert queue.standing(call) == [Standing.WAITS]
    assert queue.domain in queue.store.queues.domains()


def test_given_callers_who_came_one_after_the_other_when_they_stand_again_in_any_order_then_the_first_is_first(
    queue: QueueScene,
) -> None:
    first, second, third = (queue.dialog() for _ in range(3))
    queue.stands_again(third, 1_000)
    queue.stands_again(first, 60_000)
    queue.stands_again(second, 30_000)
    fourth = queue.waits()
    assert queue.waiting() == [first, second, third, fourth]
    age_us = queue.now_us() - queue.seen()[first].routed_at_us
    assert 60_000_000 <= age_us < 70_000_000
    queue.only("101")
    assert queue.offers() == [(first, "101")]


def test_given_a_caller_who_is_known_when_his_node_tells_of_him_once_more_then_nothing_changes(
    queue: QueueScene,
) -> None:
    calls = in_each_state(queue)
    before, waiting = queue.seen(), queue.waiting()
    for call in calls:
        queue.stands_again(call, 90_000)
    assert queue.seen() == before
    assert queue.waiting() == waiting == [calls[-1]]


def test_given_a_full_queue_and_no_agent_on_duty_when_a_caller_stands_again_then_he_waits_all_the_same(
    queue: QueueScene,
) -> None:
    small = replace(SUPPORT, max_waiting=1)
    first = queue.waits(small)
    queue.only()
    assert queue.agent("101").logged_in is False
    second = queue.dialog()
    queue.stands_again(second, 0, small)
    assert queue.waiting() == [first, second]


def test_given_a_caller_who_hung_up_a_moment_ago_when_his_node_tells_of_him_then_he_is_not_put_back(
    queue: QueueScene,
) -> None:
    waiting, unknown = queue.waits(), queue.dialog()
    for call in (waiting, unknown):
        queue.ended(call)
    before = queue.remains()
    for call in (waiting, unknown):
        queue.stands_again(call, 0)
        assert queue.standing(call) == [Standing.OVER]
    assert queue.waiting() == []
    assert queue.remains() == before


def test_given_calls_in_each_state_when_asked_where_they_stand_then_each_is_told(queue: QueueScene) -> None:
    told = queue.standing(queue.dialog(), *in_each_state(queue))
    assert told == [Standing.MISSING, Standing.WAITS, Standing.OFFERED, Standing.OVER, Standing.WAITS]


def test_given_more_callers_than_one_question_names_when_asked_then_each_has_his_answer_in_his_place(
    queue: QueueScene,
) -> None:
    calls = [queue.dialog() for _ in range(2 * AT_ONCE + 1)]
    there = [queue.waits(), queue.waits()]
    calls[AT_ONCE], calls[-1] = there
    told = queue.standing(*calls)
    assert [calls[i] for i, standing in enumerate(told) if standing is Standing.WAITS] == there
    assert len(told) == len(calls)
    assert queue.standing() == []


def test_given_a_caller_whose_tag_is_not_known_any_more_when_he_stands_again_then_he_is_served_all_the_same(
    queue: QueueScene,
) -> None:
    call = queue.dialog()
    queue.stands_again(call, 0, tag="")
    assert queue.seen()[call].early_tags == ()
    queue.only("101")
    assert queue.offers() == [(call, "101")]


def test_given_the_store_s_clock_when_asked_where_calls_stand_then_it_is_told(queue: QueueScene) -> None:
    before_us = queue.now_us()
    calls = [queue.dialog().key for _ in range(AT_ONCE + 1)]
    assert before_us <= queue.store.queues.standings(queue.domain, calls)[0] <= queue.now_us()
