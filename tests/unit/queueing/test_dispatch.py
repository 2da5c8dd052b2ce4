"""A look at the queues: what the store finds to do is done to the callers' transactions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kemi.queueing.queue import Expired, Line, Offer
from kemi.sip.ports import Callback
from tests.support.fake_queue import DOMAIN, named
from tests.unit.queueing.conftest import SALES, SUPPORT, VOICEMAIL, Desk


def test_given_a_tenant_with_callers_when_a_node_looks_then_each_group_is_asked_for_with_the_agents_who_have_phones(
    desk: Desk,
) -> None:
    desk.looks()
    assert desk.store.lines == [[Line(SUPPORT, ("101", "102")), Line(SALES, ())]]


def test_given_no_tenant_with_callers_when_a_node_looks_then_it_asks_no_further(desk: Desk) -> None:
    desk.store.tenants = ()
    desk.looks()
    assert desk.store.lines == []


def test_given_an_offer_when_it_is_carried_out_then_the_agent_is_rung_for_the_group_s_time(desk: Desk) -> None:
    desk.waits()
    desk.offers("101")
    assert desk.did == [("resume", "7:42"), ("ring", ("101",))]
    assert desk.transaction.timers_ms == (SUPPORT.ring_s * 1000, 9_000)
    assert desk.transaction.armed == (Callback.CALL_REPLY, Callback.QUEUE_FAILURE)


def test_given_an_offer_to_several_agents_when_it_is_carried_out_then_all_their_phones_ring_and_each_branch_is_known(
    desk: Desk,
) -> None:
    desk.waits()
    desk.offers("101", "103", "102")
    assert desk.did[-1] == ("ring", ("101", "102", "102"))
    # Branch 0 was the suspension's.
    assert desk.note.rung == ((1, "101"), (2, "102"))
    assert [desk.note.extension_on(branch) for branch in (1, 2, 3)] == ["101", "102", "102"]
    assert desk.note.branches == 4


def test_given_an_offer_after_a_missed_one_when_it_is_carried_out_then_its_branches_come_after_all_before(
    desk: Desk,
) -> None:
    desk.rings("102")
    desk.fails()
    desk.offers("101")
    assert desk.note.rung == ((4, "101"),)


def test_given_an_offer_whose_transaction_is_gone_when_it_is_carried_out_then_the_store_learns_that_the_call_is_lost(
    desk: Desk,
) -> None:
    desk.waits()
    desk.transaction.gone = True
    desk.offers("101")
    assert desk.did == [("resume", "7:42"), ("lost", DOMAIN, desk.key)]


def test_given_an_offer_that_was_lost_when_the_next_is_carried_out_then_the_agent_is_rung(desk: Desk) -> None:
    desk.waits()
    desk.looks(Offer("of another", "1:1", ("101",)), Offer(desk.key, "7:42", ("102",)))
    assert desk.did == [
        ("resume", "1:1"),
        ("lost", DOMAIN, "of another"),
        ("resume", "7:42"),
        ("ring", ("102", "102")),
    ]


def test_given_an_expired_caller_whose_transaction_is_gone_when_it_is_carried_out_then_the_call_is_lost(
    desk: Desk,
) -> None:
    desk.waits()
    desk.transaction.gone = True
    desk.expires()
    assert desk.did == [("resume", "7:42"), ("lost", DOMAIN, desk.key)]
    assert desk.refusals == []


@pytest.mark.parametrize("obstacle", ["no phone", "no relay"])
def test_given_an_offer_to_whom_nobody_can_be_rung_when_it_is_carried_out_then_he_is_suspended_before_he_waits_again(
    desk: Desk, obstacle: str
) -> None:
    desk.waits()
    desk.transaction.relays_fail = obstacle == "no relay"
    desk.offers("103" if obstacle == "no phone" else "101")
    assert desk.did == [
        ("resume", "7:42"),
        ("suspend",),
        ("missed", DOMAIN, desk.message.dialog, False, SUPPORT.wrap_up_s),
    ]
    assert desk.note.rung == ()
    assert desk.transaction.is_suspended


def test_given_an_offer_that_nobody_was_rung_for_when_the_next_comes_then_the_agent_is_rung(desk: Desk) -> None:
    desk.waits()
    desk.offers("103")
    desk.offers("101")
    assert desk.did[-1] == ("ring", ("101",))


def test_given_a_caller_who_waited_too_long_when_it_is_carried_out_then_he_leaves_the_queue_for_the_overflow(
    desk: Desk,
) -> None:
    desk.waits()
    desk.expires()
    assert desk.did == [("resume", "7:42"), ("overflowed", DOMAIN, desk.key), ("forward", VOICEMAIL)]
    assert desk.refusals == []


def test_given_a_group_without_overflow_when_a_caller_waited_too_long_then_he_gets_480(desk: Desk) -> None:
    desk.waits()
    desk.provision(replace(SUPPORT, overflow=""))
    desk.expires()
    assert named(desk.did) == ["resume", "overflowed"]
    assert desk.refusals == [(480, "waited too long")]


@pytest.mark.parametrize("action", [Offer, Expired])
def test_given_a_group_that_is_no_longer_provisioned_when_its_caller_is_resumed_then_he_gets_480_and_leaves_the_queue(
    desk: Desk, action: type[Offer | Expired]
) -> None:
    desk.waits()
    desk.provision(SALES)
    if action is Offer:
        desk.offers("101")
    else:
        desk.expires()
    assert desk.did == [("resume", "7:42"), ("overflowed", DOMAIN, desk.key)]
    assert [status for status, _ in desk.refusals] == [480]


def test_given_a_store_that_is_away_when_a_node_looks_then_nothing_happens_until_it_is_back(desk: Desk) -> None:
    desk.waits()
    desk.store.away = True
    desk.offers("101")
    assert desk.did == []
    desk.store.away = False
    desk.offers("101")
    assert named(desk.did) == ["resume", "ring"]


def test_given_a_node_without_provisioning_when_it_looks_then_nothing_happens(desk: Desk) -> None:
    desk.waits()
    desk.close()
    desk.offers("101")
    assert desk.did == []
