"""The turns of turns.py while something fails, in a process of their own: one every 100 ms."""

from __future__ import annotations

import time
from itertools import count as numbers
from multiprocessing.connection import Connection

from tests.load.chaos.turns import Count, Phones
from tests.support.wire import ConnectionClosed

EVERY_S = 0.1
FAILURES = (AssertionError, ConnectionClosed, OSError)
TURNS = (Phones.race, Phones.order, Phones.race, Phones.talk)


def go_on(address: str, picks_at: str, host: str, repeats: bool, transport: str, told_to_end: Connection) -> None:
    """Play until something comes by the pipe; then the Count goes back by it. The first thing that goes is `ready`.

    address: of the node. picks_at: of the node at which the pickers dial. host: of the phones, which repeat what they
    say where packets are lost.
    """
    count, turns = Count(), numbers()
    told_to_end.send("ready")
    while not told_to_end.poll():
        try:
            with Phones(address, picks_at, host, repeats, transport) as phones:
                while True:
                    next_at = time.monotonic() + EVERY_S
                    TURNS[next(turns) % len(TURNS)](phones, count)
                    if told_to_end.poll(max(0.0, next_at - time.monotonic())):
                        break
        except FAILURES as failure:
            count.failed_calls += 1
            count.bad.append((time.monotonic(), f"{failure!r}"))
            count.tell(f"{failure!r}")
    told_to_end.send(count)
