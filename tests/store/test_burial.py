"""What a dead node held, and what it did not, when it is buried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from kemi.nodes.peer import Peer
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import Store, open_store
from kemi.store.keys import NODES, SUFFIXES, queues, tenant
from tests.store.queue_scene import QueueScene
from tests.store.scene import PICKER, phone

DEAD = Peer("dead", "1", "udp:192.0.2.1:5060")


@pytest.fixture
def dead(settings: Settings, raw: redis.Redis, queue: QueueScene) -> Iterator[QueueScene]:
    """The same tenant, as the node sees it that dies."""
    store = open_store(replace(settings, node=DEAD.name, boot=DEAD.boot))
    yield QueueScene(store, raw, names=queue.names, node=DEAD.instance, _serial=queue._serial)
    store.close()


def buried(queue: QueueScene) -> None:
    assert queue.store.nodes.bury(queue.domain, DEAD.instance) == 0


def left(queue: QueueScene) -> list[str]:
    prefix = tenant(queue.domain).encode()
    return sorted(key.removeprefix(prefix).decode() for key in queue.redis.keys(prefix + b"*"))  # type: ignore[union-attr]


def test_given_calls_of_two_nodes_when_one_is_buried_then_only_its_own_are_gone(
    queue: QueueScene, dead: QueueScene
) -> None:
    its, ours = dead.ring("101"), queue.ring("101")
    assert set(queue.seen()) == {its, ours}
    buried(queue)
    assert set(queue.seen()) == {ours}
    assert queue.picked_up("101") == ours


def test_given_all_that_a_call_leaves_when_its_node_is_buried_then_no_key_is_left(
    queue: QueueScene, dead: QueueScene
) -> None:
    dead.ring("101")
    dead.ring("700", members=("101", "102"))
    dead.waits()
    assert queue.picked_up("101") is not None
    buried(queue)
    assert left(queue) == ["stats:800"]


def test_given_an_agent_who_rings_for_a_dead_node_s_caller_when_it_is_buried_then_he_is_idle_again(
    queue: QueueScene, dead: QueueScene
) -> None:
    caller = dead.waits()
    assert dead.offers() == [(caller, "101")]
    assert queue.store.queues.roster(queue.domain, ["101"], ["800"]).agents[0].in_calls == 1
    buried(queue)
    roster = queue.store.queues.roster(queue.domain, ["101"], ["800"])
    assert roster.agents[0].in_calls == 0
    assert roster.groups[0].statistics["lost"] == 1
    ours = queue.waits()
    assert queue.offers() == [(ours, "101")]


def test_given_a_claim_that_a_dead_node_carried_out_when_it_is_buried_then_the_call_is_back_at_its_place(
    queue: QueueScene, dead: QueueScene
) -> None:
    first, second = queue.ring("101"), queue.ring("101")
    assert dead.picked_up("101") == first
    buried(queue)
    assert queue.picked_up("101") == first
    assert queue.picked_up("101", token="another") == second


def test_given_a_claim_that_another_node_took_over_when_the_picker_s_is_buried_then_it_stays(
    queue: QueueScene, dead: QueueScene
) -> None:
    call = queue.ring("101")
    assert dead.picked_up("101") == call
    assert queue.store.calls.entrust(queue.domain, call.key, "token") is not None
    buried(queue)
    assert queue.seen()[call].claimed_by == PICKER


def test_given_a_confirmed_dialog_of_a_dead_node_when_it_is_buried_then_the_talk_goes_on(
    queue: QueueScene, dead: QueueScene
) -> None:
    call = dead.ring("101")
    dead.answered(call, phone(5061), phone(5062))
    dead.store.settle()
    buried(queue)
    assert queue.redis.exists(f"{tenant(queue.domain)}{SUFFIXES['talk']}{call.key}")


def test_given_many_calls_when_buried_then_each_step_is_bounded_and_tells_what_is_left(
    queue: QueueScene, dead: QueueScene
) -> None:
    for _ in range(1100):
        dead.ring("101")
    dead.store.settle()
    assert [queue.store.nodes.bury(queue.domain, DEAD.instance) for _ in range(3)] == [600, 100, 0]
    assert left(queue) == []


def test_given_a_call_that_ends_or_goes_on_elsewhere_when_its_node_lives_then_nothing_of_it_is_kept_for_a_burial(
    queue: QueueScene, dead: QueueScene
) -> None:
    call = dead.ring("101")
    dead.stage(call, ("102",))
    dead.ended(call)
    assert not queue.redis.exists(f"{tenant(queue.domain)}{SUFFIXES['held']}{DEAD.instance}")


def test_given_a_node_with_a_store_of_its_own_when_a_call_rings_then_nothing_is_kept_for_a_burial(
    queue: QueueScene,
) -> None:
    queue.ring("101")
    queue.store.settle()
    assert not [key for key in left(queue) if key.startswith(SUFFIXES["held"])]


def test_given_a_buried_node_when_the_registry_is_told_then_it_is_forgotten_unless_it_lives(
    store: Store, raw: redis.Redis
) -> None:
    store.nodes.announce(DEAD, "s")
    store.nodes.buried(DEAD)
    assert store.nodes.announce(replace(DEAD, name="b"), "s").living[0] == DEAD
    raw.sadd(queues(DEAD.instance), "t")
    store.nodes.depart(DEAD.name, DEAD.boot)
    store.nodes.buried(DEAD)
    assert not raw.hexists(NODES, f"n {DEAD.name} {DEAD.boot}")
    assert not raw.exists(queues(DEAD.instance))


# The claim on a call of another node's


def test_given_a_claimed_call_when_its_node_takes_it_over_then_it_gets_the_call_as_it_is_now(
    queue: QueueScene, dead: QueueScene
) -> None:
    call = dead.ring("101")
    assert queue.picked_up("101") == call
    dead.rings(call, 1, "newest")
    taken = dead.store.calls.entrust(queue.domain, call.key, "token")
    assert taken is not None
    assert (taken.call.key, taken.call.number, taken.token) == (call.key, "101", "token")
    assert taken.call.early_tags[-1] == "newest"


@pytest.mark.parametrize("token", ["another", ""])
def test_given_a_claim_of_somebody_else_when_it_is_to_be_taken_over_then_nothing_is(
    queue: QueueScene, dead: QueueScene, token: str
) -> None:
    call = dead.ring("101")
    assert queue.picked_up("101") == call
    assert dead.store.calls.entrust(queue.domain, call.key, token) is None


def test_given_a_call_of_another_node_or_run_when_it_is_to_be_taken_over_then_nothing_is(
    queue: QueueScene, dead: QueueScene, settings: Settings
) -> None:
    call = dead.ring("101")
    assert queue.picked_up("101") == call
    for node, boot in (("dead", "2"), ("other", "1")):
        successor = open_store(replace(settings, node=node, boot=boot))
        assert successor.calls.entrust(queue.domain, call.key, "token") is None
        successor.close()


@pytest.mark.parametrize("ending", ["released", "ended", "sent", "picked"])
def test_given_a_claim_that_is_over_when_it_is_to_be_taken_over_then_nothing_is(
    queue: QueueScene, dead: QueueScene, ending: str
) -> None:
    call = dead.ring("101")
    assert queue.picked_up("101") == call
    if ending == "released":
        queue.release(call)
    elif ending == "ended":
        dead.ended(call)
    elif ending == "sent":
        queue.reroute(call)
    else:
        queue.picked(call, new=DialogId("new", "tag"))
    queue.store.settle()
    assert dead.store.calls.entrust(queue.domain, call.key, "token") is None


def test_given_a_call_that_was_found_to_be_over_when_its_claim_is_given_back_then_it_is_gone(
    queue: QueueScene,
) -> None:
    call, next_one = queue.ring("101"), queue.ring("101")
    assert queue.picked_up("101") == call
    queue.store.calls.release(queue.domain, call.key, "token", is_over=True)
    assert queue.picked_up("101") == next_one
    assert set(queue.seen()) == {next_one}
