"""Ordinary calls and pickups, in a process of their own, one every 100 ms until they are told to end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from tests.support.phone import PASSWORD, Phone
from tests.support.talks import ring, take_over, talk
from tests.support.wire import ConnectionClosed

DOMAIN = "calls.example.com"
EVERY_S = 0.1
TOLD_MOST = 5
SAME_PHONES = 50
FAILURES = (AssertionError, ConnectionClosed, OSError)


@dataclass
class Count:
    calls: int = 0
    failed_calls: int = 0
    pickups: int = 0
    failed_pickups: int = 0
    slowest_ms: float = 0.0
    told: list[str] = field(default_factory=list)


def tenant() -> dict[str, Any]:
    return {
        "name": DOMAIN,
        "extensions": [
            {"number": "101", "name": "Bob", "password": PASSWORD, "monitored_by": ["103"]},
            {"number": "103", "name": "Carol", "password": PASSWORD},
            {"number": "104", "name": "Alice", "password": PASSWORD},
        ],
    }


class Phones:
    """Alice calls Bob, Carol picks up. All speak one transport."""

    def __init__(self, address: str, transport: str) -> None:
        def phone(number: str) -> Phone:
            return Phone(address, number, domain=DOMAIN, transport=transport)

        self.alice, self.bob, self.carol = phone("104"), phone("101"), phone("103")
        assert self.bob.asks("REGISTER", to=self.bob.aor, headers=[("Contact", "*"), ("Expires", "0")]).status == 200

    def call(self) -> None:
        talk(self.alice, self.bob)[0].ends(self.bob)

    def pickup(self, dialled: str) -> None:
        take_over(ring(self.alice, self.bob), self.carol, dialled).ends(self.alice)

    def __enter__(self) -> Phones:
        assert self.bob.registers().status == 200
        return self

    def __exit__(self, *_: object) -> None:
        for phone in (self.alice, self.bob, self.carol):
            phone.close()


def go_on(address: str, told_to_end: Connection) -> None:
    """Play until something comes by the pipe; then the Count goes back by it. The first thing that goes is `ready`."""
    count = Count()
    told_to_end.send("ready")
    turn = 0
    while not told_to_end.poll():
        transport = ("udp", "tcp")[turn // SAME_PHONES % 2]
        try:
            with Phones(address, transport) as phones:
                for _ in range(SAME_PHONES):
                    turn += 1
                    next_at = time.monotonic() + EVERY_S
                    _play(phones, turn, count)
                    if told_to_end.poll(max(0.0, next_at - time.monotonic())):
                        break
        except FAILURES as failure:
            if turn % 2:
                count.failed_calls += 1
            else:
                count.failed_pickups += 1
            if len(count.told) < TOLD_MOST:
                count.told.append(f"over {transport}, turn {turn}: {failure!r}")
            turn += 1
    told_to_end.send(count)


def _play(phones: Phones, turn: int, count: Count) -> None:
    began = time.monotonic()
    if turn % 2:
        count.calls += 1
        phones.call()
    else:
        count.pickups += 1
        phones.pickup("*87" if turn % 4 else "*87101")
    count.slowest_ms = max(count.slowest_ms, (time.monotonic() - began) * 1000)
