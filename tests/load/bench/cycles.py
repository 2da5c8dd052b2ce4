"""Whole pickups at a rate: how many a second go through, and what one costs."""

from __future__ import annotations

from pathlib import Path

from tests.load.bench.figures import Samples
from tests.support.load import ground, kinds
from tests.support.load.ground import Meter
from tests.support.load.kinds import Pace
from tests.support.ports import free_port

DURATION_S, OVER_WITHIN_S, TALK_MS = 5.0, 45.0, 50
FIRST_PER_S, STEP = 20.0, 1.25


def highest(folder: Path, *, rounds: int) -> tuple[Samples, Samples]:
    """Complete cycles (ring, `*87`, connected, BYE) a second without a failure; and CPU of one at that rate, in µs."""
    per_s, us = Samples(), Samples()
    best = 0.0
    for number in range(rounds):
        best, cost = _climb(folder / str(number), max(FIRST_PER_S, best / STEP**2))
        if best:
            per_s.add(best)
            us.add(cost)
    return per_s, us


def _climb(folder: Path, rate: float) -> tuple[float, float]:
    """The highest rate, from this one on, and the cost at it; 0 when not even this one goes through.

    On a node of its own: where a rate was too high, phones that have gone without a BYE still talk.
    """
    folder.mkdir()
    best, cost = 0.0, 0.0
    count = kinds.people_needed("pickups", Pace(200, DURATION_S, TALK_MS))
    environment = {"STAR87_FLOOD_REQUESTS_PER_S": "0", "STAR87_GATEWAY_PROBE_S": "7200"}
    with ground.own(folder, count, environment=environment) as place:
        assert place.node is not None
        called_port, meter = free_port(), Meter(place.node)
        kinds.register(place.stage, kinds.called_people("pickups", place.people), called_port)
        while True:
            meter.start()
            if not _goes_through(place, rate, called_port):
                return best, cost
            best = rate
            cost = sum(meter.us_per_call(Pace(rate, DURATION_S).calls).values())
            rate *= STEP


def _goes_through(place: ground.Ground, rate: float, called_port: int) -> bool:
    pace = Pace(rate, DURATION_S, TALK_MS)
    play = kinds.start(
        "pickups",
        place.stage,
        place.people,
        pace,
        trunk_port=place.trunk_ports[0],
        called_port=called_port,
        traced=False,
    )
    try:
        play.caller.await_end(DURATION_S + OVER_WITHIN_S)
    finally:
        play.end()
    return play.caller.counts().get("SuccessfulCall", 0) == pace.calls
