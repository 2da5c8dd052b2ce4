"""Which agent a caller is offered to: who is idle, and in which order a strategy takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kemi.queueing.queue import Duty, Expired
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import open_store
from tests.store.queue_scene import SALES, SUPPORT, QueueScene
from tests.store.scene import HUNT, phone

RING_ALL = replace(SUPPORT, strategy="ring_all")
ROUND_ROBIN = replace(SUPPORT, strategy="round_robin")
LONGEST_IDLE = replace(SUPPORT, strategy="longest_idle")
ONE = replace(SUPPORT, agents=("101",))


def turn(queue: QueueScene, group: object = SUPPORT, **more: object) -> str:
    """The agents that the next caller is offered to; one of them takes him and hangs up at once."""
    call = queue.waits(group)  # type: ignore[arg-type]
    offers = queue.offers(group, **more)  # type: ignore[arg-type]
    assert [caller for caller, _ in offers] == [call]
    queue.takes(call, offers[0][1].split()[0])
    queue.hangs_up(call)
    return offers[0][1]


def test_given_linear_when_callers_come_then_the_first_in_the_document_s_order_who_is_idle_is_rung(
    queue: QueueScene,
) -> None:
    assert [turn(queue), turn(queue)] == ["101", "101"]
    queue.log("101", Duty.OUT)
    assert turn(queue) == "102"
    queue.log("101", Duty.IN)
    assert turn(queue) == "101"


def test_given_ring_all_when_a_caller_comes_then_every_idle_agent_is_rung_and_nobody_is_left_for_the_next(
    queue: QueueScene,
) -> None:
    queue.log("102", Duty.OUT)
    first, second = queue.waits(RING_ALL), queue.waits(RING_ALL)
    assert queue.offers(RING_ALL) == [(first, "101 103")]
    assert queue.offers(RING_ALL) == []
    queue.takes(first, "103")
    assert queue.offers(RING_ALL) == [(second, "101")]


def test_given_round_robin_when_callers_come_then_each_agent_has_his_turn_though_others_were_idle_longer(
    queue: QueueScene,
) -> None:
    assert [turn(queue, ROUND_ROBIN) for _ in range(7)] == ["101", "102", "103", "101", "102", "103", "101"]


def test_given_round_robin_when_the_one_whose_turn_it_is_is_not_idle_then_the_one_after_him_is_rung(
    queue: QueueScene,
) -> None:
    assert turn(queue, ROUND_ROBIN) == "101"
    queue.log("102", Duty.OUT)
    assert turn(queue, ROUND_ROBIN) == "103"
    queue.log("102", Duty.IN)
    assert [turn(queue, ROUND_ROBIN), turn(queue, ROUND_ROBIN)] == ["101", "102"]


def test_given_round_robin_when_an_agent_s_phone_goes_away_then_the_others_keep_their_turns(queue: QueueScene) -> None:
    assert [turn(queue, ROUND_ROBIN), turn(queue, ROUND_ROBIN)] == ["101", "102"]
    assert turn(queue, ROUND_ROBIN, reachable=("102", "103")) == "103"
    assert turn(queue, ROUND_ROBIN) == "101"


@pytest.mark.parametrize("obstacle", ["held by another node", "not ready"])
def test_given_round_robin_when_nodes_look_and_offer_nobody_then_no_turn_is_lost(
    queue: QueueScene, other_node: QueueScene, obstacle: str
) -> None:
    assert turn(queue, ROUND_ROBIN) == "101"
    if obstacle == "not ready":
        call, _ = queue.joins(ROUND_ROBIN)
        assert queue.offers(ROUND_ROBIN) == []
        queue.ready(call)
    else:
        call = queue.waits(ROUND_ROBIN)
        assert other_node.offers(ROUND_ROBIN) == []
    assert queue.offers(ROUND_ROBIN) == [(call, "102")]


def test_given_longest_idle_when_callers_come_then_the_agent_whose_last_call_ended_first_is_rung(
    queue: QueueScene,
) -> None:
    now = queue.now_us()
    for agent, ago_s in (("101", 10), ("102", 30), ("103", 20)):
        queue.set_agent(agent, "idle_since", now - ago_s * 1_000_000)
    assert [turn(queue, LONGEST_IDLE) for _ in range(4)] == ["102", "103", "101", "102"]


def test_given_a_caller_who_waits_when_the_last_agent_logs_out_then_he_leaves_the_queue_at_once(
    queue: QueueScene,
) -> None:
    first, *others = SUPPORT.agents
    for agent in others:
        queue.log(agent, Duty.OUT)
    call = queue.waits()
    assert queue.look(reachable=()) == (), "somebody may come to the phone"
    queue.log(first, Duty.OUT)
    assert [action.key for action in queue.look(reachable=()) if isinstance(action, Expired)] == [call.key]
    assert queue.waiting() == []


def test_given_longest_idle_when_an_agent_has_just_logged_in_then_those_who_were_there_go_first(
    queue: QueueScene,
) -> None:
    first, *others = LONGEST_IDLE.agents
    assert queue.log(first, Duty.OUT)
    assert queue.log(first, Duty.IN)
    call = queue.waits(LONGEST_IDLE)
    assert queue.offers(LONGEST_IDLE) == [(call, others[0])]


def test_given_longest_idle_when_two_were_never_in_a_call_then_the_document_s_order_decides(queue: QueueScene) -> None:
    assert [turn(queue, LONGEST_IDLE) for _ in range(4)] == ["101", "102", "103", "101"]


Engage = Callable[[QueueScene], DialogId]


def ring(queue: QueueScene) -> DialogId:
    return queue.ring("101", agents=("101",))


def call_out(queue: QueueScene) -> DialogId:
    return queue.ring("105", calls_from="101", agents=("101",))


def be_in_a_hunt_group(queue: QueueScene) -> DialogId:
    call = queue.ring("700", HUNT, members=("105",))
    queue.stage(call, ("101",), agents=("101",))
    return call


def talk(queue: QueueScene) -> DialogId:
    call = ring(queue)
    queue.answered(call, phone(5062), phone(5101), agents=("101",))
    return call


def wait_oneself(queue: QueueScene) -> DialogId:
    return queue.waits(SALES, calls_from="101", is_agent=True)


def be_offered_another_group_s_caller(queue: QueueScene) -> DialogId:
    sales = replace(SALES, agents=("101",))
    call = queue.waits(sales)
    assert queue.offers(sales) == [(call, "101")]
    return call


def pick_up(queue: QueueScene) -> DialogId:
    old = queue.ring("105")
    queue.pick(picker="101")
    new = queue.picked(old, picker=phone(5101), agents=("101",))
    queue.ended(old)
    return new


ENGAGED = [ring, call_out, be_in_a_hunt_group, talk, wait_oneself, be_offered_another_group_s_caller, pick_up]


@pytest.mark.parametrize("engage", ENGAGED, ids=lambda engage: engage.__name__)
def test_given_an_agent_in_any_call_when_a_caller_waits_then_he_is_not_offered_until_that_call_is_over(
    queue: QueueScene, engage: Engage
) -> None:
    other = engage(queue)
    call = queue.waits(ONE)
    assert queue.offers(ONE) == []
    assert queue.agent("101").in_calls == 1
    if engage in (talk, pick_up):
        queue.hangs_up(other)
    else:
        queue.ended(other)
    assert queue.offers(ONE) == [(call, "101")]


def test_given_a_call_to_an_agent_that_goes_on_to_other_phones_when_a_caller_waits_then_he_is_idle(
    queue: QueueScene,
) -> None:
    other = be_in_a_hunt_group(queue)
    call = queue.waits(ONE)
    assert queue.offers(ONE) == []
    queue.stage(other, ("105",))
    assert queue.offers(ONE) == [(call, "101")]


def test_given_two_calls_of_an_agent_when_one_is_over_then_he_is_not_idle(queue: QueueScene) -> None:
    first, second = talk(queue), call_out(queue)
    call = queue.waits(ONE)
    queue.ended(second)
    assert queue.offers(ONE) == []
    queue.hangs_up(first)
    assert queue.offers(ONE) == [(call, "101")]


@pytest.mark.parametrize("engage", [ring, talk], ids=lambda engage: engage.__name__)
def test_given_a_call_of_an_agent_that_nobody_saw_end_when_its_record_expires_then_he_is_idle(
    queue: QueueScene, engage: Engage
) -> None:
    other = engage(queue)
    call = queue.waits(ONE)
    assert queue.offers(ONE) == []
    queue.expire(other)
    assert queue.offers(ONE) == [(call, "101")]


def test_given_a_dialog_of_an_agent_that_goes_on_for_long_when_it_is_renewed_then_he_is_not_idle(
    queue: QueueScene, settings: Settings
) -> None:
    short_lived = open_store(replace(settings, dialog_ttl_s=2))
    brief = QueueScene(short_lived, queue.redis, names=queue.names)
    other = queue.dialog()
    brief.answered(other, phone(5062), phone(5101), agents=("101",))
    assert 0 < queue.left()["busy:101"] <= 2_000
    queue.renewed((other, DialogId(other.call_id, "callee")), phone(5062))
    assert queue.left()["busy:101"] > 3_600_000
    queue.hangs_up(other)
    assert "busy:101" not in queue.left()
    short_lived.close()


def test_given_an_agent_of_a_group_when_his_call_is_over_then_he_is_idle_after_his_wrap_up(queue: QueueScene) -> None:
    first = queue.waits(ONE)
    queue.offers(ONE)
    queue.takes(first, "101", wrap_up_s=30)
    assert queue.agent("101").wrap_until_us == 0
    before_us = queue.now_us()
    queue.hangs_up(first)
    wrap_until_us = queue.agent("101").wrap_until_us
    assert before_us + 30_000_000 <= wrap_until_us <= queue.now_us() + 30_000_000
    second = queue.waits(ONE)
    assert queue.offers(ONE) == []
    queue.pass_wrap_up("101")
    assert queue.offers(ONE) == [(second, "101")]


def test_given_a_direct_call_of_an_agent_when_it_is_over_then_there_is_no_wrap_up(queue: QueueScene) -> None:
    queue.hangs_up(talk(queue))
    call = queue.waits(ONE)
    assert queue.offers(ONE) == [(call, "101")]


def test_given_agents_whose_phones_are_not_registered_when_a_caller_waits_then_they_are_not_rung(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    assert queue.offers(reachable=()) == []
    assert queue.offers(reachable=("102",)) == [(call, "102")]


def test_given_an_agent_who_logs_out_when_a_caller_waits_then_he_is_not_rung_until_he_is_back(
    queue: QueueScene,
) -> None:
    both = replace(ONE, agents=("101", "102"))
    queue.log("101", Duty.OUT)
    call = queue.waits(both)
    assert queue.offers(both, reachable=["101"]) == []
    queue.log("101", Duty.IN)
    assert queue.offers(both, reachable=["101"]) == [(call, "101")]


def test_given_ring_all_when_one_takes_the_caller_then_the_others_are_idle_at_once_and_have_missed_nothing(
    queue: QueueScene,
) -> None:
    call = queue.waits(RING_ALL)
    queue.offers(RING_ALL)
    queue.takes(call, "102", wrap_up_s=30)
    assert [queue.agent(agent).in_calls for agent in RING_ALL.agents] == [0, 1, 0]
    assert [queue.agent(agent).missed for agent in RING_ALL.agents] == [0, 0, 0]
    next_one = queue.waits(RING_ALL)
    assert queue.offers(RING_ALL) == [(next_one, "101 103")]


def test_given_an_offered_caller_when_he_gives_up_then_the_agents_are_idle_and_have_missed_nothing(
    queue: QueueScene,
) -> None:
    first, second = queue.waits(RING_ALL), queue.waits(RING_ALL)
    queue.offers(RING_ALL)
    queue.ended(first)
    assert queue.offers(RING_ALL) == [(second, "101 102 103")]
    assert [queue.agent(agent).missed for agent in RING_ALL.agents] == [0, 0, 0]
