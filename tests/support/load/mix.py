"""Calls, pickups and callers of a queue at once, on a node of one's own."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.load import ground, kinds
from tests.support.load.kinds import Pace, Play
from tests.support.load.player import Player
from tests.support.ports import free_port

CALLED = 50
PICKUPS_SHARE, QUEUE_SHARE = 0.25, 0.05
ENVIRONMENT = {"STAR87_EVENTS_MAX": "500", "STAR87_RING_MAX_S": "30"}
"""The pickup record is full before the warm-up is over; a call whose phone was stopped ends before the rest."""
OVER_WITHIN_S = 40.0


@dataclass(slots=True)
class Mix:
    """What plays at one time. rate: calls, pickups and queue callers together, a second."""

    plays: list[Play]
    calls: dict[str, int]

    @property
    def failed(self) -> int:
        """Calls that have failed so far, at callers or at pickers."""
        return sum(max(p.counts().get("FailedCall", 0) for p in _own(play)) for play in self.plays)

    @property
    def complete(self) -> int:
        return sum(min(p.counts().get("SuccessfulCall", 0) for p in _own(play)) for play in self.plays)

    @property
    def lost_by_sipp(self) -> int:
        """Calls that SIPp has forgotten in a pause: they neither end nor fail. Known once all has ended."""
        return sum(play.caller.calls_in_a_pause() for play in self.plays)

    @property
    def retransmissions(self) -> int:
        return sum(p.counts().get("Retransmissions", 0) for play in self.plays for p in play.players)

    def await_end(self, within_s: float) -> bool:
        """Whether every caller has ended by then."""
        deadline = time.monotonic() + within_s
        return all(play.caller.await_end(max(0.0, deadline - time.monotonic())) for play in self.plays)

    def check(self) -> None:
        for play in self.plays:
            for player in play.players:
                player.check()

    def end(self) -> None:
        for play in self.plays:
            play.end()


def _own(play: Play) -> list[Player]:
    return [play.caller, *([play.picker] if play.picker else [])]


@dataclass(slots=True)
class Grounds:
    """A node where everybody is registered: 50 extensions that answer, others that ring, agents."""

    place: ground.Ground
    called_port: int
    rings_port: int
    agents_port: int
    turn: int = 0

    def start(self, rate: float, duration_s: float) -> Mix:
        """Begin to play: of the rate a quarter are pickups, a twentieth callers of the queue, the rest calls."""
        self.turn += 1
        folder = self.place.stage.folder / f"turn-{self.turn}"
        folder.mkdir()
        stage = replace(self.place.stage, folder=folder)
        people = self.place.people
        to_call = replace(people, dids=dict(list(people.dids.items())[:CALLED]))
        to_pick = replace(people, pairs=people.pairs[CALLED:])
        calls, pickups, queue = (
            Pace(rate * share, duration_s) for share in (1 - PICKUPS_SHARE - QUEUE_SHARE, PICKUPS_SHARE, QUEUE_SHARE)
        )
        by_calls, by_pickups, by_queue = self.place.trunk_ports
        plays: list[Play] = []
        try:
            port = self.called_port
            plays.append(
                kinds.start("calls", stage, to_call, calls, trunk_port=by_calls, called_port=port, traced=False)
            )
            port = self.rings_port
            plays.append(
                kinds.start("pickups", stage, to_pick, pickups, trunk_port=by_pickups, called_port=port, traced=False)
            )
            port = self.agents_port
            plays.append(kinds.start_queue(stage, queue, trunk_port=by_queue, called_port=port, traced=False))
        except BaseException:
            for play in plays:
                play.end()
            raise
        return Mix(plays, {"calls": calls.calls, "pickups": pickups.calls, "queue_callers": queue.calls})


@contextmanager
def grounds(folder: Path, most_per_s: float, settings: Mapping[str, str]) -> Iterator[Grounds]:
    """A context: a node with people enough for this rate, their phones registered."""
    pickups = Pace(most_per_s * PICKUPS_SHARE, 1)
    agents = 5 + math.ceil(most_per_s * QUEUE_SHARE)
    count = CALLED + kinds.people_needed("pickups", pickups)
    with ground.own(folder, count, agents=agents, trunk_ports=3, environment={**ENVIRONMENT, **settings}) as place:
        found = Grounds(place, free_port(), free_port(), free_port())
        people = place.people
        ringing = tuple(people.person(pair.account) for pair in people.pairs[CALLED:])
        kinds.register(place.stage, people.extensions[:CALLED], found.called_port, label="registers-called")
        kinds.register(place.stage, ringing, found.rings_port, label="registers-ringing")
        kinds.register(place.stage, people.agents, found.agents_port, label="registers-agents")
        yield found
