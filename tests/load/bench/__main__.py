"""`make bench`: the figures of the table in README.md, "Capacity"; all of them ratios of one run, or counted.

What is compared takes turns, ROUNDS times (5), each time in another order. Prints a table, and writes medians,
spread and samples into build/bench.json. Ends with 1 when a figure is not what it must be.

    make bench                       all of it, about half an hour
    make bench ONLY=calls,pickups    parts: calls rates pickups cycles queue
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.load.bench import cycles, pickups, plain_calls, proxies
from tests.load.bench.figures import Figure, Samples, at_least, at_most, ratios, report
from tests.support.busy_queue import BusyQueue, serve

BUILD = Path(__file__).resolve().parents[3] / "build"
QUEUE_CALLERS, QUEUE_AGENTS = 1_000, 10


def calls(folder: Path, given: argparse.Namespace) -> list[Figure]:
    with proxies.all_of_them(folder) as compared:
        us = plain_calls.cost(compared, rate=given.rate, duration_s=given.seconds, rounds=given.rounds)
    return [
        at_most("cpu_per_call_vs_untracked", ratios(us["star87"], us["untracked"]), 1.25),
        at_most("cpu_per_call_vs_native", ratios(us["star87"], us["native"]), 1.25),
        Figure("cpu_per_call_vs_native_tlsf", ratios(us["star87"], us["native_tlsf"])),
        *(Figure(f"cpu_us_per_call_{name}", samples) for name, samples in us.items()),
    ]


def rates(folder: Path, given: argparse.Namespace) -> list[Figure]:
    with (
        proxies.star87(folder, "star87", tracking=True) as own,
        proxies.native(folder, "native", allocator=()) as other,
    ):
        compared = {"star87": own, "native": other}
        cps = plain_calls.highest_rates(compared, duration_s=given.seconds, rounds=given.rounds)
    return [
        at_least("max_cps_vs_native", ratios(cps["star87"], cps["native"]), 0.80),
        *(Figure(f"max_cps_{name}", samples) for name, samples in cps.items()),
    ]


def picked(folder: Path, given: argparse.Namespace) -> list[Figure]:
    sizes = {
        "few": pickups.FEW,
        "many": pickups.MANY,
        "one_monitored": pickups.ONE_MONITORED,
        "all_monitored": pickups.ALL_MONITORED,
    }
    with pickups.offices(folder, sizes) as office:
        measured: dict[str, Callable[[], float]] = {name: one.pickup_ms for name, one in office.items()}
        ms = pickups.medians({"call": office["few"].call_ms, **measured}, rounds=given.rounds, times=given.pickups)
        bytes_per_call, bytes_per_real_call = office["many"].bytes_per_call, office["many"].bytes_per_real_call
    return [
        at_most("pickup_vs_call_p50", ratios(ms["few"], ms["call"]), 1.5),
        at_most("search_flatness", ratios(ms["many"], ms["few"]), 1.2),
        at_most("search_by_monitored", ratios(ms["all_monitored"], ms["one_monitored"]), 3),
        at_most("redis_bytes_per_ringing_call", bytes_per_call, 900),
        Figure("redis_bytes_per_real_ringing_call", bytes_per_real_call),
        *(Figure(f"p50_ms_{name}", samples) for name, samples in ms.items()),
    ]


def cycled(folder: Path, given: argparse.Namespace) -> list[Figure]:
    per_s, us = cycles.highest(folder, rounds=given.rounds)
    return [Figure("pickups_per_s", per_s), Figure("cpu_us_per_pickup_cycle", us)]


def queued(folder: Path, given: argparse.Namespace) -> list[Figure]:
    del given
    with BusyQueue(folder / "queue", agents=QUEUE_AGENTS, most=QUEUE_CALLERS) as queue:
        came = serve(queue, callers=QUEUE_CALLERS, talk_s=0.2, picks_every_s=None)
    assert came.is_sound, came
    return [
        at_most("queue_wakeup_ms_p99", Samples([came.offer_p99_ms]), 200),
        Figure("queue_wakeup_ms_p50", Samples([came.offer_p50_ms])),
    ]


PARTS = {"calls": calls, "rates": rates, "pickups": picked, "cycles": cycled, "queue": queued}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=200.0, help="calls a second, where their cost is measured")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long calls begin, each time")
    parser.add_argument("--pickups", type=int, default=40, help="of each kind, each round")
    given = parser.parse_args(arguments)
    unknown = set(given.only.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"ONLY={','.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    found: list[Figure] = []
    for part in given.only.split(","):
        with tempfile.TemporaryDirectory(prefix="star87-bench-") as folder:
            found += PARTS[part](Path(folder), given)
        print(report(found), flush=True)
    BUILD.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "workers": proxies.WORKERS, "load_before": os.getloadavg()[2]}
    content = {"machine": machine, "figures": {figure.name: figure.as_json() for figure in found}}
    (BUILD / "bench.json").write_text(json.dumps(content, indent=1) + "\n")
    return 0 if all(figure.is_met for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
