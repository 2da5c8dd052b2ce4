"""How an account is rung and for how long, as pure functions of what is provisioned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Account, Forward, Stage
from kemi.dialogs.call_note import CallNote
from kemi.routing.plan import (
    TRACKING_SLACK_S,
    forward_after,
    no_answer_of,
    remaining_ms,
    ring_ms,
    stages_of,
    tracked_ms,
)
from tests.support.directories import agent_group, extension, hunt_group
from tests.support.fake_sip import DOMAIN

VOICEMAIL = Forward("sip:101@vm.example.com", 20)
ELSEWHERE = Forward("sip:102@vm.example.com")
OVERFLOW = "sip:800@vm.example.com"
ROUTED_AT_MS = 1_000_000
MAX_S = 180


def note(stage: int = 0) -> CallNote:
    return CallNote(DOMAIN, "104", "", False, stage=stage, routed_at_ms=ROUTED_AT_MS)


def rings_ms(account: Account, *, stage: int = 0, after_s: int = 0) -> int:
    return ring_ms(note(stage), account, ROUTED_AT_MS + after_s * 1000, MAX_S)


def left_ms(account: Account, *, after_s: int = 0) -> int:
    return remaining_ms(note(), account, ROUTED_AT_MS + after_s * 1000, MAX_S)


def test_given_an_account_when_its_stages_are_asked_then_every_kind_is_rung_alike() -> None:
    stages = Stage(("101", "102"), 15), Stage(("103",), 10)
    assert stages_of(extension("101")) == (Stage(("101",)),)
    assert stages_of(hunt_group("700", *stages)) == stages
    assert stages_of(agent_group("800", "104", "105")) == (Stage(("104",), 15), Stage(("105",), 15))


@pytest.mark.parametrize(
    ("account", "forward"),
    [
        (extension("101", no_answer=VOICEMAIL, busy=ELSEWHERE), VOICEMAIL),
        (extension("101", busy=ELSEWHERE), None),
        (hunt_group("700", no_answer=VOICEMAIL), VOICEMAIL),
        (hunt_group("700"), None),
        (agent_group("800", overflow=OVERFLOW), Forward(OVERFLOW, 0)),
        (agent_group("800"), None),
    ],
)
def test_given_an_account_when_nobody_answers_then_its_own_target_is_the_next(
    account: Account, forward: Forward | None
) -> None:
    assert no_answer_of(account) == forward


@pytest.mark.parametrize(
    ("status", "forward"),
    [
        (486, ELSEWHERE),
        (600, ELSEWHERE),
        (408, VOICEMAIL),
        (480, VOICEMAIL),
        (302, None),
        (403, None),
        (404, None),
        (487, None),
        (500, None),
        (503, None),
        (603, None),
    ],
)
def test_given_an_extension_when_its_call_ends_then_busy_and_no_answer_go_their_ways_and_all_else_nowhere(
    status: int, forward: Forward | None
) -> None:
    assert forward_after(extension("101", no_answer=VOICEMAIL, busy=ELSEWHERE), status) == forward
    assert forward_after(extension("101"), status) is None


@pytest.mark.parametrize("status", [404, 408, 480, 486, 503, 600, 603])
def test_given_a_group_when_its_call_ends_then_there_is_one_way_out_whatever_its_members_said(status: int) -> None:
    assert forward_after(hunt_group("700", no_answer=VOICEMAIL), status) == VOICEMAIL
    assert forward_after(agent_group("800", overflow=OVERFLOW), status) == Forward(OVERFLOW)
    assert forward_after(hunt_group("700"), status) is None


def test_given_no_answer_after_when_time_has_passed_then_what_is_left_counts_from_the_routing() -> None:
    account = extension("101", no_answer=VOICEMAIL)
    assert [left_ms(account, after_s=after) for after in (0, 5, 20, 25)] == [20_000, 15_000, 0, -5_000]


@pytest.mark.parametrize(
    "account", [extension("101"), extension("101", no_answer=ELSEWHERE), agent_group("800", overflow=OVERFLOW)]
)
def test_given_no_time_for_the_way_out_when_asked_then_only_timer_c_bounds_each_ring(account: Account) -> None:
    """RFC 3261 §16.6 timer C."""
    assert [left_ms(account, after_s=after) for after in (0, 500)] == [MAX_S * 1000] * 2


@pytest.mark.parametrize(
    ("account", "stage", "after_s", "rings_s"),
    [
        (extension("101"), 0, 0, MAX_S),
        (extension("101", no_answer=VOICEMAIL), 0, 0, 20),
        (extension("101", no_answer=VOICEMAIL), 0, 5, 15),
        (hunt_group("700", Stage(("101",), 15)), 0, 0, 15),
        (hunt_group("700", Stage(("101",))), 0, 0, MAX_S),
        (hunt_group("700", Stage(("101",), 15), Stage(("102",), 10)), 1, 15, 10),
        # Only the last stage is stretched to no_answer.after_s, and none rings beyond it.
        (hunt_group("700", Stage(("101",), 15), Stage(("102",), 10), no_answer=Forward("sip:x", 60)), 0, 0, 15),
        (hunt_group("700", Stage(("101",), 15), Stage(("102",), 10), no_answer=Forward("sip:x", 60)), 1, 15, 45),
        (hunt_group("700", Stage(("101",), 15), Stage(("102",), 10), no_answer=Forward("sip:x", 12)), 0, 0, 12),
        (hunt_group("700", Stage(("101",), 15), Stage(("102",), 10), no_answer=Forward("sip:x", 0)), 1, 15, 10),
        # Without such a bound a stage rings for as long as it says, even beyond the longest ring of the settings.
        (hunt_group("700", Stage(("101",), 400)), 0, 0, 400),
        (hunt_group("700", Stage(("101",), 400), Stage(("102",), 10)), 0, 0, 400),
        (hunt_group("700", Stage(("101",), 400), no_answer=Forward("sip:x", 0)), 0, 500, 400),
        (hunt_group("700", Stage(("101",), 400), Stage(("102",), 10), no_answer=Forward("sip:x", 60)), 0, 0, 60),
        (agent_group("800", "104", "105", overflow=OVERFLOW), 0, 0, 15),
        (agent_group("800", "104", "105", overflow=OVERFLOW), 1, 300, 15),
    ],
)
def test_given_a_stage_when_it_is_rung_then_it_lasts_for_its_time(
    account: Account, stage: int, after_s: int, rings_s: int
) -> None:
    assert rings_ms(account, stage=stage, after_s=after_s) == rings_s * 1000


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 300), st.integers(0, 1))
def test_given_any_stage_when_it_is_rung_then_its_timer_is_never_zero(
    ring_s: int, no_answer_s: int, after_s: int, stage: int
) -> None:
    """tm takes a timer of zero for none at all."""
    stages = Stage(("101",), ring_s), Stage(("102",), ring_s)
    group = hunt_group("700", *stages, no_answer=Forward("sip:x", no_answer_s))
    assert rings_ms(group, stage=stage, after_s=after_s) >= 1


@pytest.mark.parametrize(
    ("account", "longest_s"),
    [
        (extension("101"), MAX_S),
        (extension("101", no_answer=VOICEMAIL), MAX_S),
        (extension("101", no_answer=Forward("sip:x", 900)), 900),
        (hunt_group("700", Stage(("101",), 15), Stage(("102",), 400)), 400),
        (agent_group("800", "104"), MAX_S),
        (agent_group("800"), MAX_S),
    ],
)
def test_given_an_account_when_its_calls_are_tracked_then_the_record_outlives_the_longest_ring(
    account: Account, longest_s: int
) -> None:
    assert tracked_ms(account, MAX_S) == (longest_s + TRACKING_SLACK_S) * 1000
