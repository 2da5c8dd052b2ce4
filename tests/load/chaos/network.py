"""One node on a network that loses, delays and reorders, and between which and its store nothing passes for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.load.chaos.beside import (
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
from tests.load.chaos.faults import BACK_WITHIN_S
from tests.support.load.kinds import Pace
from tests.support.load.player import Stage
from tests.support.network import Network
from tests.support.node import Node
from tests.support.raw import raw_client
from tests.support.redis_server import RedisServer

PHONES, NODE, STORE = "phones", "node", "store"
SIP_PORT, STORE_PORT = 5060, 6379
BEFORE_S, AFTER_S = 2.0, 6.0
LOSS, REORDERING = "loss", "reordering"
NOT_FOR_SIPP = (LOSS, REORDERING)
APART_MS = 200
"""SIPp knows no 180 after the 200, and no BYE before the ACK: so no two of its messages are closer than that."""
REPEATED_WITHIN_S = 10.0
"""What was lost last is said again by then: time enough to see that a pickup came off after all."""

Conditions = Callable[[Network], None]


def _phones(**how: float) -> Conditions:
    return lambda network: network.between(PHONES, NODE, **how)


CONDITIONS: dict[str, tuple[Conditions, Conditions, float]] = {
    LOSS: (_phones(loss=0.05), _phones(), REPEATED_WITHIN_S),
    "delay": (_phones(delay_ms=50, jitter_ms=5), _phones(), BACK_WITHIN_S),
    REORDERING: (_phones(delay_ms=50, jitter_ms=45), _phones(), BACK_WITHIN_S),
    "partition-node-store": (
        lambda network: network.parts(NODE, STORE),
        lambda network: network.between(NODE, STORE),
        BACK_WITHIN_S,
    ),
}
"""By name: what begins, what ends, and within how many seconds after that pickups must come off again."""


class FarRedis(RedisServer):
    """A Redis on a host of the network; the test looks at it by its Unix socket."""

    def __init__(self, network: Network, *arguments: str) -> None:
        self._network = network
        address = network.address(STORE)
        super().__init__("--port", str(STORE_PORT), "--bind", address, "--protected-mode", "no", *arguments)
        self.far_url = f"redis://{address}:{STORE_PORT}"

    def start(self, *arguments: str, awaits: bool = True) -> None:
        with self._network.on(STORE):
            super().start(*arguments, awaits=awaits)


@contextmanager
def node_in(
    network: Network, folder: Path, cast: Cast, store: FarRedis, store_waits_ms: str
) -> Iterator[tuple[Node, str]]:
    """A node on its host, and where it is reached."""
    address = f"{network.address(NODE)}:{SIP_PORT}"
    environment = {**ENVIRONMENT, "STAR87_REDIS_URL": store.far_url, "STAR87_REDIS_TIMEOUT_MS": store_waits_ms}
    inside = network.inside(NODE)
    with Node(folder, cast.text, environment=environment, listen=[f"udp:{address}"], inside=inside) as node:
        node.looks_by(raw_client(store.url))
        yield node, address


def network_fails(name: str, folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Play one of CONDITIONS; returns what came of it, and within how many seconds it must have been over.

    SIPp repeats no answer to a BYE (RFC 3261 §17.2.2), and fails a call whose 180 comes after its 200: where packets
    are lost, or overtake one another, only the pickers' phones call.
    """
    place, outcome = folder_of(folder, name), Outcome(name)
    begin, end, back_within_s = CONDITIONS[name]
    # Where the store is not what fails, a machine that is busy elsewhere is no absent store.
    waits_ms = STORE_WAITS_MS if name == "partition-node-store" else "1000"
    with Network(PHONES, NODE, STORE) as network, FarRedis(network) as store, ExitStack() as stack:
        host = network.address(PHONES)
        cast = Cast.at(host)
        node, address = stack.enter_context(node_in(network, place / "node", cast, store, waits_ms))
        stack.enter_context(network.on(PHONES))
        after_s = max(AFTER_S, back_within_s)
        pace = Pace(rate, BEFORE_S + seconds + after_s, talk_ms=APART_MS, ring_ms=APART_MS)
        play = cast.calls(Stage(address, cast.people.domain, host, place), pace) if name not in NOT_FOR_SIPP else None
        try:
            with pickers_at(address, host=host, repeats=True) as picking:
                time.sleep(BEFORE_S)
                begin(network)
                time.sleep(seconds)
                end(network)
                ended = time.monotonic()
                time.sleep(after_s)
                count = picking.end()
        finally:
            if play is not None:
                end_of_calls(outcome, play, pace)
        add_up(outcome, count, ended)
        look_for_keys(outcome, node, cast.domains)
    return outcome, back_within_s
