"""`make soak`: calls, pickups and callers of a queue for MINUTES=20 on a node of its own: what grows, what fails?

RATE: all of them together, a second (a quarter pickups, a twentieth queue callers); without it half of the highest
rate that a short ramp finds. Prints one JSON object with a trend for each thing that was looked at, in its unit per
minute and in percent per hour; writes it, all samples as CSV and a chart into build/soak-TIME/. Ends with 1 when a
call failed or something grew, by the criterion of tests/support/load/growth.py. `lost_by_sipp`: calls that SIPp itself
has forgotten in a pause, as its own screen shows; they are no failures of the node's.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

from tests.load.load import BUILD
from tests.support.load import chart, ground, growth
from tests.support.load.bad_input import BadInput
from tests.support.load.figures import Trend, trend
from tests.support.load.mix import OVER_WITHIN_S, Grounds, Mix, grounds
from tests.support.load.player import PlayerFailed
from tests.support.load.watch import Rest, Sample, Watch

RAMP_PER_S = (25, 50, 100, 150, 200, 300, 400, 600, 800)
STEP_S = 4.0
STEP_OVER_WITHIN_S = 4.0
RETRANSMITTED_MOST = 0.01
WARMING_S = 5.0
WARM_UP_SHARE, WARM_UP_LEAST_MIN, WARM_UP_MOST_MIN = 0.3, 0.25, 6.0
"""Transactions live on for five seconds, entries of tables for five minutes."""
WARM_UP_CALLS = 12_000
"""Until then each worker's bounded caches fill up: some two megabytes, in its first 2,500 calls."""
SAMPLES_NEEDED = 20
SAMPLES, SAMPLE_MOST_S = 60, 5.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=0.0, help="a second; without it half of what a ramp finds")
    parser.add_argument("--warm", type=float, default=WARMING_S, help="seconds of load before the first rest")
    parser.add_argument("--set", action="append", default=[], metavar="STAR87_NAME=VALUE", help="of its node")
    parser.add_argument("--folder", default="")
    given = parser.parse_args(arguments)
    try:
        if given.minutes <= 0 or given.rate < 0:
            raise BadInput("MINUTES and RATE must be above 0")
        folder = Path(given.folder) if given.folder else BUILD / time.strftime("soak-%Y%m%d-%H%M%S")
        settings = ground.environment_of(given.set)
        folder.mkdir(parents=True, exist_ok=True)
        with grounds(folder, given.rate or RAMP_PER_S[-1], settings) as place:
            highest = None if given.rate else ramp(place)
            if highest == 0:
                raise BadInput(f"not even {RAMP_PER_S[0]} calls a second go through here: see {folder}; or give RATE=")
            found = soak(place, given.rate or (highest or 0) / 2, given.minutes, given.warm, folder)
    except (BadInput, PlayerFailed) as problem:
        print(f"soak: {problem}", file=sys.stderr)
        return 2
    found["highest_rate_per_s"] = highest
    (folder / "result.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(shortened(found)))
    return 1 if found["failed"] or found["grows"] else 0


def ramp(place: Grounds) -> float:
    """The highest rate of the steps at which every call is complete, in time, almost without a retransmission."""
    highest = 0.0
    for rate in RAMP_PER_S:
        mix = place.start(rate, STEP_S)
        try:
            in_time = mix.await_end(STEP_S + STEP_OVER_WITHIN_S)
            mix.check()
        finally:
            mix.end()
        wanted = sum(mix.calls.values())
        well = in_time and mix.complete == wanted and mix.retransmissions <= RETRANSMITTED_MOST * wanted
        told = f"{mix.complete} of {wanted} complete, {mix.retransmissions} retransmissions"
        _say(f"ramp: {rate}/s: {told}{'' if in_time else ', not in time'}")
        if not well:
            break
        highest = float(rate)
    return highest


def soak(place: Grounds, rate: float, minutes: float, warm_s: float, folder: Path) -> dict[str, Any]:
    """Warm the node up, let it rest, play for so many minutes, let it rest again; returns the JSON but for the ramp."""
    node = place.place.node
    assert node is not None
    if warm_s > 0:
        _play_through(place, rate, warm_s)
    playing: list[Mix] = []
    watch = Watch(node, place.place.people.domain, time.monotonic, lambda: sum(mix.failed for mix in playing))
    before = watch.rest()
    watch = Watch(node, place.place.people.domain, time.monotonic, lambda: sum(mix.failed for mix in playing))
    mix = place.start(rate, minutes * 60)
    playing.append(mix)
    try:
        _look_on(watch, mix, minutes)
        mix.await_end(OVER_WITHIN_S)
        mix.check()
    finally:
        mix.end()
    after = watch.rest()
    lost = mix.lost_by_sipp
    outcome = {"failed": sum(mix.calls.values()) - mix.complete - lost, "lost_by_sipp": lost}
    found = {"rate_per_s": rate, "minutes": minutes, **mix.calls, **outcome}
    return _judged(watch, mix, (before, after), found, folder)


def warm_up_minutes(minutes: float, rate: float) -> float:
    """How much of a soak comes before what is judged: a share of it, and until what fills up is full."""
    of_time = min(max(WARM_UP_SHARE * minutes, WARM_UP_LEAST_MIN), WARM_UP_MOST_MIN)
    return round(max(of_time, WARM_UP_CALLS / rate / 60), 3)


def _play_through(place: Grounds, rate: float, duration_s: float) -> None:
    mix = place.start(rate, duration_s)
    try:
        mix.await_end(duration_s + OVER_WITHIN_S)
        mix.check()
    finally:
        mix.end()


def _look_on(watch: Watch, mix: Mix, minutes: float) -> None:
    pause_s = min(SAMPLE_MOST_S, minutes * 60 / SAMPLES)
    end, told_at = time.monotonic() + minutes * 60, time.monotonic()
    while time.monotonic() < end:
        watch.look()
        if time.monotonic() - told_at > 30:
            told_at = time.monotonic()
            _say(f"{(end - told_at) / 60:.1f} minutes to go, {mix.complete} complete, {mix.failed} failed")
        if mix.await_end(min(pause_s, max(0.0, end - time.monotonic()))):
            break


def _judged(watch: Watch, mix: Mix, rests: tuple[Rest, Rest], found: dict[str, Any], folder: Path) -> dict[str, Any]:
    warm_up = warm_up_minutes(found["minutes"], found["rate_per_s"])
    judged = [sample for sample in watch.samples if sample.at >= warm_up]
    lines = []
    if len(judged) >= SAMPLES_NEEDED:
        lines = growth.lines_of(judged, watch.names, rests[1].entry_bytes)
    else:
        needed = math.ceil(warm_up * 1.5)
        _say(f"too short for trends: only what is left at rest is judged; give MINUTES={needed} or more")
    rest = growth.at_rest(*rests, sum(mix.calls.values()), found["lost_by_sipp"])
    _write(watch.samples, folder / "samples.csv")
    found |= {
        "samples": len(watch.samples),
        "warm_up_minutes": warm_up,
        "grows": [*(line.name for line in lines if line.grows), *rest.pop("grows")],
        "at_rest": rest,
        "entry_bytes": round(rests[1].entry_bytes, 1),
        "trends": {line.name: line.as_json() for line in lines},
        "folder": str(folder),
    }
    found["chart"] = draw(watch.samples, judged, rests[1].entry_bytes, found, folder / "soak.png") if lines else None
    return found


def shortened(found: dict[str, Any]) -> dict[str, Any]:
    """Of the processes only the one whose memory rose most, and whatever grows."""
    trends = found["trends"]
    keep = {name for name in trends if "[" not in name or trends[name]["grows"]}
    for what in ("private", "pkg"):
        of = [name for name in trends if name.startswith(f"{what}[")]
        keep |= {max(of, key=lambda name: trends[name]["rise"])} if of else set()
    return {**found, "trends": {name: told for name, told in trends.items() if name in keep}}


def _write(samples: list[Sample], path: Path) -> None:
    pids = list(samples[0].processes)
    names = [
        "minute",
        "shm_used",
        "shm_real_used",
        "table_entries",
        "transactions",
        "redis_used_memory",
        "redis_keys",
        "failed",
    ]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *(f"{what}_{pid}" for what in ("rss", "pss", "private", "pkg") for pid in pids)])
        for s in samples:
            memory = [s.processes[pid] for pid in pids]
            row = [
                f"{s.at:.4f}",
                s.shm_used,
                s.shm_real,
                s.entries,
                s.transactions,
                s.redis_used,
                s.redis_keys,
                s.failed,
            ]
            row += [m.rss for m in memory] + [m.pss for m in memory] + [m.private for m in memory]
            writer.writerow([*row, *(s.pkg.get(pid, "") for pid in pids)])


