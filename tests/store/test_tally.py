"""How many calls ring and wait, as monitoring asks the store."""

from __future__ import annotations

from kemi.store.calls import Tally
from tests.store.queue_scene import QueueScene
from tests.store.scene import AGENT, ALL, HUNT, Scene
from tests.store.test_claims import picked_up


def tally(scene: Scene) -> Tally:
    return scene.store.calls.tally(scene.domain, ALL)


def test_given_calls_of_every_kind_when_tallied_then_each_is_counted_where_it_stands(queue: QueueScene) -> None:
    assert tally(queue) == Tally(0, 0, 0, 0.0, 0.0, 0)
    queue.ring("101")
    queue.ring("700", HUNT, members=("102", "103"))
    queue.ring("800", AGENT)
    waiting = queue.waits()
    before = tally(queue)
    assert (before.ringing, before.waiting, before.claimed, before.claims_expired) == (3, 1, 0, 0)
    assert before.oldest_ringing_s >= before.oldest_waiting_s > 0

    claimed = queue.picked_up("101")
    assert claimed is not None
    after = tally(queue)
    assert (after.ringing, after.waiting, after.claimed) == (2, 1, 1)
    assert queue.ended(waiting) == ""
    assert (tally(queue).waiting, tally(queue).oldest_waiting_s) == (0, 0.0)


def test_given_a_claim_of_a_dead_node_when_it_runs_out_then_it_is_counted_once(impatient: Scene) -> None:
    call = impatient.ring()
    impatient.pick(token="of the dead")
    assert tally(impatient).claims_expired == 0
    assert picked_up(impatient, picker="110", token="next") == call
    assert tally(impatient).claims_expired == 1
    impatient.release(call, "next")
    impatient.pick(picker="111")
    assert tally(impatient).claims_expired == 1, "one that is given back did not run out"
