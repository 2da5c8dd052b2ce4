"""Whether a node is still the node that it was: its processes, its log, its store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import redis

from tests.kamailio.conftest import assert_no_traceback
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.until import until

ONE_OF_EACH = {
    "STAR87_WORKERS": "1",
    "STAR87_TCP_WORKERS": "1",
    # What is tested is what is understood, not who is heard.
    "STAR87_FLOOD_REQUESTS_PER_S": "0",
    "STAR87_SCAN_STRIKES": "0",
}
"""One worker for each transport: what was sent before an answered request has been dealt with."""


MARKS_S = 8.0
"""Longer than what a call's end leaves for what crosses it (store/lua/_line.lua)."""


@contextmanager
def unharmed(node: Node, domain: str) -> Iterator[None]:
    """Afterwards the node answers by either transport, no process has died, nothing was raised and no key is left."""
    store = redis.Redis.from_url(node.redis_url)
    before, pids, start = _keys(store), node.kamcmd("core.ps"), len(node.log())
    yield
    for transport in ("udp", "tcp"):
        with Phone(node.address, "101", domain=domain, transport=transport) as phone:
            assert phone.asks("OPTIONS").status == 200
    assert node.kamcmd("core.ps") == pids
    assert_no_traceback(node.folder / node.name / "kamailio.log", start)
    until(lambda: _keys(store) <= before, within_s=MARKS_S, what=lambda: f"no key left: {_keys(store) - before}")
    store.close()


def _keys(store: redis.Redis) -> set[bytes]:
    """All but the registry of nodes, which a node writes again and again."""
    return set(cast(list[bytes], store.keys())) - {b"s87:nodes"}
