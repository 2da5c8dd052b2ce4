"""One node, whose store fails while calls and pickups go on."""

from __future__ import annotations

import time
from pathlib import Path

from tests.load.chaos.beside import (
    ENVIRONMENT,
    Cast,
    Outcome,
    add_up,
    end_of_calls,
    folder_of,
    left_keys,
    pickers_at,
)
from tests.load.chaos.faults import OF_THE_STORE
from tests.support.load.kinds import Pace
from tests.support.load.player import Stage
from tests.support.node import Node
from tests.support.ports import LOOPBACK

BEFORE_S, AFTER_S = 2.0, 4.0


def store_fails(name: str, folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Play one of OF_THE_STORE; returns what came of it, and within how many seconds it must have been over."""
    place, outcome, cast = folder_of(folder, name), Outcome(name), Cast.at()
    with OF_THE_STORE[name]() as scene:
        environment = {**ENVIRONMENT, "STAR87_REDIS_URL": scene.store_url, "STAR87_REDIS_TIMEOUT_MS": "50"}
        with Node(place / "node", cast.document, environment=environment) as node:
            lasts_s = BEFORE_S + seconds + AFTER_S
            play = cast.calls(Stage(node.address, cast.people.domain, LOOPBACK, place), rate, lasts_s)
            try:
                with pickers_at(node.address) as picking:
                    time.sleep(BEFORE_S)
                    began = time.monotonic()
                    scene.begin()
                    time.sleep(seconds)
                    scene.end()
                    ended = time.monotonic()
                    time.sleep(AFTER_S)
                    count = picking.end()
            finally:
                end_of_calls(outcome, play, Pace(rate, lasts_s).calls, AFTER_S)
            add_up(outcome, count)
            outcome.recovered_s = count.recovered_s(began if scene.counts_from_begin else ended)
            left = left_keys(node, cast.domains)
            outcome.left_keys = len(left)
            outcome.told += left[:5]
    return outcome, scene.back_within_s
