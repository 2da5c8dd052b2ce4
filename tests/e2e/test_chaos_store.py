"""The short form of `make chaos` for faults of a store; tests/kamailio/test_store_faults.py has them without load."""

from __future__ import annotations

import pytest

from tests.load.chaos.__main__ import faults_of, play
from tests.support.store_faults import FAULTS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

RATE, SECONDS = 20.0, 1.5


@pytest.mark.parametrize("fault", [f"redis-{fault}" for fault in FAULTS])
def test_given_calls_and_pickups_when_the_store_fails_and_is_back_then_no_call_was_lost_or_taken_wrongly(
    fault: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome, back_within_s = play(fault, tmp_path_factory.mktemp("c"), RATE, SECONDS)
    assert faults_of(outcome, back_within_s) == [], (outcome.line(), outcome.told)
