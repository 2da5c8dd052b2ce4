"""`make bench-pickup`: the delay from the picker's INVITE to the INVITE at the caller, on loopback.

200 pickups one after another for each line, half of them general and half directed, while other calls ring that the
picker may pick up as well. The delay is what the two phones see: from just before the picker's authenticated INVITE is
sent until the caller's phone has read the INVITE with Replaces. One JSON line for each number of other ringing calls:

    {"ringing": 1000, "pickups": 200, "failed": 0, "second_winners": 0, "left_keys": 0, "p50_ms": …, "p99_ms": …}

Ends with 1 when a pickup failed, found a second winner or left a key.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Outgoing
from tests.support.until import until

DOMAIN = "bench.example.com"
PICKUPS = 200
RINGING = (1, 1000)
DOCUMENT = f"""
version: 1
domains:
  - name: {DOMAIN}
    extensions:
      - {{number: "101", name: Bob, password: change-me}}
      - {{number: "102", name: Frank, password: change-me, monitored_by: ["103"]}}
      - {{number: "103", name: Carol, password: change-me}}
      - {{number: "201", name: Alice, password: change-me}}
      - {{number: "202", name: Crowd, password: change-me}}
    hunt_groups:
      - {{number: "700", name: Sales, members: ["101"], monitored_by: ["103"]}}
"""


class TimedPhone(Phone):
    """Knows when it last sent something, and when it last received something (seconds)."""

    sent_at = received_at = 0.0

    def sends(self, message: str | bytes) -> None:
        self.sent_at = time.perf_counter()
        super().sends(message)

    def _receives(self, within_s: float) -> bool:
        came = super()._receives(within_s)
        if came:
            self.received_at = time.perf_counter()
        return came


def main() -> int:
    sound = True
    with tempfile.TemporaryDirectory(prefix="star87-bench-") as folder:
        for ringing in RINGING:
            # A phone of the crowd rings for minutes: its ring must outlast the measurement.
            environment = {"STAR87_RING_MAX_S": "600", "STAR87_ALREADY_ANSWERED_MS": "100"}
            with Node(Path(folder), DOCUMENT, name=f"ringing-{ringing}", environment=environment) as node:
                line = _measure(node, ringing)
            print(json.dumps(line), flush=True)
            sound = sound and not (line["failed"] or line["second_winners"] or line["left_keys"])
    return 0 if sound else 1


def _measure(node: Node, ringing: int) -> dict[str, float]:
    def phone(number: str, name: str) -> TimedPhone:
        return TimedPhone(node.address, number, domain=DOMAIN, name=name)

    with (
        phone("201", "Alice") as alice,
        phone("101", "Bob") as bob,
        phone("102", "Frank") as frank,
        phone("103", "Carol") as carol,
        phone("202", "Crowd") as crowd,
    ):
        for called in (bob, frank):
            assert called.registers().status == 200
        others = let_ring(crowd, frank, ringing)
        before = set(node.left_keys(DOMAIN))
        delays_ms, failed, winners = [], 0, 0
        for turn in range(PICKUPS):
            try:
                delays_ms.append(pick_up(alice, bob, carol, "*87" if turn % 2 else "*87700"))
            except AssertionError as failure:
                print(failure, file=sys.stderr)
                failed += 1
            winners += sum(m.method == "INVITE" and m.status == 0 for m in alice.inbox)
        assert len(node.star87("calls")) == ringing == len(others)
        until(lambda: set(node.left_keys(DOMAIN)) <= before, what="every key of the pickups to go")
        left = len(set(node.left_keys(DOMAIN)) - before)
    spread = statistics.quantiles(delays_ms, n=100)
    return {
        "ringing": ringing,
        "pickups": PICKUPS,
        "failed": failed,
        "second_winners": winners,
        "left_keys": left,
        "p50_ms": round(statistics.median(delays_ms), 3),
        "p99_ms": round(spread[98], 3),
    }


def let_ring(crowd: Phone, frank: Phone, ringing: int) -> list[Outgoing]:
    calls = []
    for _ in range(ringing):
        call = crowd.dials("102")
        frank.rung().answers(180)
        call.expects(180)
        calls.append(call)
    return calls


def pick_up(alice: TimedPhone, bob: TimedPhone, carol: TimedPhone, dialled: str) -> float:
    """One whole cycle, from Alice's call to her BYE; returns the delay in ms."""
    first = alice.dials("700")
    rings = bob.rung()
    rings.answers(180)
    first.expects(180)
    picker = carol.dials(dialled)
    replacing = alice.rung(replaces=True)
    delay_ms = (alice.received_at - carol.sent_at) * 1000
    replacing.answers(200)
    carols = picker.dialog(picker.expects(200))
    replacing.dialog()
    first.cancels()
    rings.is_cancelled()
    first.expects(487)
    carols.ends(alice)
    return delay_ms


if __name__ == "__main__":
    sys.exit(main())
