"""Two nodes on one store: one is killed, or they do not reach one another for a while."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from tests.load.chaos.beside import (
    ENVIRONMENT,
    KEYS_GO_WITHIN_S,
    Cast,
    Outcome,
    add_up,
    end_of_calls,
    folder_of,
    left_keys,
    pickers_at,
)
from tests.load.chaos.faults import BACK_WITHIN_S, FAILED_OVER_WITHIN_S
from tests.load.chaos.network import SIP_PORT, FarRedis
from tests.support.cluster_of_nodes import knows, nodes
from tests.support.load.kinds import Pace
from tests.support.load.player import Stage
from tests.support.network import Network
from tests.support.node import Node
from tests.support.ports import LOOPBACK
from tests.support.raw import raw_client
from tests.support.until import until

BEFORE_S, AFTER_S = 3.0, 4.0
NAMES = ("a", "b")


def node_killed(folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """A node is killed under SIPp's calls, which go to the other from then on; pickups go on at that one.

    What was under way at the dead node is lost, and not counted.
    """
    place, outcome, cast = folder_of(folder, "node-killed"), Outcome("node-killed"), Cast.at()
    with (
        nodes(place, cast.document, NAMES, ENVIRONMENT) as (dies, lives),
        pickers_at(lives.address) as picking,
    ):
        lasting = cast.calls(Stage(dies.address, cast.people.domain, LOOPBACK, place), rate, BEFORE_S + 60)
        try:
            time.sleep(BEFORE_S)
            dies.dies()
            began = time.monotonic()
        finally:
            lasting.end()
        outcome.calls += lasting.caller.counts().get("SuccessfulCall", 0)
        stage = Stage(lives.address, cast.people.domain, LOOPBACK, folder_of(place, "again"))
        play = cast.calls(stage, rate, seconds + AFTER_S)
        end_of_calls(outcome, play, Pace(rate, seconds + AFTER_S).calls, seconds + AFTER_S)
        add_up(outcome, picking.end())
        outcome.recovered_s = picking.count.recovered_s(began)
        until(lambda: knows(lives) == {"b"}, within_s=KEYS_GO_WITHIN_S, what="the death to be known")
        left = left_keys(lives, cast.domains)
        outcome.left_keys = len(left)
        outcome.told += left[:5]
    return outcome, FAILED_OVER_WITHIN_S


def nodes_parted(folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Nothing passes between two nodes that both have their store and their phones. Calls go through one, pickers dial
    at the other: they hear so, and the calls ring on."""
    del rate
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
            node = Node(
                place / name, cast.document, name=name, environment=environment, listen=[address], inside=inside
            )
            started.append(stack.enter_context(node))
            node.looks_by(raw_client(store.url))
        until(
            lambda: all(knows(node) == set(NAMES) for node in started), within_s=10, what="nodes that know each other"
        )
        stack.enter_context(network.on("phones"))
        through, at = (f"{network.address(name)}:{SIP_PORT}" for name in NAMES)
        with pickers_at(through, picks_at=at, host=host, repeats=True) as picking:
            time.sleep(BEFORE_S)
            network.parts(*NAMES)
            time.sleep(seconds)
            network.between(*NAMES)
            ended = time.monotonic()
            time.sleep(AFTER_S)
            add_up(outcome, picking.end())
            outcome.recovered_s = picking.count.recovered_s(ended)
        left = left_keys(started[0], cast.domains)
        outcome.left_keys = len(left)
        outcome.told += left[:5]
    return outcome, BACK_WITHIN_S
