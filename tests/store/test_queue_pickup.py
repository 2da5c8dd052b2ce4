"""Picking up from agent groups: whoever rings an agent first, else whoever entered a queue first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.accounts.directory import Grants
from kemi.errors import AlreadyAnswered
from kemi.sip.dialog import DialogId
from tests.store.queue_scene import SALES, SUPPORT, TAG, QueueScene
from tests.store.scene import AGENT, EXTENSION, HUNT, OPEN, PICKER

ONE = replace(SUPPORT, agents=("101",))


@pytest.fixture(params=["", "800"], ids=["general", "directed"])
def dialled(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def rings(queue: QueueScene) -> DialogId:
    """A caller of 800 who rings 101."""
    call = queue.waits(ONE)
    assert queue.offers(ONE) == [(call, "101")]
    return call


def test_given_a_waiting_caller_when_he_is_picked_up_then_it_is_by_the_queue_s_own_early_dialog(
    queue: QueueScene, dialled: str
) -> None:
    queue.waits()
    claim = queue.pick(dialled, AGENT)
    assert claim is not None
    assert (claim.call.waiting, claim.call.early_tags, claim.call.ringing) == (True, (TAG,), ())
    assert (claim.call.number, claim.call.claimed_by) == ("800", PICKER)


def test_given_a_caller_who_enters_when_his_transaction_is_not_suspended_yet_then_nobody_has_him(
    queue: QueueScene, dialled: str
) -> None:
    call, _ = queue.joins()
    assert queue.picked_up(dialled, AGENT) is None
    queue.ready(call)
    assert queue.picked_up(dialled, AGENT) == call


def test_given_a_caller_when_he_has_not_heard_that_he_waits_then_he_has_no_early_dialog(queue: QueueScene) -> None:
    call, _ = queue.joins()
    queue.ready(call, "")
    claim = queue.pick()
    assert claim is not None
    assert claim.call.early_tags == ()


def test_given_a_caller_when_he_hears_that_he_waits_after_an_agent_rings_then_both_are_early_dialogs_once(
    queue: QueueScene,
) -> None:
    call, _ = queue.joins()
    queue.ready(call, "")
    queue.rings(call, 1, "agent-tag")
    for _ in range(2):
        queue.ready(call)
    assert sorted(queue.seen()[call].early_tags) == sorted([TAG, "agent-tag"])


def test_given_waiting_callers_when_they_are_picked_up_then_the_first_in_is_the_first_out(
    queue: QueueScene, dialled: str
) -> None:
    calls = [queue.waits() for _ in range(3)]
    assert [queue.picked_up(dialled, AGENT) for _ in calls] == calls


def test_given_a_caller_who_rings_an_agent_when_another_entered_earlier_and_waits_then_the_ringing_one_is_picked_up(
    queue: QueueScene, dialled: str
) -> None:
    earlier = queue.waits()
    later = queue.waits()
    queue.offers(reachable=("101",))
    queue.offers(reachable=("102",))
    # The one who entered first was missed and waits again; the other still rings.
    queue.misses(earlier)
    assert queue.seen()[earlier].routed_at_us < queue.seen()[later].routed_at_us
    assert [queue.picked_up(dialled, AGENT) for _ in range(2)] == [later, earlier]


def test_given_two_callers_who_ring_agents_when_they_are_picked_up_then_the_first_entered_goes_first(
    queue: QueueScene, dialled: str
) -> None:
    first, second = queue.waits(), queue.waits()
    queue.offers()
    assert [queue.picked_up(dialled, AGENT) for _ in range(2)] == [first, second]


def test_given_callers_of_two_groups_when_87_is_dialled_then_the_ringing_goes_before_the_one_who_waits_longer(
    queue: QueueScene,
) -> None:
    waiting, ringing = queue.waits(SUPPORT), queue.waits(SALES)
    queue.offers(SALES)
    assert [queue.picked_up() for _ in range(3)] == [ringing, waiting, None]


def test_given_callers_who_wait_in_two_groups_when_87_is_dialled_then_the_first_entered_goes_first(
    queue: QueueScene,
) -> None:
    calls = [queue.waits(SALES), queue.waits(SUPPORT), queue.waits(SALES)]
    assert [queue.picked_up() for _ in range(4)] == [*calls, None]


def test_given_callers_of_two_groups_when_one_group_is_named_then_only_its_callers_are_picked_up(
    queue: QueueScene,
) -> None:
    queue.waits(SALES)
    call = queue.waits(SUPPORT)
    assert [queue.picked_up("800", AGENT) for _ in range(1)] == [call]
    with pytest.raises(AlreadyAnswered):
        queue.pick("800", AGENT)


def test_given_a_call_of_each_kind_when_87_is_dialled_again_and_again_then_hunt_extension_ringing_waiting(
    queue: QueueScene,
) -> None:
    waiting = queue.waits(SALES)
    ringing = rings(queue)
    extension = queue.ring("105", EXTENSION)
    hunt = queue.ring("700", HUNT)
    assert [queue.picked_up() for _ in range(5)] == [hunt, extension, ringing, waiting, None]


def test_given_an_agent_who_is_rung_for_a_group_when_his_own_number_is_named_then_the_group_s_caller_is_not_taken(
    queue: QueueScene,
) -> None:
    rings(queue)
    assert queue.picked_up("101", EXTENSION) is None


def test_given_waiting_callers_when_the_picker_has_no_permission_then_nothing_is_eligible(queue: QueueScene) -> None:
    rings(queue)
    queue.waits()
    grants = Grants((OPEN,), (OPEN,), ("another",))
    assert queue.picked_up(grants=grants) is None


def test_given_a_picker_who_waits_himself_when_he_picks_up_then_it_is_not_his_own_call(
    queue: QueueScene, dialled: str
) -> None:
    queue.waits(calls_from=PICKER)
    other = queue.waits()
    assert queue.picked_up(dialled, AGENT) == other


def test_given_a_caller_who_was_tried_already_when_the_search_goes_on_then_the_next_one_is_taken(
    queue: QueueScene, dialled: str
) -> None:
    first, second = queue.waits(), queue.waits()
    assert queue.picked_up(dialled, AGENT, tried=[first]) == second


def test_given_a_waiting_caller_when_his_claim_is_released_then_he_is_at_his_old_place(
    queue: QueueScene, dialled: str
) -> None:
    calls = [queue.waits(ONE) for _ in range(3)]
    before, names = queue.seen(), set(queue.remains())
    queue.pick(dialled, AGENT)
    assert queue.waiting() == calls[1:]
    queue.release(calls[0])
    assert queue.seen() == before
    assert queue.remains() == names
    assert queue.offers(ONE) == [(calls[0], "101")]


def test_given_a_ringing_caller_when_his_claim_is_released_then_he_rings_on_in_his_old_place(
    queue: QueueScene, dialled: str
) -> None:
    call = rings(queue)
    before, names = queue.seen(), set(queue.remains())
    queue.pick(dialled, AGENT)
    queue.release(call)
    assert queue.seen() == before
    assert queue.remains() == names
    assert queue.waiting() == []
    assert queue.offers(ONE) == [], "the agent is still being rung"
    assert queue.picked_up(dialled, AGENT) == call


def test_given_a_claimed_caller_when_an_agent_is_idle_then_the_one_after_him_is_offered(queue: QueueScene) -> None:
    first, second = queue.waits(), queue.waits()
    assert queue.picked_up() == first
    assert queue.offers() == [(second, "101")]
    assert queue.offers() == []


def test_given_a_claimed_caller_who_waited_too_long_when_a_node_looks_then_he_is_not_sent_away(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.pick()
    queue.overstay(call)
    assert queue.look() == ()
    queue.release(call)
    assert len(queue.look()) == 1


def test_given_a_claim_of_a_waiting_caller_whose_node_died_when_it_runs_out_then_he_is_offered(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.pick()
    queue.run_out_claims()
    assert queue.offers() == [(call, "101")]


def test_given_an_expired_caller_who_goes_to_the_overflow_when_87_is_dialled_then_he_is_not_eligible(
    queue: QueueScene, dialled: str
) -> None:
    call = queue.waits()
    queue.overstay(call)
    assert len(queue.look(reachable=())) == 1
    assert queue.picked_up(dialled, AGENT) is None


def test_given_a_caller_who_is_picked_up_when_his_old_call_ends_then_the_picker_is_credited_and_he_is_not_abandoned(
    queue: QueueScene, dialled: str
) -> None:
    call = queue.waits()
    queue.pick(dialled, AGENT)
    queue.picked(call, group="800")
    assert queue.ended(call) == PICKER
    assert queue.statistics() == {"picked_up": 1}


def test_given_a_picked_up_caller_when_his_old_call_s_end_is_seen_before_the_picker_s_answer_then_he_is_credited_once(
    queue: QueueScene,
) -> None:
    call = queue.waits()
    queue.pick()
    queue.ended(call)
    queue.picked(call, group="800")
    assert queue.statistics() == {"picked_up": 1}


def test_given_a_claimed_caller_when_he_gives_up_then_he_is_not_counted_as_abandoned(queue: QueueScene) -> None:
    call = queue.waits()
    queue.pick()
    queue.ended(call)
    assert queue.statistics() == {}


def test_given_a_released_caller_when_he_gives_up_then_he_is_abandoned(queue: QueueScene) -> None:
    call = queue.waits()
    queue.pick()
    queue.release(call)
    queue.ended(call)
    assert queue.statistics() == {"abandoned": 1}


def test_given_callers_when_each_ends_in_another_way_then_the_group_counts_each(queue: QueueScene) -> None:
    gives_up, rings_and_gives_up, answered, overflows, lost = (queue.waits() for _ in range(5))
    queue.ended(gives_up)
    assert queue.offers() == [(rings_and_gives_up, "101"), (answered, "102"), (overflows, "103")]
    queue.ended(rings_and_gives_up)
    queue.takes(answered, "102")
    queue.store.queues.overflowed(queue.domain, overflows.key)
    queue.store.queues.lost(queue.domain, lost.key)
    queue.store.settle()
    assert queue.statistics() == {"abandoned": 2, "answered": 1, "overflowed": 1, "lost": 1}
    assert queue.statistics(SALES) == {}


def test_given_a_group_whose_permission_changes_when_callers_wait_ring_and_are_claimed_then_all_follow_it(
    queue: QueueScene,
) -> None:
    ringing = rings(queue)
    claimed, waiting = queue.waits(), queue.waits()
    assert queue.picked_up(tried=[ringing]) == claimed
    assert queue.reindex("800", "newer") == 3
    assert queue.picked_up() is None
    queue.release(claimed)
    newer = Grants(agent_groups=("newer",))
    assert [queue.picked_up(grants=newer) for _ in range(4)] == [ringing, claimed, waiting, None]
