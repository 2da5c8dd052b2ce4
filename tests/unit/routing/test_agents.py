"""Calls to agent groups, and the agents in all other calls: who is told to the store as one."""

from __future__ import annotations

import pytest

from kemi.accounts.model import Forward, Kind, Stage
from kemi.dialogs.tracking import Answer, Device, Parties
from kemi.errors import NotReachable, StoreUnavailable
from kemi.queueing.queue import Joined
from kemi.sip.ports import Callback
from tests.support.directories import agent_group, extension, hunt_group
from tests.support.fake_sip import CALLEE_FLOW, DOMAIN, FLOW
from tests.unit.routing.conftest import DIALOG, Maker, Placing

CALLER = Device(FLOW.device, False)
CALLEE = Device(CALLEE_FLOW.device, False)


def between(callee: str) -> Parties:
    """104 called, and this extension answered."""
    return Parties("104", callee, "b1")


OVERFLOW = "sip:800@vm.example.com"


# A group's queue


def test_given_an_agent_group_when_called_then_the_caller_waits_and_nobody_rings(placing: Maker) -> None:
    call = placing(agent_group("800", "105"), extension("105"), registered=("105",))

    call.place("800")

    transaction = call.scene.transaction
    assert (call.rang, call.tracking.placed) == ([], [])
    assert transaction.provisionals == [(182, "Queued")]
    (entry,) = call.queue.entries
    assert (entry.domain, entry.group.number, entry.caller.dialog) == (DOMAIN, "800", DIALOG)
    assert entry.transaction == transaction.name
    assert [wait.failure for wait in transaction.suspended] == [Callback.QUEUE_FAILURE]
    assert call.queue.told == [("ready", DOMAIN, DIALOG, ""), ("ready", DOMAIN, DIALOG, transaction.own_tag)]


@pytest.mark.parametrize("joining", [Joined.FULL, Joined.NOBODY_LOGGED_IN])
def test_given_a_queue_that_takes_nobody_when_called_then_the_call_goes_to_the_overflow_or_ends_with_480(
    joining: Joined, placing: Maker
) -> None:
    call = placing(agent_group("800", "105", overflow=f"sip:101@{DOMAIN}"), extension("101"), registered=("101", "105"))
    call.queue.joining = joining
    call.place("800")
    assert call.rang == [("101",)]
    assert [(placed.kind, placed.number) for placed in call.tracking.placed] == [(Kind.EXTENSION, "101")]


@pytest.mark.parametrize("joining", [Joined.FULL, Joined.NOBODY_LOGGED_IN])
def test_given_a_queue_that_takes_nobody_and_no_overflow_when_called_then_480(joining: Joined, placing: Maker) -> None:
    call = placing(agent_group("800", "105"), registered=("105",))
    call.queue.joining = joining
    with pytest.raises(NotReachable):
        call.place("800")
    assert (call.rang, call.tracking.told) == ([], [])


def test_given_an_extension_that_forwards_to_an_agent_group_when_not_answered_then_the_caller_waits_there(
    placing: Maker,
) -> None:
    onward = extension("101", no_answer=Forward(f"sip:800@{DOMAIN}", 20))
    call = placing(onward, agent_group("800", "105"), registered=("101", "105"))
    call.place("101")
    call.fails(408, after_s=20)
    assert call.rang == [("101",)]
    assert [entry.group.number for entry in call.queue.entries] == ["800"]
    assert call.tracking.named("forget") == []


# Without a store


def without_store(placing: Maker, *agents: str, registered: tuple[str, ...], overflow: str = "") -> Placing:
    """A call to agent group 800 that nobody can queue."""
    call = placing(agent_group("800", *agents, overflow=overflow), registered=registered)
    call.queue.fails = call.tracking.fails = StoreUnavailable("no answer")
    call.place("800")
    return call


def test_given_no_store_when_an_agent_group_is_called_then_its_agents_ring_one_after_another(placing: Maker) -> None:
    call = without_store(placing, "105", "106", "107", registered=("105", "107"))
    call.fails(408, after_s=15)
    assert call.rang == [("105",), ("107",)]
    assert call.timers_ms == [15_000, 15_000]
    assert call.scene.transaction.suspended == []
    assert [(placed.kind, placed.ringing) for placed in call.tracking.placed] == [(Kind.AGENT_GROUP, ("105",))]


