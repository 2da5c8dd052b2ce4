"""The short form of `make chaos` for what is done to a node whose store is well."""

from __future__ import annotations

import pytest

from tests.load.chaos.__main__ import faults_of, play
from tests.load.chaos.troubles import TROUBLES

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

RATE, SECONDS = 20.0, 2.0


@pytest.mark.parametrize("trouble", TROUBLES)
def test_given_calls_and_pickups_when_a_node_has_ill_peers_or_is_reconfigured_then_none_notices(
    trouble: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome, back_within_s = play(trouble, tmp_path_factory.mktemp("c"), RATE, SECONDS)
    assert faults_of(outcome, back_within_s) == [], (outcome.line(), outcome.told)
    assert outcome.pickup_503 == 0
