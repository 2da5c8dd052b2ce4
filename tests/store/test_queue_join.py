"""A caller enters an agent group's queue: what he becomes there, and that nothing of him outlives him."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kemi.accounts.model import AgentGroup
from kemi.queueing.queue import Joined
from kemi.sip.dialog import DialogId
from kemi.store import keys
from tests.store.queue_scene import SALES, SUPPORT, TAG, TTL_MS, QueueScene
from tests.store.scene import AGENT, EXTENSION, OPEN, SPARE_MS, caller


def test_given_a_group_with_agents_when_a_caller_joins_then_he_waits_and_is_shown_with_all_that_a_pickup_needs(
    queue: QueueScene,
) -> None:
    call, joined = queue.joins(calls_from="105")
    queue.ready(call)
    assert joined is Joined.WAITS
    shown = queue.seen()[call]
    assert (shown.kind, shown.number, shown.permission_id) == (AGENT, "800", OPEN)
    assert (shown.waiting, shown.ringing, shown.early_tags) == (True, (), (TAG,))
    assert shown.caller == caller(call, "105")


def test_given_a_caller_when_he_joins_then_his_place_is_the_moment_of_the_store_s_clock(queue: QueueScene) -> None:
    before_us = queue.now_us()
    call = queue.waits()
    assert before_us <= queue.seen()[call].routed_at_us <= queue.now_us()


def test_given_callers_who_joined_when_they_are_surveyed_then_they_come_first_to_last(queue: QueueScene) -> None:
    calls = [queue.waits(), queue.waits(SALES), queue.waits()]
    assert list(queue.seen()) == calls
    assert queue.waiting() == [calls[0], calls[2]]


def test_given_a_full_queue_when_another_joins_then_it_is_full_and_nothing_of_him_is_kept(queue: QueueScene) -> None:
    group = replace(SUPPORT, max_waiting=2)
    calls = [queue.waits(group) for _ in range(2)]
    before = queue.remains()
    assert queue.joins(group)[1] is Joined.FULL
    assert queue.waiting() == calls
    assert queue.remains() == before
    assert queue.statistics()["overflowed"] == 1


def test_given_a_full_queue_when_the_head_is_offered_then_there_is_room_for_another(queue: QueueScene) -> None:
    group = replace(SUPPORT, max_waiting=1)
    queue.waits(group)
    assert queue.joins(group)[1] is Joined.FULL
    assert len(queue.offers(group)) == 1
    assert queue.joins(group)[1] is Joined.WAITS


def test_given_one_group_s_full_queue_when_a_caller_joins_another_s_then_he_waits(queue: QueueScene) -> None:
    queue.waits(replace(SUPPORT, max_waiting=1))
    assert queue.joins(replace(SALES, max_waiting=1))[1] is Joined.WAITS


def test_given_a_queue_full_of_ghosts_when_a_caller_joins_then_he_waits(queue: QueueScene) -> None:
    group = replace(SUPPORT, max_waiting=3)
    ghosts = [queue.waits(group) for _ in range(2)]
    living = queue.waits(group)
    for ghost in ghosts:
        queue.lose_record(ghost)
    call, joined = queue.joins(group)
    assert joined is Joined.WAITS
    assert queue.waiting() == [living, call]
    assert queue.joins(group)[1] is Joined.WAITS
    assert queue.joins(group)[1] is Joined.FULL


def test_given_a_group_whose_agents_are_logged_out_when_a_caller_joins_then_nobody_is_logged_in(
    queue: QueueScene,
) -> None:
    queue.only("104")
    assert queue.joins()[1] is Joined.NOBODY_LOGGED_IN
    assert queue.remains() == set()
    assert queue.statistics() == {"overflowed": 1}
    assert queue.joins(SALES)[1] is Joined.WAITS


def test_given_a_group_without_agents_when_a_caller_joins_then_nobody_is_logged_in(queue: QueueScene) -> None:
    assert queue.joins(replace(SUPPORT, agents=()))[1] is Joined.NOBODY_LOGGED_IN


def test_given_a_call_that_ended_on_another_worker_when_it_joins_late_then_it_does_not_wait(queue: QueueScene) -> None:
    call = queue.dialog()
    queue.ended(call)
    assert queue.joins(dialog=call)[1] is Joined.ENDED
    assert queue.look() == (), "and the node looks there no more"
    assert queue.left() == {}
    queue.ready(call)
    assert queue.left() == {}


def test_given_a_call_that_rang_an_extension_when_it_joins_a_queue_then_it_leaves_the_extension_s_line(
    queue: QueueScene,
) -> None:
    call = queue.ring("101", EXTENSION, by_member=True, agents=("101",))
    queue.waits(dialog=call)
    assert queue.waiting() == [call]
    assert not any(name.startswith(("ring:n:", "ring:p:e:", "ring:m:", "busy:")) for name in queue.left())


def test_given_a_caller_whose_182_is_still_to_be_sent_when_agents_are_idle_then_he_is_not_offered(
    queue: QueueScene,
) -> None:
    call, _ = queue.joins()
    assert queue.offers() == []
    queue.ready(call)
    assert queue.offers() == [(call, "101")]


def test_given_a_waiting_caller_when_he_is_offered_and_missed_then_the_queue_s_own_early_dialog_lives_on(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.offers()
    queue.rings(call, 1, "agent")
    assert queue.seen()[call].early_tags == (TAG, "agent")
    queue.branch_failed(call, 1)
    assert queue.seen()[call].early_tags == (TAG,)
    queue.misses(call)
    queue.offers()
    queue.rings(call, 2, "another agent")
    queue.misses(call)
    assert queue.seen()[call].early_tags == (TAG,)


Step = Callable[[QueueScene, DialogId], object]
STEPS: dict[str, Step] = {
    "offer": lambda queue, _: queue.offers(),
    "ring": lambda queue, call: queue.rings(call, 1, "agent"),
    "claim": lambda queue, _: queue.pick("800", AGENT),
    "miss": lambda queue, call: queue.misses(call),
    "release": lambda queue, call: queue.release(call),
    "claim again": lambda queue, _: queue.pick("800", AGENT, token="again"),
    "pick": lambda queue, call: queue.picked(call, "again"),
}


def test_given_a_queued_call_when_any_moment_is_looked_at_then_every_key_of_it_expires_by_itself(
    queue: QueueScene,
) -> None:
    call = queue.waits(calls_from="104", is_agent=True)
    assert queue.remains() == {
        f"call:{call.key}", "wait:800", f"ring:p:w:{OPEN}", f"due:{queue.node}", "busy:104"
    }  # fmt: skip
    for name, step in STEPS.items():
        step(queue, call)
        left = queue.left()
        assert all(0 < left[key] <= TTL_MS + SPARE_MS for key in queue.remains()), (name, left)


ENDS: dict[str, Step] = {
    "gives up": lambda queue, call: queue.ended(call),
    "goes to the overflow": lambda queue, call: queue.store.queues.overflowed(queue.domain, call.key),
    "is lost": lambda queue, call: queue.store.queues.lost(queue.domain, call.key),
    "is sent outside": lambda queue, call: queue.store.calls.forget(queue.domain, call),
}


@pytest.mark.parametrize("until", [None, *STEPS], ids=lambda until: f"after-{until}")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_given_a_queued_call_when_it_is_over_then_nothing_of_it_is_left(
    queue: QueueScene, until: str | None, end: Step
) -> None:
    call = queue.waits(calls_from="104", is_agent=True)
    for name, step in STEPS.items() if until else ():
        step(queue, call)
        if name == until:
            break
    end(queue, call)
    queue.store.settle()
    assert queue.remains() == set()
    queue.look()
    assert keys.queues(queue.node) not in queue.left()


def test_given_an_offered_caller_when_the_agent_takes_him_and_hangs_up_then_nothing_of_the_call_is_left(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.offers()
    queue.takes(call, "101", wrap_up_s=5)
    assert queue.remains() == {f"talk:{call.key}", "device:udp:192.0.2.1:5062", "device:udp:192.0.2.1:5101", "busy:101"}
    queue.hangs_up(call)
    assert queue.remains() == set()
    assert {name for name in queue.left() if name.startswith(("agent", "stats"))} == {"agent:101", "stats:800"}
    assert queue.left()["agent:101"] == queue.left()["stats:800"] == -1


def test_given_a_claimed_caller_when_his_phone_takes_the_picker_then_nothing_of_the_old_call_is_left(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.pick()
    new = queue.picked(call)
    queue.ended(call)
    queue.over((new, queue.dialog()))
    assert queue.remains() == set()


@pytest.mark.parametrize("group", [SUPPORT, SALES], ids=["support", "sales"])
def test_given_a_node_when_its_callers_come_and_go_then_it_knows_in_which_tenants_to_look(
    queue: QueueScene, other_node: QueueScene, group: AgentGroup
) -> None:
    assert queue.store.queues.domains() == ()
    call = queue.waits(group)
    assert queue.store.queues.domains() == (queue.domain,)
    assert other_node.store.queues.domains() == ()
    queue.look()
    assert queue.store.queues.domains() == (queue.domain,)
    queue.ended(call)
    queue.look()
    assert queue.store.queues.domains() == ()
