"""Two nodes on one store: one is killed, or they do not reach one another for a while."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.load.chaos.beside import (
    BRIEF_TALKS,
    ENVIRONMENT,
    KEYS_GO_WITHIN_S,
    Cast,
    Outcome,
    add_up,
    end_of_calls,
    folder_of,
    look_for_keys,
    pickers_at,
)
from tests.load.chaos.faults import BACK_WITHIN_S, FAILED_OVER_WITHIN_S
from tests.load.chaos.network import SIP_PORT, FarRedis
from tests.support.cluster_of_nodes import knows, nodes
from tests.support.load.kinds import Pace
from tests.support.load.messages import Call, read_calls
from tests.support.load.player import Stage
from tests.support.network import Network
from tests.support.node import Node
from tests.support.ports import LOOPBACK
from tests.support.raw import raw_client
from tests.support.until import until

BEFORE_S, AFTER_S = 3.0, 4.0
SETS_UP_S = 2.0
RINGS_MS, SPARE_S = 500, 0.5
"""How long the calls ring that a node takes with it, so that some are under way when it dies; and what they may take
beside: a call that was under way for longer hung there before."""
NAMES = ("a", "b")


def node_killed(folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """A node is killed under half of the calls; the other half, and the pickups, go through the other. Then all do.

    Calls whose INVITE was in flight there are lost_with_the_node, and the BYE of who talked has nowhere to go
    (cut_off): neither is a failed call. All else that did not end well there is.
    """
    place, outcome, cast = folder_of(folder, "node-killed"), Outcome("node-killed"), Cast.at()
    after = Pace(rate / 2, seconds + AFTER_S)
    lasting, dying = (
        Pace(rate / 2, BEFORE_S + SETS_UP_S + after.duration_s),
        Pace(rate / 2, BEFORE_S + 60, ring_ms=RINGS_MS),
    )
    with nodes(place, cast.text, NAMES, {**ENVIRONMENT, **BRIEF_TALKS}) as (dies, lives):
        with ExitStack() as playing:
            through = cast.calls(stage_at(place, "lives", lives, cast), lasting, half=1)
            playing.callback(lambda: end_of_calls(outcome, through, lasting))
            picking = playing.enter_context(pickers_at(lives.address))
            doomed = cast.calls(stage_at(place, "dies", dies, cast), dying, traced=True)
            playing.callback(doomed.end)
            time.sleep(BEFORE_S)
            began, killed_at = time.monotonic(), time.time()
            dies.dies()
            doomed.end()
            _with_the_node(outcome, read_calls(doomed.caller.messages), killed_at, dying)
            play = cast.calls(stage_at(place, "again", lives, cast), after)
            end_of_calls(outcome, play, after)
            add_up(outcome, picking.end(), began)
        until(lambda: knows(lives) == {"b"}, within_s=KEYS_GO_WITHIN_S, what="the death to be known")
        look_for_keys(outcome, lives, cast.domains)
    return outcome, FAILED_OVER_WITHIN_S


def _with_the_node(outcome: Outcome, calls: Sequence[Call], killed_at: float, pace: Pace) -> None:
    """What became of the calls that had begun at a node when it was killed (seconds since 1970), into an outcome."""
    begun = [call for call in calls if call.begun_at <= killed_at]
    open_ = [call for call in begun if not call.is_complete and not call.refused]
    rings_since = killed_at - pace.ring_ms / 1000 - SPARE_S
    talks_since = killed_at - pace.talk_ms / 1000 - SPARE_S
    in_flight = [call for call in open_ if call.answered_at is None and call.begun_at >= rings_since]
    cut_off = [call for call in open_ if call.answered_at is not None and call.answered_at >= talks_since]
    outcome.calls += len(begun)
    outcome.failed_calls += sum(not call.is_complete for call in begun) - len(in_flight) - len(cut_off)
    outcome.more |= {"lost_with_the_node": len(in_flight), "cut_off": len(cut_off)}
    if not in_flight:
        outcome.not_played.append("no INVITE was in flight at the node that was killed")


def stage_at(folder: Path, label: str, node: Node, cast: Cast) -> Stage:
    """For one of several SIPp that play in a scene."""
    return Stage(node.address, cast.people.domain, LOOPBACK, folder_of(folder, label))


def nodes_parted(folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Nothing passes between two nodes that both have their store and their phones. Calls go through one, pickers dial
    at the other: they hear so, and the calls ring on."""
    place, outcome = folder_of(folder, "parted"), Outcome("partition-node-node")
    with ExitStack() as stack:
        network = stack.enter_context(Network("phones", *NAMES, "store"))
        store = stack.enter_context(FarRedis(network))
        host = network.address("phones")
        cast = Cast.at(host)
        started = []
        for name in NAMES:
            address = f"udp:{network.address(name)}:{SIP_PORT}"
            environment = {**ENVIRONMENT, "STAR87_REDIS_URL": store.far_url, "STAR87_PEER": address}
            inside = network.inside(name)
            node = Node(place / name, cast.text, name=name, environment=environment, listen=[address], inside=inside)
            started.append(stack.enter_context(node))
            node.looks_by(raw_client(store.url))
        until(
            lambda: all(knows(node) == set(NAMES) for node in started), within_s=10, what="nodes that know each other"
        )
        stack.enter_context(network.on("phones"))
        through, at = (f"{network.address(name)}:{SIP_PORT}" for name in NAMES)
        pace = Pace(rate, BEFORE_S + seconds + AFTER_S)
        play = cast.calls(Stage(through, cast.people.domain, host, place), pace)
        stack.callback(play.end)
        with pickers_at(through, picks_at=at, host=host, repeats=True) as picking:
            time.sleep(BEFORE_S)
            network.parts(*NAMES)
            time.sleep(seconds)
            network.between(*NAMES)
            ended = time.monotonic()
            time.sleep(AFTER_S)
            add_up(outcome, picking.end(), ended)
        end_of_calls(outcome, play, pace)
        look_for_keys(outcome, started[0], cast.domains)
    return outcome, BACK_WITHIN_S
