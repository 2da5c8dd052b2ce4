"""Hunt groups: who rings in which stage, and what comes after the last."""

from __future__ import annotations

import pytest

from kemi.accounts.model import DomainSettings, Forward, Stage
from kemi.errors import StoreUnavailable
from tests.support.directories import extension, hunt_group
from tests.support.fake_sip import DOMAIN
from tests.unit.routing.conftest import DIALOG, VOICEMAIL, Maker


def test_given_a_group_of_one_stage_when_called_then_all_members_ring_but_the_caller(placing: Maker) -> None:
    group = hunt_group("700", Stage(("101", "104", "102", "103")))
    call = placing(group, extension("101"), registered=("101", "102", "104"))
    call.place("700")
    assert call.rang == [("101", "102")]
    assert call.tracking.placed[0].ringing == ("101", "102")
    assert call.scene.transaction.sent[0].ignores_6xx


def test_given_stages_when_nobody_answers_then_each_rings_for_its_time_and_the_place_is_kept(
    placing: Maker,
) -> None:
    stages = Stage(("101",), 15), Stage(("102", "103"), 10)
    call = placing(hunt_group("700", *stages), registered=("101", "102", "103"))
    call.place("700")
    call.fails(408, after_s=15)
    assert call.rang == [("101",), ("102", "103")]
    assert call.timers_ms == [15_000, 10_000]
    assert len(call.tracking.placed) == 1
    assert call.tracking.named("next_stage") == [(DOMAIN, DIALOG, ("102", "103"), ())]


def test_given_a_first_stage_of_unregistered_members_when_called_then_the_next_one_rings(
    placing: Maker,
) -> None:
    call = placing(hunt_group("700", Stage(("101",), 15), Stage(("102",), 10)), registered=("102",))
    call.place("700")
    assert call.rang == [("102",)]


@pytest.mark.parametrize("status", [404, 486, 503, 600, 603])
def test_given_members_who_refuse_when_all_have_then_the_next_stage_rings_whatever_they_said(
    status: int, placing: Maker
) -> None:
    call = placing(hunt_group("700", Stage(("101",), 15), Stage(("102",), 10)), registered=("101", "102"))
    call.place("700")
    call.fails(status)
    assert call.rang == [("101",), ("102",)]


def test_given_no_answer_after_when_stages_ring_then_the_last_lasts_until_then_and_none_beyond(
    placing: Maker,
) -> None:
    stages = Stage(("101",), 15), Stage(("102",), 15), Stage(("103",), 15)
    group = hunt_group("700", *stages, no_answer=Forward(VOICEMAIL, 25))
    call = placing(group, registered=("101", "102", "103"))
    call.place("700")
    call.fails(408, after_s=15)
    call.fails(408, after_s=10)
    assert call.rang == [("101",), ("102",), (VOICEMAIL,)]
    assert call.timers_ms[:2] == [15_000, 10_000]


def test_given_a_last_stage_that_ended_early_when_no_answer_is_later_then_it_goes_on_all_the_same(
    placing: Maker,
) -> None:
    group = hunt_group("700", Stage(("101",), 15), no_answer=Forward(VOICEMAIL, 45))
    call = placing(group, registered=("101",))
    call.place("700")
    assert call.timers_ms == [45_000]
    call.fails(486, after_s=2)
    assert call.rang == [("101",), (VOICEMAIL,)]


def test_given_no_forward_when_the_last_stage_ends_then_the_call_ends_and_is_forgotten(
    placing: Maker,
) -> None:
    call = placing(hunt_group("700", Stage(("101",), 15)), registered=("101",))
    call.place("700")
    call.fails(408, after_s=15)
    assert call.rang == [("101",)]
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


@pytest.mark.parametrize("no_answer", [Forward(VOICEMAIL, 45), None])
def test_given_a_call_that_was_picked_up_meanwhile_when_its_stage_ends_then_nobody_rings_any_more(
    no_answer: Forward | None, placing: Maker
) -> None:
    group = hunt_group("700", Stage(("101",), 15), Stage(("102",), 15), no_answer=no_answer)
    call = placing(group, registered=("101", "102"))
    call.place("700")
    call.tracking.picked_up_meanwhile = True
    call.fails(408, after_s=15)
    assert call.rang == [("101",)]
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


def test_given_a_store_that_is_away_when_a_stage_ends_then_the_group_rings_on(placing: Maker) -> None:
    call = placing(hunt_group("700", Stage(("101",), 15), Stage(("102",), 15)), registered=("101", "102"))
    call.place("700")
    call.tracking.fails = StoreUnavailable("no answer")
    call.fails(408, after_s=15)
    assert call.rang == [("101",), ("102",)]


@pytest.mark.parametrize("on", [True, False])
def test_given_the_setting_for_group_calls_when_a_group_is_called_then_members_are_indexed_or_not(
    on: bool, placing: Maker
) -> None:
    settings = DomainSettings(directed_includes_group_calls=on)
    call = placing(hunt_group("700", Stage(("101",))), extension("101"), registered=("101",), settings=settings)
    call.place("700")
    assert call.tracking.placed[0].by_member is on
