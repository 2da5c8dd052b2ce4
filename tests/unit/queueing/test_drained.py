"""A node that drains lets nobody wait."""

from __future__ import annotations

from kemi.queueing.queue import LetGo
from tests.support.fake_queue import DOMAIN
from tests.unit.queueing.conftest import Desk


def drain(desk: Desk) -> None:
    desk.store.waiting = (LetGo(desk.key, desk.transaction.name),)
    desk.queueing.is_draining = lambda: True


def test_given_a_node_that_drains_when_it_looks_then_who_waits_gets_503_and_no_overflow(desk: Desk) -> None:
    desk.waits()
    drain(desk)
    desk.looks()
    assert desk.refusals == [(503, "this node lets nobody wait any more")]
    assert desk.did == [("resume", "7:42"), ("overflowed", DOMAIN, desk.key)]
    assert desk.forwards == []


def test_given_a_node_that_drains_when_who_waits_has_gone_then_the_call_is_lost(desk: Desk) -> None:
    desk.waits()
    drain(desk)
    desk.transaction.gone = True
    desk.looks()
    assert (desk.refusals, desk.did) == ([], [("resume", "7:42"), ("lost", DOMAIN, desk.key)])


def test_given_a_node_that_does_not_drain_when_it_looks_then_nobody_is_let_go(desk: Desk) -> None:
    desk.waits()
    drain(desk)
    desk.queueing.is_draining = lambda: False
    desk.looks()
    assert (desk.refusals, desk.did) == ([], [])