@pytest.mark.parametrize("status", [408, 486, 603])
def test_given_no_store_when_no_agent_answers_then_the_overflow_is_next_or_the_end(status: int, placing: Maker) -> None:
    call = without_store(placing, "105", registered=("105",), overflow=OVERFLOW)
    call.fails(status, after_s=15)
    assert call.rang == [("105",), (OVERFLOW,)]


def test_given_no_store_and_no_overflow_when_no_agent_answers_then_the_call_ends_and_is_forgotten(
    placing: Maker,
) -> None:
    call = without_store(placing, "105", registered=("105",))
    call.fails(408, after_s=15)
    assert call.rang == [("105",)]
    assert call.tracking.told[-1] == ("forget", DOMAIN, DIALOG)


def test_given_no_store_and_no_agent_registered_when_called_then_480_or_the_overflow_at_once(placing: Maker) -> None:
    with pytest.raises(NotReachable):
        without_store(placing, "105", registered=())
    assert without_store(placing, "105", registered=(), overflow=OVERFLOW).rang == [(OVERFLOW,)]


def test_given_no_store_when_an_agent_calls_his_own_group_then_only_the_others_ring(placing: Maker) -> None:
    assert without_store(placing, "104", "105", registered=("104", "105")).rang == [("105",)]


def test_given_no_store_when_an_agent_answers_then_he_serves_his_group_and_has_its_wrap_up(placing: Maker) -> None:
    call = without_store(placing, "105", "106", registered=("105", "106"))
    call.fails(408, after_s=15)
    call.tracking.fails = None
    call.replies(200, branch=1)
    assert call.answers == [Answer(CALLER, CALLEE, agents=("106",), serves="106", wrap_up_s=5, parties=between("106"))]


# Agents in other calls


def test_given_agents_at_both_ends_when_a_call_is_placed_and_answered_then_both_are_named(placing: Maker) -> None:
    call = placing(extension("101"), agent_group("800", "101", "104"), registered=("101",))
    call.place("101")
    call.replies(200)
    assert [placed.agents for placed in call.tracking.placed] == [("104", "101")]
    assert call.answers == [Answer(CALLER, CALLEE, agents=("104", "101"), parties=between("101"))]


@pytest.mark.parametrize(("agents", "named"), [(("105",), ()), (("104",), ("104",)), (("101",), ("101",)), ((), ())])
def test_given_who_is_an_agent_when_a_call_is_placed_then_only_agents_are_named(
    agents: tuple[str, ...], named: tuple[str, ...], placing: Maker
) -> None:
    call = placing(extension("101"), agent_group("800", *agents), registered=("101",))
    call.place("101")
    call.replies(200)
    assert call.tracking.placed[0].agents == named
    assert call.answers[0].agents == named


def test_given_agents_in_a_hunt_group_when_its_stages_ring_then_each_names_those_who_ring(placing: Maker) -> None:
    group = hunt_group("700", Stage(("101", "102"), 15), Stage(("103",), 15))
    call = placing(group, agent_group("800", "102", "103"), registered=("101", "102", "103"))
    call.place("700")
    call.fails(408, after_s=15)
    assert call.tracking.placed[0].agents == ("102",)
    assert call.tracking.named("next_stage") == [(DOMAIN, DIALOG, ("103",), ("103",))]


@pytest.mark.parametrize(("branch", "answerer"), [(0, "101"), (1, "101"), (2, "102")])
def test_given_phones_of_several_agents_when_one_answers_then_his_branch_says_who_it_was(
    branch: int, answerer: str, placing: Maker
) -> None:
    """101 has two phones."""
    group = hunt_group("700", Stage(("101", "102")))
    call = placing(group, agent_group("800", "101", "102"), registered=("101", "101", "102"))
    call.place("700")
    call.replies(200, branch=branch)
    assert call.answers == [Answer(CALLER, CALLEE, agents=(answerer,), parties=between(answerer))]


def test_given_an_agent_who_calls_outside_when_answered_then_he_alone_is_named(placing: Maker) -> None:
    call = placing(agent_group("800", "104"))
    call.calls.send_outside(call.note(), OVERFLOW)
    call.replies(200)
    assert call.answers == [Answer(CALLER, Device("", False), agents=("104",), parties=between(""))]
