"""The short form of `make chaos` for what Sentinel and Cluster do with a store."""

from __future__ import annotations

import pytest

from tests.load.chaos.__main__ import faults_of, play

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

RATE, SECONDS = 20.0, 1.5


@pytest.mark.parametrize("fault", ["sentinel-failover", "cluster-failover", "slot-moves"])
def test_given_calls_and_pickups_when_another_store_takes_over_then_no_call_was_lost_or_taken_wrongly(
    fault: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome, back_within_s = play(fault, tmp_path_factory.mktemp("c"), RATE, SECONDS)
    assert faults_of(outcome, back_within_s) == [], (outcome.line(), outcome.told)
