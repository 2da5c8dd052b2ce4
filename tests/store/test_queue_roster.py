"""Agents log in and out, and what people see of agents and queues."""

from __future__ import annotations

from dataclasses import replace

from kemi.queueing.queue import Duty
from tests.store.queue_scene import SALES, SUPPORT, QueueScene

ONE = replace(SUPPORT, agents=("101",))


def test_given_an_agent_of_whom_nothing_is_known_when_he_is_looked_at_then_he_is_logged_in_and_idle(
    queue: QueueScene,
) -> None:
    agent = queue.agent("101")
    assert (agent.number, agent.logged_in, agent.in_calls, agent.missed) == ("101", True, 0, 0)
    assert (agent.idle_since_us, agent.wrap_until_us) == (0, 0)


def test_given_an_agent_when_he_logs_out_and_in_then_each_is_a_change_once(queue: QueueScene) -> None:
    assert not queue.log("101", Duty.IN)
    assert queue.log("101", Duty.OUT)
    assert not queue.log("101", Duty.OUT)
    assert not queue.agent("101").logged_in
    assert queue.log("101", Duty.IN)
    assert not queue.log("101", Duty.IN)
    assert queue.agent("101").logged_in


def test_given_an_agent_who_logs_out_when_he_is_seen_from_another_node_then_he_is_out_there_too(
    queue: QueueScene, other_node: QueueScene
) -> None:
    queue.log("101", Duty.OUT)
    assert not other_node.agent("101").logged_in
    other_node.waits()
    assert [agent for _, agent in other_node.offers()] == ["102"]


def test_given_an_agent_who_logs_out_when_he_has_a_call_then_the_call_goes_on_and_he_gets_no_other(
    queue: QueueScene,
) -> None:
    first = queue.waits(ONE)
    queue.offers(ONE)
    queue.takes(first, "101")
    queue.log("101", Duty.OUT)
    assert queue.agent("101").in_calls == 1
    queue.log("102", Duty.OUT)
    second = queue.waits()
    assert queue.offers() == [(second, "103")]
    queue.hangs_up(first)
    assert (queue.agent("101").in_calls, queue.agent("101").logged_in) == (0, False)


def test_given_an_agent_when_his_call_is_over_then_he_is_idle_since_then(queue: QueueScene) -> None:
    call = queue.waits(ONE)
    queue.offers(ONE)
    queue.takes(call, "101")
    assert queue.agent("101").idle_since_us == 0
    before_us = queue.now_us()
    queue.hangs_up(call)
    assert before_us <= queue.agent("101").idle_since_us <= queue.now_us()


def test_given_agents_and_groups_when_the_roster_is_read_then_it_has_them_in_the_order_asked_and_changes_nothing(
    queue: QueueScene,
) -> None:
    queue.log("104", Duty.OUT)
    [queue.waits() for _ in range(3)]
    queue.waits(SALES)
    queue.offers(reachable=("102",))
    before = queue.left().keys()
    roster = queue.store.queues.roster(queue.domain, ["104", "102", "101"], ["801", "800", "900"])
    assert [(a.number, a.logged_in, a.in_calls) for a in roster.agents] == [
        ("104", False, 0),
        ("102", True, 1),
        ("101", True, 0),
    ]
    assert [(group.number, group.waiting) for group in roster.groups] == [("801", 1), ("800", 2), ("900", 0)]
    assert abs(queue.now_us() - roster.now_us) < 5_000_000
    assert queue.left().keys() == before


def test_given_round_robin_when_the_statistics_are_read_then_whose_turn_it_is_is_not_among_them(
    queue: QueueScene,
) -> None:
    group = replace(SUPPORT, strategy="round_robin")
    call = queue.waits(group)
    queue.offers(group)
    queue.takes(call, "101")
    assert queue.statistics(group) == {"answered": 1}


def test_given_nobody_when_the_roster_is_read_then_it_is_empty(queue: QueueScene) -> None:
    roster = queue.store.queues.roster(queue.domain, [], [])
    assert (roster.agents, roster.groups) == ((), ())
