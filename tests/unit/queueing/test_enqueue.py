"""A call comes to an agent group: it waits, or it goes on to the overflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.errors import NotReachable, StoreUnavailable
from kemi.queueing.queue import Joined
from kemi.sip.ports import Callback
from tests.support.fake_queue import DOMAIN, OWN_TAG, named
from tests.unit.queueing.conftest import SUPPORT, VOICEMAIL, Desk

NO_ROOM = [(Joined.FULL, "the queue is full"), (Joined.NOBODY_LOGGED_IN, "no agent is logged in")]


def test_given_a_group_with_room_when_a_call_comes_then_the_caller_is_suspended_and_ready_before_he_hears_182(
    desk: Desk,
) -> None:
    desk.enqueue()
    assert desk.did == [
        ("create",),
        ("join",),
        ("suspend",),
        ("ready", DOMAIN, desk.message.dialog, ""),
        ("provisional", 182, "Queued"),
        ("ready", DOMAIN, desk.message.dialog, OWN_TAG),
    ]


def test_given_a_call_when_it_joins_then_the_store_knows_all_that_the_queue_needs(desk: Desk) -> None:
    desk.enqueue()
    entry = desk.store.entries[0]
    assert (entry.domain, entry.group, entry.caller) == (DOMAIN, SUPPORT, desk.caller())
    assert (entry.transaction, entry.caller_agents) == ("7:42", ())
    assert entry.ttl_ms > (SUPPORT.max_wait_s + SUPPORT.ring_s) * 1000, "it must outlive the longest wait and one offer"


def test_given_a_caller_who_is_an_agent_himself_when_he_waits_then_the_store_knows_that_he_is_not_idle(
    desk: Desk,
) -> None:
    desk.enqueue("103")
    assert desk.store.entries[0].caller_agents == ("103",)


def test_given_a_waiting_call_when_its_timers_are_looked_at_then_they_outlast_the_longest_wait(desk: Desk) -> None:
    desk.enqueue()
    assert min(desk.transaction.timers_ms) > SUPPORT.max_wait_s * 1000
    assert desk.transaction.armed == (None, Callback.QUEUE_FAILURE)
    assert (desk.note.number, desk.note.rung, desk.note.branches) == ("800", (), 1)


@pytest.mark.parametrize(("joined", "_why"), NO_ROOM)
def test_given_a_group_that_takes_no_caller_when_a_call_comes_then_it_goes_to_the_overflow_without_a_182(
    desk: Desk, joined: Joined, _why: str
) -> None:
    desk.store.joined = joined
    desk.enqueue()
    assert desk.did == [("create",), ("join",), ("forward", VOICEMAIL)]


@pytest.mark.parametrize(("joined", "why"), NO_ROOM)
def test_given_a_group_without_overflow_that_takes_no_caller_when_a_call_comes_then_it_ends_with_480_and_why(
    desk: Desk, joined: Joined, why: str
) -> None:
    desk.group = replace(SUPPORT, overflow="")
    desk.store.joined = joined
    with pytest.raises(NotReachable, match=why):
        desk.enqueue()
    assert named(desk.did) == ["create", "join"]


def test_given_an_overflow_that_leads_nowhere_when_the_queue_is_full_then_the_call_ends_with_480(desk: Desk) -> None:
    desk.store.joined = Joined.FULL
    desk.overflow_leads = False
    with pytest.raises(NotReachable, match="the queue is full"):
        desk.enqueue()


def test_given_a_caller_who_gave_up_already_when_his_call_joins_then_nothing_is_sent(desk: Desk) -> None:
    desk.store.joined = Joined.ENDED
    desk.enqueue()
    assert named(desk.did) == ["create", "join"]


def test_given_a_store_that_is_away_when_a_call_comes_then_that_is_raised_and_nothing_was_sent(desk: Desk) -> None:
    desk.store.away = True
    with pytest.raises(StoreUnavailable):
        desk.enqueue()
    assert desk.did == [("create",)]
    assert not desk.transaction.is_suspended
