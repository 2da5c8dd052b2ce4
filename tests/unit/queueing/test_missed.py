"""The agents who were rung did not take the caller, or nobody came in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.queueing.queue import Missed
from kemi.queueing.service import BRANCHES_MOST
from tests.support.fake_queue import DOMAIN, named
from tests.unit.queueing.conftest import SALES, SUPPORT, VOICEMAIL, Desk


def test_given_a_caller_who_rings_an_agent_when_he_is_refused_then_he_is_suspended_before_he_waits_again(
    desk: Desk,
) -> None:
    desk.rings("101")
    desk.fails()
    assert desk.did == [("suspend",), ("missed", DOMAIN, desk.message.dialog, True, SUPPORT.wrap_up_s)]
    assert desk.note.rung == ()
    assert desk.refusals == []


def test_given_a_missed_caller_when_he_is_offered_again_and_again_then_each_offer_rings(desk: Desk) -> None:
    desk.waits()
    for agent in ("101", "102", "101"):
        desk.offers(agent)
        assert desk.did[-1][0] == "ring"
        desk.fails()
    assert named(desk.did) == ["resume", "ring", "suspend", "missed"] * 3


@pytest.mark.parametrize("became", [Missed.PICKED_UP, Missed.GONE])
def test_given_a_caller_whom_a_picker_has_or_who_is_gone_when_the_agents_miss_him_then_his_call_is_left_open(
    desk: Desk, became: Missed
) -> None:
    desk.rings("101")
    desk.store.after_miss = (became, ())
    desk.fails()
    assert named(desk.did) == ["suspend", "missed"]
    assert desk.refusals == []


@pytest.mark.parametrize("rung", [True, False], ids=["ringing", "waiting"])
def test_given_a_caller_who_gave_up_when_his_transaction_ends_then_nothing_is_done(desk: Desk, rung: bool) -> None:
    if rung:
        desk.rings("101")
    else:
        desk.waits()
    desk.fails(cancelled=True)
    assert desk.did == []
    assert desk.refusals == []


def test_given_a_caller_whom_nobody_continued_when_his_longest_wait_is_over_then_he_leaves_for_the_overflow(
    desk: Desk,
) -> None:
    desk.waits()
    desk.fails()
    assert desk.did == [("overflowed", DOMAIN, desk.key), ("forward", VOICEMAIL)]


def test_given_a_store_that_is_away_when_a_waiting_caller_s_time_is_over_then_he_goes_to_the_overflow_all_the_same(
    desk: Desk,
) -> None:
    desk.waits()
    desk.store.away = True
    desk.fails()
    assert desk.forwards[0].to == VOICEMAIL


@pytest.mark.parametrize("in_vain", [True, False])
def test_given_a_transaction_that_can_take_no_more_branches_when_agents_do_not_answer_then_he_leaves_for_the_overflow(
    desk: Desk, in_vain: bool
) -> None:
    if in_vain:
        desk.rings("101")
        desk.has_used(BRANCHES_MOST)
        desk.fails()
    else:
        desk.waits()
        desk.has_used(BRANCHES_MOST)
        desk.offers("103")
    assert desk.did[-2:] == [("overflowed", DOMAIN, desk.key), ("forward", VOICEMAIL)]
    assert not desk.transaction.is_suspended


def test_given_a_transaction_with_a_branch_left_when_agents_do_not_answer_then_he_waits_again(desk: Desk) -> None:
    desk.rings("101")
    desk.has_used(BRANCHES_MOST - 1)
    desk.fails()
    assert desk.transaction.is_suspended


def test_given_a_group_without_overflow_when_its_caller_was_offered_too_often_then_he_gets_480(desk: Desk) -> None:
    desk.rings("101")
    desk.provision(replace(SUPPORT, overflow=""))
    desk.has_used(BRANCHES_MOST)
    desk.fails()
    assert desk.refusals == [(480, "offered too often")]


def test_given_a_group_that_is_no_longer_provisioned_when_agents_do_not_answer_then_the_caller_gets_480(
    desk: Desk,
) -> None:
    desk.rings("101")
    desk.provision(SALES)
    desk.fails()
    assert desk.did == [("overflowed", DOMAIN, desk.key)]
    assert [status for status, _ in desk.refusals] == [480]


def test_given_a_store_that_is_away_when_agents_do_not_answer_then_the_caller_stays_suspended_and_nothing_is_raised(
    desk: Desk,
) -> None:
    desk.rings("101")
    desk.store.away = True
    desk.fails()
    assert desk.did == [("suspend",)]
    assert desk.record.events == []


def test_given_agents_who_missed_too_many_when_the_store_logs_them_out_then_each_is_in_the_record_with_the_group(
    desk: Desk,
) -> None:
    desk.rings("101", "102")
    desk.store.after_miss = (Missed.WAITS, ("101", "102"))
    desk.fails()
    written = [(e.domain, e.picker, e.outcome, e.account, e.kind) for e in desk.record.events]
    assert written == [
        (DOMAIN, "101", "logged_out_after_misses", "800", "agent"),
        (DOMAIN, "102", "logged_out_after_misses", "800", "agent"),
    ]


def test_given_agents_who_missed_one_when_the_store_logs_nobody_out_then_nothing_is_in_the_record(desk: Desk) -> None:
    desk.rings("101")
    desk.fails()
    assert desk.record.events == []
