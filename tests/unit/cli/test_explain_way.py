"""Which way each call would be picked up, as `star87 explain` tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kemi.accounts.directory import Directory
from kemi.cli.explain import judge
from kemi.dialogs.record import CallRecord
from kemi.pickup.way import Way
from tests.unit.cli.test_explain import CAROL, NOW_US, directory, obstacles, opened, ringing

__all__ = ["directory"]


def rerouted(call: CallRecord, **of_caller: Any) -> CallRecord:
    """The same call, in a transaction of a node that is known; by default its caller's phone knows no Replaces."""
    return replace(call, transaction="7:42", caller=call.caller._replace(**{"replaces": False, **of_caller}))


def test_given_a_caller_without_replaces_when_its_transaction_is_known_then_it_is_chosen_and_would_be_rerouted(
    directory: Directory,
) -> None:
    first, second = rerouted(ringing("101", at_s=10)), ringing("101", at_s=20)
    verdict = judge(directory, CAROL, "101", [second, first], NOW_US)
    assert verdict.chosen is first
    assert [row[5:] for row in verdict.rows()] == [
        ("reroute", "picked up"),
        ("replaces", "next in line: it came later"),
    ]
    answer = verdict.as_json()["candidates"]
    assert [(c["mode"], c["eligible"], c["obstacle"]) for c in answer] == [
        ("reroute", True, ""),
        ("replaces", True, ""),
    ]


def test_given_a_call_that_rings_nobody_yet_when_its_transaction_is_known_then_it_would_be_rerouted(
    directory: Directory,
) -> None:
    early = replace(rerouted(ringing("101", at_s=10), replaces=True), early_tags=())
    assert judge(directory, CAROL, "101", [early], NOW_US).ways == {early.key: Way.REROUTE}


def test_given_a_make_of_device_that_does_not_replace_when_explained_then_its_call_would_be_rerouted(
    directory: Directory,
) -> None:
    call = rerouted(ringing("101", at_s=10), replaces=True, user_agent="Linphone/5.1")
    assert judge(directory, CAROL, "", [call], NOW_US).ways == {call.key: Way.REROUTE}


@pytest.mark.parametrize(
    ("mode", "way", "obstacle"),
    [("replaces", "", "the caller's device does not support Replaces"), ("reroute", "reroute", "")],
)
def test_given_the_tenant_s_mode_when_explained_then_only_that_way_is_open(
    tmp_path: Path, mode: str, way: str, obstacle: str
) -> None:
    for in_force in opened(tmp_path, f"false, pickup_mode: {mode}"):
        verdict = judge(in_force, CAROL, "101", [rerouted(ringing("101", at_s=10))], NOW_US)
        ((found,), (candidate,)) = verdict.as_json()["candidates"], verdict.candidates
        assert (found["mode"], candidate.obstacle) == (way, obstacle)
        assert verdict.status == (480 if obstacle else 200)


def test_given_the_mode_reroute_when_no_transaction_is_known_then_that_stands_in_the_way(tmp_path: Path) -> None:
    for in_force in opened(tmp_path, "false, pickup_mode: reroute"):
        verdict = judge(in_force, CAROL, "101", [ringing("101", at_s=10)], NOW_US)
        assert obstacles(verdict) == {"101": "its node did not say where its transaction is"}


def test_given_a_call_that_is_passed_over_when_explained_then_no_way_is_told(directory: Directory) -> None:
    (found,) = judge(directory, CAROL, "", [ringing("104", at_s=10)], NOW_US).as_json()["candidates"]
    assert (found["eligible"], found["mode"]) == (False, "")
