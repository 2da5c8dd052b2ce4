"""`make chaos`: every fault under load, one JSON line each.

    make chaos                                       all of them, some ten minutes
    make chaos ONLY=redis-killed,node-killed RATE=100 SECONDS=5

RATE (300): SIPp's calls a second; beside them a turn of turns.py every 100 ms. SECONDS (5): how long a fault lasts. The
lines:

    {"fault": "redis-killed", "calls": 3400, "failed_calls": 0, "pickups": 60, "pickup_503": 41, "wrong_pickups": 0,
     "double_answers": 0, "left_keys": 0, "recovered_s": 0.12, …}

failed_calls: calls that were not answered, talked and ended as they should. wrong_pickups: somebody got a call who may
not, or not the one whose turn it was. double_answers: one call, two who got it. left_keys: keys of a tenant
that outlive its calls. recovered_s: from the end of the fault (a failover: from its beginning) until calls began that
were all picked up. stood_still_s: for how long the machine let nobody run; a line that is bad then is played once more,
and `after` says what was bad. node-killed has lost_with_the_node, calls whose INVITE was in flight there, and cut_off,
talks whose BYE had nowhere to go: neither is a failed call. Ends with 1 when a line is not as it must be (`faults_of`).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.load.chaos.beside import STILL_S, Outcome, Stillness
from tests.load.chaos.drained import node_drained
from tests.load.chaos.faults import OF_THE_STORE
from tests.load.chaos.network import CONDITIONS, network_fails
from tests.load.chaos.one_node import node_is_troubled, store_fails
from tests.load.chaos.troubles import TROUBLES
from tests.load.chaos.two_nodes import node_killed, nodes_parted

RATE, SECONDS = 300.0, 5.0
Play = Callable[[Path, float, float], tuple[Outcome, float]]
PLAYS: dict[str, Play] = {
    **{name: partial(store_fails, name) for name in OF_THE_STORE},
    **{name: partial(network_fails, name) for name in CONDITIONS},
    **{name: partial(node_is_troubled, name) for name in TROUBLES},
    "node-killed": node_killed,
    "node-drained": node_drained,
    "partition-node-node": nodes_parted,
}


def play(name: str, folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    """Play one fault; once more when it went badly on a machine that was too busy to tell. Returns what came of it, and
    within how many seconds it must have been over."""
    outcome, back_within_s = _once(name, folder, rate, seconds)
    faults = faults_of(outcome, back_within_s)
    if outcome.too_busy and faults:
        outcome, back_within_s = _once(name, folder / "again", rate, seconds)
        outcome.more["after"] = faults
    return outcome, back_within_s


def _once(name: str, folder: Path, rate: float, seconds: float) -> tuple[Outcome, float]:
    with Stillness() as stillness:
        outcome, back_within_s = PLAYS[name](folder, rate, seconds)
    outcome.more["stood_still_s"] = round(stillness.longest_s, 3)
    outcome.too_busy = outcome.too_busy or stillness.longest_s > STILL_S
    return outcome, back_within_s


def faults_of(outcome: Outcome, back_within_s: float) -> list[str]:
    """What is not as it must be."""
    found = [*outcome.not_played]
    found += [
        f"{name}: {getattr(outcome, name)}"
        for name in ("failed_calls", "wrong_pickups", "double_answers", "left_keys")
        if getattr(outcome, name)
    ]
    if outcome.recovered_s is None or outcome.recovered_s > back_within_s:
        found.append(f"recovered_s: {outcome.recovered_s}, must be {back_within_s:g} at most")
    if not outcome.pickups:
        found.append("no pickup at all")
    if found and outcome.too_busy:
        found.append("the machine was too busy to tell: choose a lower RATE, or a quiet machine")
    return found


def main() -> int:
    rate, seconds = float(os.environ.get("RATE") or RATE), float(os.environ.get("SECONDS") or SECONDS)
    chosen = [name for name in (os.environ.get("ONLY") or "").split(",") if name] or list(PLAYS)
    unknown = [name for name in chosen if name not in PLAYS]
    if unknown:
        print(f"ONLY={','.join(unknown)}: choose of {', '.join(PLAYS)}", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="star87-chaos-"))
    bad = False
    for name in chosen:
        outcome, back_within_s = play(name, folder, rate, seconds)
        print(json.dumps(outcome.line()), flush=True)
        faults = faults_of(outcome, back_within_s)
        for told in (*faults, *(outcome.told if faults else ())):
            print(f"  {name}: {told}", file=sys.stderr, flush=True)
        bad = bad or bool(faults)
    if bad:
        print(f"logs: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
