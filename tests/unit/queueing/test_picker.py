"""A caller who waits is sent to the device of his picker; when that does not take him he waits on."""

from __future__ import annotations

import pytest

from kemi.queueing.service import BRANCHES_MOST, PICKER_SLACK_MS
from kemi.settings import Settings
from kemi.sip.ports import Callback
from tests.support.fake_queue import DOMAIN, named
from tests.unit.queueing.conftest import SALES, VOICEMAIL, Desk

CONTACT = "sip:106@192.0.2.6:5076"
ANSWER_MS = Settings().reroute_answer_s * 1000


def sent(desk: Desk) -> bool:
    return desk.queueing.send_to_picker(desk.transaction.name, CONTACT, ANSWER_MS, "token")


def test_given_a_caller_who_waits_when_he_is_sent_then_the_picker_s_device_rings_by_way_of_this_node(
    desk: Desk,
) -> None:
    desk.waits()
    assert sent(desk)
    assert desk.did == [("resume", "7:42"), ("ring", (CONTACT,))]
    assert desk.transaction.armed == (Callback.CALL_REPLY, Callback.QUEUE_FAILURE)
    assert desk.note.claim == "token"
    assert desk.note.rung == (), "no agent rings"
    assert desk.note.branches == 2, "the suspension's and this one"


def test_given_a_caller_who_is_sent_when_nobody_answers_then_the_picker_s_own_branch_ends_first(desk: Desk) -> None:
    desk.waits()
    sent(desk)
    assert desk.transaction.timers_ms == (ANSWER_MS + PICKER_SLACK_MS, ANSWER_MS + PICKER_SLACK_MS)


@pytest.mark.parametrize("name", ["7:42", "1:1"])
def test_given_a_caller_who_has_gone_when_he_is_to_be_sent_then_it_is_false_and_nobody_rings(
    desk: Desk, name: str
) -> None:
    desk.waits()
    desk.transaction.gone = name == "7:42"
    assert not desk.queueing.send_to_picker(name, CONTACT, ANSWER_MS, "token")
    assert desk.did == [("resume", name)], "whoever claimed him gives him back: the store is told nothing"


def test_given_a_caller_who_could_not_be_sent_when_an_agent_is_offered_him_then_the_agent_rings(
    desk: Desk,
) -> None:
    desk.waits()
    desk.queueing.send_to_picker("1:1", CONTACT, ANSWER_MS, "token")
    desk.did.clear()
    desk.offers("101")
    assert desk.did == [("resume", "7:42"), ("ring", ("101",))]
    assert not desk.note.claim


def test_given_a_picker_who_does_not_take_him_when_his_branch_ends_then_he_waits_on_and_no_agent_missed_him(
    desk: Desk,
) -> None:
    desk.waits()
    sent(desk)
    desk.did.clear()
    desk.fails()
    assert named(desk.did) == ["suspend", "release"], (
        "he kept his place: nothing missed, nor overflowed, nor told again"
    )
    assert desk.did[-1][-1] == "token"
    assert not desk.note.claim
    assert (desk.refusals, desk.record.events) == ([], [])


def test_given_a_caller_who_is_back_from_a_picker_when_an_agent_misses_him_then_that_counts_as_ever(desk: Desk) -> None:
    desk.waits()
    sent(desk)
    desk.fails()
    desk.offers("101")
    desk.did.clear()
    desk.fails()
    assert named(desk.did) == ["suspend", "missed"]


def test_given_a_caller_who_is_back_from_a_picker_when_he_is_picked_up_again_then_that_device_rings(
    desk: Desk,
) -> None:
    desk.waits()
    for _ in range(3):
        assert sent(desk)
        desk.fails()
    assert named(desk.did) == ["resume", "ring", "suspend", "release"] * 3
    assert desk.note.branches == 1 + 2 * 3, "each round takes up two branches of the transaction"


def test_given_a_device_that_cannot_be_rung_when_he_is_sent_then_he_is_suspended_again_at_once(desk: Desk) -> None:
    desk.waits()
    desk.transaction.relays_fail = True
    assert not sent(desk), "whoever claimed him gives him back at once"
    assert desk.did == [("resume", "7:42"), ("suspend",)]
    assert desk.transaction.is_suspended
    assert not desk.note.claim


def test_given_a_device_that_could_not_be_rung_when_an_agent_is_offered_the_caller_then_the_agent_rings(
    desk: Desk,
) -> None:
    desk.waits()
    desk.transaction.relays_fail = True
    sent(desk)
    desk.transaction.relays_fail = False
    desk.did.clear()
    desk.offers("101")
    assert desk.did == [("resume", "7:42"), ("ring", ("101",))]


def test_given_a_caller_who_gives_up_when_the_picker_s_device_rings_then_nothing_more_is_done(desk: Desk) -> None:
    desk.waits()
    sent(desk)
    desk.did.clear()
    desk.fails(cancelled=True)
    assert (desk.did, desk.refusals) == ([], [])


def test_given_a_transaction_without_a_branch_left_when_the_picker_does_not_take_him_then_he_leaves_the_queue(
    desk: Desk,
) -> None:
    desk.waits()
    sent(desk)
    desk.has_used(BRANCHES_MOST)
    desk.did.clear()
    desk.fails()
    assert desk.did == [("overflowed", DOMAIN, desk.key), ("forward", VOICEMAIL)]
    assert not desk.transaction.is_suspended


def test_given_a_transaction_with_a_branch_left_when_the_picker_does_not_take_him_then_he_waits_on(desk: Desk) -> None:
    desk.waits()
    sent(desk)
    desk.has_used(BRANCHES_MOST - 1)
    desk.fails()
    assert desk.transaction.is_suspended


def test_given_the_most_branches_when_the_last_rounds_are_counted_then_tm_s_own_bound_is_not_reached() -> None:
    suspension, phones_of_an_agent = 1, 4
    assert BRANCHES_MOST - 1 + suspension + phones_of_an_agent <= 30


def test_given_a_group_that_is_no_longer_provisioned_when_the_picker_does_not_take_him_then_he_gets_480(
    desk: Desk,
) -> None:
    desk.waits()
    sent(desk)
    desk.provision(SALES)
    desk.did.clear()
    desk.fails()
    assert desk.did == [("overflowed", DOMAIN, desk.key)]
    assert [status for status, _ in desk.refusals] == [480]


def test_given_a_store_that_is_away_when_the_picker_does_not_take_him_then_he_waits_on_all_the_same(desk: Desk) -> None:
    desk.waits()
    sent(desk)
    desk.store.away = True
    desk.fails()
    assert desk.transaction.is_suspended
