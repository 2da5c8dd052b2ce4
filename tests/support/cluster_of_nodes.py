"""Several real nodes on one state store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kemi.nodes.peer import Known
from tests.support.node import Node
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.until import until

KNOWN_WITHIN_S = 10.0


@contextmanager
def nodes(
    folder: Path,
    document: str,
    names: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    store: RedisServer | None = None,
) -> Iterator[tuple[Node, ...]]:
    """Nodes of these names that know one another. store: theirs, else one of their own."""
    with ExitStack() as stack:
        store = store or stack.enter_context(RedisServer())
        settings = {"STAR87_REDIS_URL": store.url, **(environment or {})}
        started = [
            stack.enter_context(Node(folder / name, document, name=name, environment={**settings, **peer(number)}))
            for number, name in enumerate(names, 1)
        ]
        until(
            lambda: all(knows(node) == set(names) for node in started),
            within_s=KNOWN_WITHIN_S,
            what="nodes to know each other",
        )
        yield tuple(started)


def peer(number: int) -> dict[str, str]:
    """Nodes reach one another at addresses of their own: Kamailio 6 takes those of one address for one node."""
    return {"STAR87_PEER": f"udp:127.0.1.{number}:{free_port()}"}


def known(node: Node) -> Known:
    """What the workers of a node know of all nodes."""
    lines = node.kamcmd("pv.shvGet", "nodes").splitlines()
    value = next(line.partition("value: ")[2] for line in lines if "value:" in line)
    return Known.unpack(value)


def knows(node: Node) -> set[str]:
    return {peer.name for peer in known(node).living}
