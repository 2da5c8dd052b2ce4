"""`make bench-hidden`: whether time tells an account that is hidden from one that is not there.

With `hide_accounts` a picker who may see nothing dials, by turns, *87 and the number of an account and *87 and a number
that no account has. The time is what his phone sees, from its authenticated INVITE to the 403. One JSON line:

    {"dialled": 2000, "hidden_p50_ms": …, "missing_p50_ms": …, "difference_ms": …, "noise_ms": …, "told_apart": false}

noise_ms: how far the medians of two halves of the *same* kind lie apart. told_apart: the difference is greater than
three times that and than 0.02 ms; then it ends with 1.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from tests.load.bench_pickup import TimedPhone
from tests.support.node import Node

DOMAIN = "bench.example.com"
ROUNDS = 1000
ACCOUNTS = [str(number) for number in range(1000, 1100)]
MISSING = [str(number) for number in range(2000, 2100)]
LEAST_MS = 0.02
DOCUMENT = f"""
version: 1
domains:
  - name: {DOMAIN}
    settings: {{hide_accounts: true}}
    extensions:
      - {{number: "206", name: Mallory, password: change-me}}
""" + "".join(f'      - {{number: "{number}", name: Someone, password: change-me}}\n' for number in ACCOUNTS)


def main() -> int:
    took_ms: dict[str, list[float]] = {"hidden": [], "missing": []}
    environment = {"STAR87_DENIED_PICKUPS_PER_MIN": "1000000"}
    with (
        tempfile.TemporaryDirectory(prefix="star87-bench-") as folder,
        Node(Path(folder), DOCUMENT, environment=environment) as node,
        TimedPhone(node.address, "206", domain=DOMAIN) as mallory,
    ):
        for turn in range(ROUNDS):
            # Now one goes first, now the other.
            order = ("hidden", "missing") if turn % 2 else ("missing", "hidden")
            for kind in order:
                numbers = ACCOUNTS if kind == "hidden" else MISSING
                took_ms[kind].append(_dial(mallory, numbers[turn * 7 % len(numbers)]))
    hidden, missing = took_ms["hidden"], took_ms["missing"]
    difference = statistics.median(hidden) - statistics.median(missing)
    noise = max(abs(statistics.median(times[::2]) - statistics.median(times[1::2])) for times in (hidden, missing))
    told_apart = abs(difference) > max(3 * noise, LEAST_MS)
    line = {
        "dialled": len(hidden) + len(missing),
        "hidden_p50_ms": round(statistics.median(hidden), 3),
        "missing_p50_ms": round(statistics.median(missing), 3),
        "difference_ms": round(difference, 3),
        "noise_ms": round(noise, 3),
        "told_apart": told_apart,
    }
    print(json.dumps(line), flush=True)
    return int(told_apart)


def _dial(mallory: TimedPhone, number: str) -> float:
    call = mallory.dials(f"*87{number}")
    sent_at = mallory.sent_at
    answer = call.expects(403)
    mallory.inbox.clear()
    assert answer.reason == "Pickup Not Permitted"
    return (mallory.received_at - sent_at) * 1000


if __name__ == "__main__":
    sys.exit(main())
