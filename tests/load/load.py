"""`make load`: calls, calls with digest, or whole pickups at a steady rate, on a node of its own or on any other.

    make load RATE=100 DURATION=60                                          a node of its own, calls from a trunk
    make load RATE=50 KIND=pickups                                          ring, *87, connected, BYE
    make load RATE=100 KIND=digest TARGET=192.0.2.1:5060 USERS=users.csv DOMAIN=pbx.example.com

KIND=calls comes from a trunk's address and has no digest; with TARGET that is FROM=ADDRESS:PORT, or the first source of
the document's trunk that is an address of this host. USERS is a provisioning document (.yaml) or a CSV with the columns
number,password[,did][,picks_up]. TALK is in ms. Prints one JSON object, and writes it, its raw figures and a chart into
build/load-TIME/. Ends with 1 when a call failed, with 2 for input that is of no use.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.load import chart, ground, kinds
from tests.support.load.bad_input import BadInput
from tests.support.load.kinds import Pace, Play
from tests.support.load.people import read_people
from tests.support.load.player import PlayerFailed
from tests.support.load.result import Result, result_of
from tests.support.ports import free_port

BUILD = Path(__file__).resolve().parents[2] / "build"
OVER_WITHIN_S = 40.0
"""After the last call has begun: as long as SIPp repeats a BYE that nobody answers."""
PROGRESS_S = 5.0


def main(arguments: list[str] | None = None) -> int:
    try:
        given = _arguments().parse_args(arguments)
        if given.rate <= 0 or given.duration <= 0 or given.talk < 0:
            raise BadInput("RATE and DURATION must be above 0, TALK not below")
        pace = Pace(given.rate, given.duration, given.talk)
        folder = Path(given.folder) if given.folder else BUILD / time.strftime("load-%Y%m%d-%H%M%S")
        with ExitStack() as stack:
            place = _ground(given, pace, folder, stack)
            result = run(place, given.kind, pace)
    except (BadInput, PlayerFailed) as problem:
        print(f"load: {problem}", file=sys.stderr)
        return 2
    found = {"target": given.target or "a node of its own", **report(result, folder)}
    print(json.dumps(found))
    return 0 if result.is_sound else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--target", default="", help="ADDRESS:PORT; without it a node of its own")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second")
    parser.add_argument("--duration", type=float, default=30.0, help="seconds for which calls begin")
    parser.add_argument("--domain", default="")
    parser.add_argument("--users", default="", help="provisioning document (.yaml) or CSV")
    parser.add_argument("--kind", choices=kinds.KINDS, default="calls")
    parser.add_argument(
        "--from", dest="origin", default="", help="ADDRESS[:PORT] of this host to send from; the port is a trunk's"
    )
    parser.add_argument("--talk", type=int, default=100, help="milliseconds from the answer to the BYE")
    parser.add_argument("--set", action="append", default=[], metavar="STAR87_NAME=VALUE", help="of a node of its own")
    parser.add_argument("--folder", default="")
    return parser


def _ground(given: argparse.Namespace, pace: Pace, folder: Path, stack: ExitStack) -> ground.Ground:
    if given.target:
        if not given.users:
            raise BadInput("TARGET needs USERS=: the provisioning document in force there, or a CSV of users")
        people = read_people(Path(given.users), given.domain)
        place = ground.theirs(folder, given.target, people, origin=given.origin)
        if given.kind == "calls" and not place.trunk_ports:
            raise BadInput(
                "KIND=calls comes from a trunk: add FROM=ADDRESS:PORT, one of its `sources` that is this host, "
                "or choose KIND=digest"
            )
        kinds.lines_of(given.kind, people, by_trunk=bool(place.trunk_ports))
        folder.mkdir(parents=True, exist_ok=True)
        return place
    if given.users or given.domain or given.origin:
        raise BadInput("USERS, DOMAIN and FROM are of a deployment: add TARGET=ADDRESS:PORT, or leave them out")
    environment = ground.environment_of(given.set)
    folder.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(ground.own(folder, kinds.people_needed(given.kind, pace), environment=environment))


def run(place: ground.Ground, kind: str, pace: Pace) -> Result:
    """Register, play, and wait until it is over; with a node of one's own also what it cost."""
    called_port = free_port()
    kinds.register(place.stage, kinds.called_people(kind, place.people), called_port)
    meter = ground.Meter(place.node) if place.node else None
    port = place.trunk_ports[0] if place.trunk_ports else 0
    play = kinds.start(kind, place.stage, place.people, pace, trunk_port=port, called_port=called_port)
    try:
        _await(play, pace)
        cost = meter.us_per_call(pace.calls) if meter else None
        play.caller.check()
    finally:
        play.end()
    result = result_of(play, pace)
    if cost:
        result.more["cpu_us_per_call"] = cost
    return result


