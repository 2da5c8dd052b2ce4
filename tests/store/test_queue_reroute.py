"""A caller who waits for an agent is sent to his picker's phone: his place, and what his group counts."""

from __future__ import annotations

from kemi.pickup.claim import Outcome, Rerouted
from tests.store.queue_scene import QueueScene
from tests.store.scene import AGENT, phone


def test_given_a_waiting_caller_who_is_sent_when_an_agent_is_idle_then_he_is_offered_to_nobody_and_keeps_his_place(
    queue: QueueScene,
) -> None:
    first, second = queue.waits(), queue.waits()
    assert queue.picked_up("800", AGENT) == first
    assert queue.reroute(first) is Rerouted.DONE
    assert queue.offers() == [(second, "101")]
    queue.release(first)
    assert queue.offers() == [(first, "102")]
    assert queue.statistics().get("abandoned", 0) == 0


def test_given_a_waiting_caller_who_is_sent_when_the_phone_answers_then_it_is_picked_up_once_and_nothing_waits(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.picked_up("800", AGENT)
    queue.reroute(call)
    for _ in range(2):
        queue.connected(call, picker=phone(5070), agents=("104",), group="800")
    assert queue.statistics() == {"picked_up": 1}
    assert queue.agent("104").in_calls == 1
    assert queue.waiting() == []
    queue.hangs_up(call)
    assert queue.agent("104").in_calls == 0
    queue.look()
    assert queue.remains() == set()


def test_given_a_waiting_caller_who_is_sent_when_he_gives_up_then_the_group_counts_no_abandoned_caller(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.picked_up("800", AGENT)
    queue.reroute(call)
    assert queue.ended(call) == ""
    assert queue.connected(call, group="800")[0] is Outcome.LOST
    assert queue.statistics() == {}
    assert queue.remains() == set()


def test_given_an_agent_who_answered_when_the_caller_s_phone_took_the_picker_all_the_same_then_the_picker_is_credited(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.offers()
    queue.picked_up("800", AGENT)
    queue.takes(call, "101", wrap_up_s=5)
    assert queue.statistics()["answered"] == 1
    outcome, _ = queue.connected(call, new=queue.dialog(), group="800")
    assert outcome is Outcome.CROSSED
    assert queue.statistics() == {"answered": 0, "picked_up": 1}
    assert queue.agent("101").in_calls == 0