def draw(
    samples: list[Sample], judged: list[Sample], entry_bytes: float, found: dict[str, Any], path: Path
) -> str | None:
    minutes = [s.at for s in samples]
    from_, to = judged[0].at, judged[-1].at

    def line(axis: Any, values: list[float], label: str, colour: str, of: Trend | None = None) -> None:
        axis.plot(minutes, values, color=colour, lw=1.4, label=label)
        if of:
            middle = (from_ + to) / 2
            ends = [of.level + of.per_minute * (at - middle) for at in (from_, to)]
            axis.plot([from_, to], ends, color=chart.INK, lw=1, ls="--")
        axis.axvspan(0, from_, color=chart.GRID, alpha=0.5, lw=0)

    def mib(value: float) -> float:
        return value / growth.MIB

    def processes(axis: Any) -> None:
        for colour, what in zip(chart.COLOURS, ("private", "pss"), strict=False):
            of = [mib(sum(getattr(m, what) for m in s.processes.values())) for s in samples]
            values = [value - of[0] for value in of]
            known = [(s.at, value) for s, value in zip(samples, values, strict=True) if s.at >= from_]
            line(axis, values, f"{what}, from {of[0]:.0f} MiB", colour, trend(known))
        chart.name(axis, "Kamailio's processes, MiB more")

    def shared(axis: Any) -> None:
        line(axis, [mib(s.shm_used) for s in samples], "shared, used", chart.COLOURS[0])
        known = [(at, mib(value)) for at, value in growth.shm_of_no_call(judged, entry_bytes)]
        axis.plot(
            [at for at, _ in known], [value for _, value in known], color=chart.COLOURS[1], lw=1.4, label="of no call"
        )
        line(axis, [mib(s.shm_real) for s in samples], "with the allocator's", chart.COLOURS[2])
        axis.set_ylim(bottom=0)
        chart.name(axis, "shared memory, MiB")

    def store(axis: Any) -> None:
        values = [mib(s.redis_used) for s in samples]
        line(axis, values, "used_memory, MiB", chart.COLOURS[0], trend([(s.at, mib(s.redis_used)) for s in judged]))
        keys = [s.redis_keys / 100 for s in samples]
        line(axis, keys, "keys, hundreds", chart.COLOURS[1], trend([(s.at, s.redis_keys / 100) for s in judged]))
        axis.set_ylim(bottom=0)
        chart.name(axis, "Redis")

    def load(axis: Any) -> None:
        line(axis, [s.transactions for s in samples], "transactions", chart.COLOURS[0])
        axis.plot(minutes, [s.failed for s in samples], color=chart.RED, lw=1.6, label="failed calls")
        axis.set_ylim(bottom=0)
        chart.name(axis, "calls")

    grown = f"{len(found['grows'])} things" if len(found["grows"]) > 3 else ", ".join(found["grows"]) or "nothing"
    note = f"{found['rate_per_s']:g} a second, {found['failed']} failed; grows: {grown}; grey: warm-up"
    return chart.draw(path, "make soak", note, [processes, shared, store, load], unit="minutes")


def _say(text: str) -> None:
    print(f"soak: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
