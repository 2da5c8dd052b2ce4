"""One node, whose store fails while calls and pickups go on, or to which something is done."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from tests.load.chaos.beside import (
    BRIEF_TALKS,
    ENVIRONMENT,
    STORE_WAITS_MS,
    Cast,
    Outcome,
    add_up,
    end_of_calls,
    folder_of,
    look_for_keys,
    pickers_at,
)
from tests.load.chaos.faults import BACK_WITHIN_S, OF_THE_STORE, Scene
from tests.load.chaos.troubles import TROUBLES
from tests.support.load.kinds import Pace
from tests.support.load.player import Stage
from tests.support.node import Node
from tests.support.ports import LOOPBACK

BEFORE_S, AFTER_S = 2.0, 4.0


def store_fails(name: str, folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Play one of OF_THE_STORE; returns what came of it, and within how many seconds it must have been over."""
    place, outcome, cast = folder_of(folder, name), Outcome(name), Cast.at()
    with OF_THE_STORE[name]() as scene:
        environment = {**ENVIRONMENT, "STAR87_REDIS_URL": scene.store_url, "STAR87_REDIS_TIMEOUT_MS": STORE_WAITS_MS}
        if scene.loses:
            environment |= BRIEF_TALKS
        with Node(place / "node", cast.text, environment=environment) as node:
            _beside_calls(outcome, node, cast, scene, Pace(rate, BEFORE_S + seconds + AFTER_S), seconds)
            look_for_keys(outcome, node, cast.domains)
    return outcome, scene.back_within_s


def node_is_troubled(name: str, folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Play one of TROUBLES, likewise; its store is well, so there must be no 503."""
    place, outcome, cast = folder_of(folder, name), Outcome(name), Cast.at()
    trouble = TROUBLES[name](place / "node", cast)
    with Node(place / "node", cast.text, environment=trouble.environment, listen=trouble.listen) as node:
        with ExitStack() as stack:
            scene = Scene("", lambda: stack.enter_context(trouble.at(node)), stack.close)
            pace = Pace(rate, BEFORE_S + seconds + AFTER_S)
            _beside_calls(outcome, node, cast, scene, pace, seconds, trouble.transport)
        look_for_keys(outcome, node, (*cast.domains, *trouble.domains))
        outcome.more |= dict(trouble.done)
        outcome.not_played += trouble.faults_of(node)
    return outcome, BACK_WITHIN_S


def _beside_calls(
    outcome: Outcome, node: Node, cast: Cast, scene: Scene, pace: Pace, seconds: float, transport: str = "udp"
) -> None:
    """transport: of the pickers' phones and of those whom they call."""
    play = cast.calls(Stage(node.address, cast.people.domain, LOOPBACK, node.folder.parent), pace)
    try:
        with pickers_at(node.reached_by(transport), transport=transport) as picking:
            time.sleep(BEFORE_S)
            began = time.monotonic()
            scene.begin()
            time.sleep(seconds)
            scene.end()
            ended = time.monotonic()
            time.sleep(AFTER_S)
            count = picking.end()
    finally:
        end_of_calls(outcome, play, pace)
    add_up(outcome, count, began if scene.counts_from_begin else ended)
