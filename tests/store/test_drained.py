"""A node lets go of those who wait with it; nobody else's wait is touched."""

from __future__ import annotations

from tests.store.queue_scene import SUPPORT, QueueScene


def test_given_callers_of_two_nodes_when_one_drains_then_its_own_leave_the_queue_and_the_others_stay_first(
    queue: QueueScene, other_node: QueueScene
) -> None:
    first, others, third = queue.waits(), other_node.waits(), queue.waits()

    gone = queue.store.queues.drained(queue.domain)

    assert {(one.key, one.transaction) for one in gone} == {(c.key, f"1:{c.call_id}") for c in (first, third)}
    assert queue.waiting() == [others]
    assert other_node.offers() == [(others, "101")]
    assert queue.store.queues.drained(queue.domain) == (), "each is let go once"
    for call in (first, third):
        queue.store.queues.overflowed(queue.domain, call.key)
    queue.store.settle()
    assert {name for name in queue.remains() if name.startswith("call:")} == {f"call:{others.key}"}


def test_given_a_caller_who_rings_an_agent_when_the_node_drains_then_he_rings_on(queue: QueueScene) -> None:
    rings = queue.waits()
    assert queue.offers() == [(rings, "101")]
    assert queue.store.queues.drained(queue.domain) == ()
    queue.takes(rings, "101")
    assert queue.agent("101").in_calls == 1


def test_given_who_was_not_ready_yet_when_the_node_drains_then_he_is_let_go_too(queue: QueueScene) -> None:
    caller, _ = queue.joins()
    (gone,) = queue.store.queues.drained(queue.domain)
    assert gone.key == caller.key
    assert queue.waiting(SUPPORT) == []
