"""The short form of `make chaos` for two nodes: one is killed or ends, or they do not meet (which needs root)."""

from __future__ import annotations

import os

import pytest

from tests.load.chaos.__main__ import faults_of, play

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

RATE, SECONDS = 20.0, 2.0


def plays(name: str, folders: pytest.TempPathFactory) -> None:
    outcome, back_within_s = play(name, folders.mktemp("c"), RATE, SECONDS)
    assert faults_of(outcome, back_within_s) == [], (outcome.line(), outcome.told)


def test_given_calls_when_their_node_is_killed_then_those_at_the_other_go_on_and_nothing_is_left(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    plays("node-killed", tmp_path_factory)


def test_given_calls_that_ring_when_their_node_is_told_to_end_then_none_is_lost_and_nothing_is_left(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    plays("node-drained", tmp_path_factory)


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_given_nodes_that_do_not_reach_one_another_when_pickers_dial_then_they_hear_so_and_the_calls_ring_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    plays("partition-node-node", tmp_path_factory)