def _await(play: Play, pace: Pace) -> None:
    deadline = time.monotonic() + pace.duration_s + pace.talk_ms / 1000 + OVER_WITHIN_S
    while not play.caller.await_end(PROGRESS_S) and time.monotonic() < deadline:
        counts = play.caller.counts()
        told = (counts.get("OutgoingCall", 0), pace.calls, counts.get("FailedCall", 0))
        print("load: {} of {} calls begun, {} failed".format(*told), file=sys.stderr, flush=True)


def report(result: Result, folder: Path) -> dict[str, Any]:
    """Write result.json, the CSVs and the chart; returns the JSON."""
    result.write(folder)
    found = result.as_json()
    found["folder"] = str(folder)
    found["chart"] = draw(result, found, folder / "load.png")
    (folder / "result.json").write_text(json.dumps(found, indent=2) + "\n")
    return found


def draw(result: Result, found: dict[str, Any], path: Path) -> str | None:
    rows = result.seconds()
    if not rows:
        return None
    seconds = [row["second"] + 0.5 for row in rows]

    def rates(axis: Any) -> None:
        axis.step(
            [0, result.pace.duration_s], [result.pace.rate] * 2, color=chart.QUIET, ls="--", lw=1, label="offered"
        )
        axis.plot(seconds, [row["begun"] for row in rows], color=chart.COLOURS[0], lw=1.6, label="begun")
        axis.plot(seconds, [row["complete"] for row in rows], color=chart.COLOURS[2], lw=1.6, label="complete")
        axis.bar(seconds, [row["failed"] for row in rows], color=chart.RED, label="failed")
        axis.set_ylim(bottom=0)
        chart.name(axis, "calls/s")

    def times(axis: Any) -> None:
        labels = {"post_dial_ms": "INVITE → 180", "answer_ms": "INVITE → 200", "picked_up_ms": "*87 → 200"}
        for colour, (key, label) in zip(chart.COLOURS, labels.items(), strict=False):
            known = [(at, row) for at, row in zip(seconds, rows, strict=True) if row[f"{key}_p50"] != ""]
            if known:
                moments = [at for at, _ in known]
                axis.plot(moments, [row[f"{key}_p50"] for _, row in known], color=colour, lw=1.6, label=f"{label} p50")
                p99 = [row[f"{key}_p99"] for _, row in known]
                axis.plot(moments, p99, color=colour, lw=1, ls=":", label=f"{label} p99")
        chart.logarithmic(axis)
        chart.name(axis, "ms")

    note = (
        f"{found['achieved_per_s']:g} of {result.pace.rate:g} calls/s, {found['failed']} of {result.pace.calls} failed"
    )
    if cost := found.get("cpu_us_per_call"):
        note += f"; CPU a call: Kamailio {cost['kamailio']:.0f} µs, Redis {cost['redis']:.0f} µs"
    return chart.draw(path, f"make load KIND={result.kind}", note, [rates, times], unit="seconds")


if __name__ == "__main__":
    sys.exit(main())
