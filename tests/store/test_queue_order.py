"""Who is offered next: first in first out over all nodes and groups, and nobody is overtaken."""

from __future__ import annotations

from dataclasses import replace

from kemi.accounts.model import AgentGroup
from kemi.queueing.queue import Duty, Expired, Offer
from kemi.sip.dialog import DialogId
from tests.store.queue_scene import SALES, SUPPORT, QueueScene

ONE = replace(SUPPORT, agents=("101",))


def serve_all(queue: QueueScene, *groups: AgentGroup) -> list[DialogId]:
    """Let every caller be offered, taken and hung up on, one look after another: in which order."""
    served = []
    while offers := queue.offers(*groups):
        for call, agent in offers:
            served.append(call)
            queue.takes(call, agent)
            queue.hangs_up(call)
    return served


def test_given_callers_when_agents_become_idle_then_the_first_in_is_the_first_out(queue: QueueScene) -> None:
    calls = [queue.waits(ONE) for _ in range(6)]
    assert serve_all(queue, ONE) == calls
    assert queue.waiting() == []


def test_given_more_agents_than_callers_when_a_node_looks_then_each_caller_is_offered_to_another(
    queue: QueueScene,
) -> None:
    first, second = queue.waits(), queue.waits()
    assert queue.offers() == [(first, "101"), (second, "102")]
    assert queue.offers() == []
    assert queue.offers(SALES) == []


def test_given_an_offered_caller_when_he_is_shown_then_he_rings_the_agent_and_waits_no_more(queue: QueueScene) -> None:
    call = queue.waits()
    before = queue.seen()[call]
    queue.offers()
    shown = queue.seen()[call]
    assert (shown.waiting, shown.ringing, shown.routed_at_us) == (False, ("101",), before.routed_at_us)


def test_given_an_offer_when_it_is_read_then_it_names_the_transaction_that_holds_the_caller(queue: QueueScene) -> None:
    call = queue.waits()
    assert queue.look() == (Offer(call.key, f"1:{call.call_id}", ("101",)),)


def test_given_an_agent_of_two_groups_when_he_becomes_idle_then_he_gets_who_has_waited_longest_in_either(
    queue: QueueScene,
) -> None:
    queue.only("103")
    calls = [queue.waits(SALES), queue.waits(SUPPORT), queue.waits(SUPPORT), queue.waits(SALES)]
    assert serve_all(queue, SUPPORT, SALES) == calls


def test_given_two_groups_when_only_the_younger_caller_s_has_an_idle_agent_then_that_one_is_offered(
    queue: QueueScene,
) -> None:
    queue.only("104")
    queue.log("101", Duty.IN)
    older, younger = queue.waits(SUPPORT), queue.waits(SALES)
    assert queue.offers(SUPPORT, SALES, reachable=("104",)) == [(younger, "104")]
    assert queue.waiting() == [older]


def test_given_callers_of_two_nodes_when_either_looks_then_it_offers_its_own_and_overtakes_nobody(
    queue: QueueScene, other_node: QueueScene
) -> None:
    first, second, third = queue.waits(), other_node.waits(), queue.waits()
    assert other_node.offers() == []
    assert queue.offers() == [(first, "101")]
    assert queue.offers() == []
    assert other_node.offers() == [(second, "102")]
    assert queue.offers() == [(third, "103")]


def test_given_an_older_caller_of_another_node_in_another_group_when_a_node_looks_then_it_leaves_him_the_agent(
    queue: QueueScene, other_node: QueueScene
) -> None:
    queue.only("103")
    older, younger = other_node.waits(SUPPORT), queue.waits(SALES)
    assert queue.offers(SUPPORT, SALES) == []
    assert other_node.offers(SUPPORT, SALES) == [(older, "103")]
    other_node.takes(older, "103")
    other_node.hangs_up(older)
    assert queue.offers(SUPPORT, SALES) == [(younger, "103")]


def test_given_an_older_caller_of_another_node_when_there_are_agents_for_both_then_the_younger_gets_the_other_one(
    queue: QueueScene, other_node: QueueScene
) -> None:
    queue.only("103", "104")
    older, younger = other_node.waits(SUPPORT), queue.waits(SALES)
    assert queue.offers(SUPPORT, SALES) == [(younger, "104")]
    assert other_node.offers(SUPPORT, SALES) == [(older, "103")]


def test_given_a_caller_who_is_still_to_hear_his_182_when_a_node_looks_then_he_is_not_overtaken(
    queue: QueueScene,
) -> None:
    first, _ = queue.joins()
    second = queue.waits()
    assert queue.offers() == []
    queue.ready(first)
    assert queue.offers() == [(first, "101"), (second, "102")]


def test_given_a_caller_of_whom_nobody_said_that_he_is_ready_when_he_has_waited_for_seconds_then_he_blocks_nobody(
    queue: QueueScene,
) -> None:
    # The word was lost with the store's connection: his transaction tells whether he is still there.
    unsaid, _ = queue.joins()
    queue.overstay(unsaid, 10)
    second = queue.waits()
    assert queue.offers() == [(unsaid, "101"), (second, "102")]


def test_given_ghosts_at_the_head_when_a_node_looks_then_it_offers_the_first_who_lives(queue: QueueScene) -> None:
    ghosts = [queue.waits() for _ in range(2)]
    living = queue.waits()
    for ghost in ghosts:
        queue.lose_record(ghost)
    assert queue.offers() == [(living, "101")]
    assert queue.waiting() == []


def test_given_a_ghost_of_another_node_when_a_node_looks_then_it_does_not_block(
    queue: QueueScene, other_node: QueueScene
) -> None:
    ghost, living = other_node.waits(), queue.waits()
    assert queue.offers() == []
    queue.lose_record(ghost)
    assert queue.offers() == [(living, "101")]


def test_given_a_caller_who_waited_too_long_when_his_node_looks_then_he_is_out_of_the_queue_and_of_every_line(
    queue: QueueScene,
) -> None:
    call, next_one = queue.waits(), queue.waits()
    queue.overstay(call)
    assert queue.look(reachable=()) == (Expired(call.key, f"1:{call.call_id}"),)
    assert queue.waiting() == [next_one]
    assert list(queue.seen()) == [next_one]
    assert queue.look(reachable=()) == ()
    assert queue.picked_up() == next_one
    assert queue.ended(call) == ""
    assert queue.statistics() == {"abandoned": 1}


def test_given_a_caller_who_waited_too_long_when_another_node_looks_then_it_leaves_him_to_his_own(
    queue: QueueScene, other_node: QueueScene
) -> None:
    call = other_node.waits()
    queue.overstay(call)
    assert queue.look(reachable=()) == ()
    assert [type(action) for action in other_node.look(reachable=())] == [Expired]


def test_given_a_caller_who_has_waited_for_less_than_he_may_when_a_node_looks_then_he_waits_on(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.overstay(call, SUPPORT.max_wait_s - 30)
    assert queue.look(reachable=()) == ()
    assert queue.waiting() == [call]


def test_given_a_missed_caller_who_waited_too_long_when_his_node_looks_then_he_is_out(queue: QueueScene) -> None:
    call = queue.waits()
    queue.offers()
    queue.overstay(call)
    assert queue.look() == (), "who is being offered is not taken away"
    queue.misses(call)
    assert queue.look(reachable=()) == (Expired(call.key, f"1:{call.call_id}"),)
