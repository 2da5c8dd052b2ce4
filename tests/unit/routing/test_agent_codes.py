"""An agent logs in and out by dialling a code."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import DomainSettings
from kemi.errors import NoSuchAccount, NotAuthorized, StoreUnavailable
from kemi.queueing.queue import Duty
from tests.support.fake_sip import DOMAIN, invite
from tests.unit.routing.node import Node


@pytest.mark.parametrize(
    ("dialled", "duty", "reason"),
    [
        ("*64", Duty.IN, "Logged In"),
        ("*65", Duty.OUT, "Logged Out"),
        ("*65#", Duty.OUT, "Logged Out"),
        ("%2A64%23", Duty.IN, "Logged In"),
    ],
)
def test_given_an_agent_when_he_dials_his_code_then_the_answer_says_what_he_is_now_and_of_which_groups(
    dialled: str, duty: Duty, reason: str, tmp_path: Path
) -> None:
    node = Node(tmp_path, invite(dialled))
    node.route()
    assert node.queue.told == [("set_duty", DOMAIN, "104", duty)]
    assert node.scene.transaction.replies == [(480, reason, (f'Warning: 399 star87 "{reason}: 800, 801"',))]
    assert (node.relays, node.tracking.told) == (0, [])


@pytest.mark.parametrize(
    ("dialled", "out_before", "outcomes"),
    [("*64", True, ["logged_in"]), ("*64", False, []), ("*65", False, ["logged_out"]), ("*65", True, [])],
)
def test_given_an_agent_who_may_be_so_already_when_he_dials_his_code_then_only_a_change_is_recorded(
    dialled: str, out_before: bool, outcomes: list[str], tmp_path: Path
) -> None:
    node = Node(tmp_path, invite(dialled))
    node.queue.logged_out = {"104"} if out_before else set()
    node.route()
    assert len(node.scene.transaction.replies) == 1
    assert [(event.picker, event.outcome) for event in node.record.events] == [("104", outcome) for outcome in outcomes]


@pytest.mark.parametrize("dialled", ["*64", "*65"])
def test_given_no_agent_when_he_dials_an_agent_s_code_then_403_and_nothing_changes(
    dialled: str, tmp_path: Path
) -> None:
    node = Node(tmp_path, invite(dialled, from_user="106"), user="106")
    with pytest.raises(NotAuthorized) as refused:
        node.route()
    assert "106 is no agent of any group" in refused.value.warning
    assert (node.queue.told, node.scene.transaction.replies, node.relays) == ([], [], 0)


@pytest.mark.parametrize("dialled", ["*640", "*6", "*64800", "*64*65"])
def test_given_more_or_less_than_a_code_when_dialled_then_it_is_a_number_that_nobody_has(
    dialled: str, tmp_path: Path
) -> None:
    node = Node(tmp_path, invite(dialled))
    with pytest.raises(NoSuchAccount):
        node.route()
    assert node.queue.told == []


def test_given_codes_of_the_tenant_s_own_when_dialled_then_those_count_and_no_others(tmp_path: Path) -> None:
    settings = DomainSettings(agent_login_code="*11", agent_logout_code="*12")
    node = Node(tmp_path, invite("*12"), settings=settings)
    node.route()
    assert node.queue.told == [("set_duty", DOMAIN, "104", Duty.OUT)]
    node = Node(tmp_path, invite("*65"), settings=settings)
    with pytest.raises(NoSuchAccount):
        node.route()


def test_given_a_store_that_is_away_when_an_agent_dials_his_code_then_he_is_not_told_that_it_was_done(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, invite("*65"))
    node.queue.fails = StoreUnavailable("no answer")
    with pytest.raises(StoreUnavailable):
        node.route()
    assert (node.scene.transaction.replies, node.record.events) == ([], [])
