"""A node that drains lets nobody wait."""

from __future__ import annotations

from tests.support.fake_queue import DOMAIN
from tests.unit.queueing.conftest import Desk


def drain(desk: Desk) -> None:
    desk.queueing.is_draining = lambda: True


def test_given_a_node_that_drains_when_it_looks_then_who_waits_gets_503_and_no_overflow(desk: Desk) -> None:
    desk.waits()
    drain(desk)
    desk.looks()
    assert desk.refusals == [(503, "this node lets nobody wait any more")]
    assert desk.did == [("resume", "7:42"), ("overflowed", DOMAIN, desk.key)]
    assert desk.forwards == []
    desk.looks()
    assert len(desk.refusals) == 1, "each is let go once"


def test_given_a_node_that_drains_when_the_store_is_away_then_who_waits_gets_503_all_the_same(desk: Desk) -> None:
    desk.waits()
    drain(desk)
    desk.store.away = True
    desk.looks()
    assert desk.refusals == [(503, "this node lets nobody wait any more")]


def test_given_a_node_that_drains_when_who_waits_has_gone_then_the_call_is_lost(desk: Desk) -> None:
    desk.waits()
    drain(desk)
    desk.transaction.gone = True
    desk.looks()
    assert (desk.refusals, desk.did) == ([], [("resume", "7:42"), ("lost", DOMAIN, desk.key)])
    desk.looks()
    assert len(desk.did) == 2


def test_given_a_caller_who_rings_an_agent_when_the_node_drains_then_he_rings_on(desk: Desk) -> None:
    desk.rings("101")
    drain(desk)
    desk.looks()
    assert (desk.refusals, desk.did) == ([], [])


def test_given_a_caller_whom_the_agents_miss_while_the_node_drains_when_it_looks_then_he_gets_503(desk: Desk) -> None:
    desk.rings("101")
    drain(desk)
    desk.fails()
    desk.looks()
    assert desk.refusals == [(503, "this node lets nobody wait any more")]


def test_given_a_node_that_does_not_drain_when_it_looks_then_nobody_is_let_go(desk: Desk) -> None:
    desk.waits()
    desk.looks()
    assert (desk.refusals, desk.did) == ([], [])
