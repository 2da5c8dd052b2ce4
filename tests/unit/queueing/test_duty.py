"""Agents log in and out."""

from __future__ import annotations

import pytest

from kemi.errors import StoreUnavailable
from kemi.queueing.queue import Duty
from tests.support.fake_queue import DOMAIN
from tests.unit.queueing.conftest import Desk


def test_given_an_agent_when_he_logs_out_and_in_then_both_are_in_the_record(desk: Desk) -> None:
    assert desk.queueing.set_duty(DOMAIN, "101", Duty.OUT)
    assert desk.queueing.set_duty(DOMAIN, "101", Duty.IN)
    written = [(e.domain, e.picker, e.outcome, e.account, e.kind) for e in desk.record.events]
    assert written == [(DOMAIN, "101", "logged_out", "", "agent"), (DOMAIN, "101", "logged_in", "", "agent")]


def test_given_an_agent_who_is_logged_in_when_he_logs_in_then_nothing_is_in_the_record(desk: Desk) -> None:
    assert not desk.queueing.set_duty(DOMAIN, "101", Duty.IN)
    assert desk.record.events == []


def test_given_a_store_that_is_away_when_an_agent_logs_in_then_that_is_raised_and_nothing_is_in_the_record(
    desk: Desk,
) -> None:
    desk.store.away = True
    with pytest.raises(StoreUnavailable):
        desk.queueing.set_duty(DOMAIN, "101", Duty.OUT)
    assert desk.record.events == []
