"""The short form of `make chaos` for a network that loses, delays and reorders; needs root, for its namespaces."""

from __future__ import annotations

import os

import pytest

from tests.load.chaos.__main__ import faults_of, play
from tests.load.chaos.network import CONDITIONS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

RATE, SECONDS = 20.0, 2.0


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.parametrize("name", CONDITIONS)
def test_given_pickups_when_the_network_is_bad_then_each_ends_rightly_and_no_call_has_two_answers(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome, back_within_s = play(name, tmp_path_factory.mktemp("c"), RATE, SECONDS)
    assert faults_of(outcome, back_within_s) == [], (outcome.line(), outcome.told)
