"""Two nodes on one store, one of which is told to end (SIGTERM) while calls ring there."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from kemi.cli.drain import unfinished
from kemi.cli.listen import Listen, ask_options
from tests.load.chaos.beside import (
    ENVIRONMENT,
    Cast,
    Outcome,
    add_up,
    end_of_calls,
    folder_of,
    look_for_keys,
    pickers_at,
)
from tests.load.chaos.faults import BACK_WITHIN_S
from tests.load.chaos.two_nodes import AFTER_S, BEFORE_S, NAMES, stage_at
from tests.support.cluster_of_nodes import nodes
from tests.support.load.kinds import Pace
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK
from tests.support.talks import ring
from tests.support.until import until

DRAIN_S, RINGS_MS = 30, 2000


class Longest:
    """A call that rings at one node until it is picked up from the other, by the cast's last people."""

    def __init__(self, cast: Cast, drains: Node, stays: Node) -> None:
        pair, domain = cast.people.pairs[-1], cast.people.domain
        self._drains = drains
        self._code = cast.people.pickup_code + pair.account
        self._bob = Phone(drains.address, pair.account, domain=domain)
        self._alice = Phone(drains.address, cast.people.pairs[-2].picker.number, domain=domain)
        self._carol = Phone(stays.address, pair.picker.number, domain=domain)

    def __enter__(self) -> Longest:
        assert self._bob.registers().status == 200
        self._call = ring(self._alice, self._bob)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for phone in (self._bob, self._alice, self._carol):
            phone.close()

    def begins_to_drain(self) -> int:
        """SIGTERM; returns how many requests were under way, once new calls are refused."""
        under_way = unfinished(str(self._drains.folder / self._drains.name))
        self._drains.is_told_to_end()
        here = Listen("udp", LOOPBACK, self._drains.port)
        until(lambda: ask_options(here, 1.0) == 503, what="503 to OPTIONS")
        assert self._alice.dials(self._bob.number).ends_with().status == 503
        return under_way

    def is_picked_up(self) -> None:
        pickup = self._carol.dials(self._code)
        self._alice.rung(replaces=True).answers(200)
        dialog = pickup.dialog(pickup.expects(200))
        # The node is there for as long as the old call is.
        dialog.ends(self._alice)
        self._call.ends()


def node_drained(folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Calls that ring are answered, one is picked up from the other node, a new one is refused; then the node ends by
    itself. The other half of the calls, and the pickups, go through the other node."""
    place, outcome, cast = folder_of(folder, "node-drained"), Outcome("node-drained"), Cast.at()
    leaving = Pace(rate / 2, BEFORE_S, talk_ms=1, ring_ms=RINGS_MS)
    lasting = Pace(rate / 2, BEFORE_S + seconds + AFTER_S)
    environment = {**ENVIRONMENT, "STAR87_DRAIN_S": str(DRAIN_S)}
    with nodes(place, cast.text, NAMES, environment) as (drains, stays):
        with ExitStack() as playing:
            through = cast.calls(stage_at(place, "stays", stays, cast), lasting, half=1)
            playing.callback(through.end)
            picking = playing.enter_context(pickers_at(stays.address))
            # What rings longest keeps the node until SIPp has said BYE to the others.
            longest = playing.enter_context(Longest(cast, drains, stays))
            ending = cast.calls(stage_at(place, "drains", drains, cast), leaving)
            playing.callback(ending.end)
            time.sleep(BEFORE_S + RINGS_MS / 2000)
            under_way = longest.begins_to_drain()
            began = time.monotonic()
            end_of_calls(outcome, ending, leaving)
            longest.is_picked_up()
            outcome.calls += 1
            if drains.awaits_end(DRAIN_S) != 0:
                outcome.not_played.append("the node did not end in peace")
            outcome.more |= {"under_way": under_way, "drained_in_s": round(time.monotonic() - began, 3)}
            if under_way < 2:
                outcome.not_played.append("hardly a call rang at the node that was told to end")
            end_of_calls(outcome, through, lasting)
            add_up(outcome, picking.end(), began)
        look_for_keys(outcome, stays, cast.domains)
    return outcome, BACK_WITHIN_S
