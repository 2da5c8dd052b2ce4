"""`make races`: two things happen to one call at about the same moment, RUNS times each (500), on a real node.

Each crossing is played in both modes (`pickup_mode: replaces` and `reroute`), with the moments spread over the whole
window in which the two can meet. One JSON line for each, as soon as its keys have been counted, and a total:

    {"crossing": "pickup-answer", "mode": "replaces", "runs": 500, "double_answers": 0, "lost_calls": 0,
     "left_keys": 0, "stuck_ringing": 0, "outcomes": {"callee": 161, "picker": 339}, "settled_ms_most": 31.2, …}

A run is over when nothing is under way any more: no transaction of a picker is open, every 2xx is acknowledged, and
both ends of every dialog agree that it stands. Then the call is ended (one that rings on is answered, or given up), and
all must be over. What does not come to that within 4 s, which is less than the node's timers, is

- double_answers: more than one phone believes to be in an established dialog with the caller (200 sent and ACK
  received, or 200 received and acknowledged; no BYE), or the caller's phone believes to have more than one;
- stuck_ringing: a phone rings on though the caller's INVITE has ended, or repeats an answer that nobody acknowledges;
- lost_calls: everything else. Among it: somebody wanted the call, nobody had it, and the caller had not given up; an
  INVITE without a final answer; a call that rings on and then cannot be answered; pickers who all lost, though nobody
  else had the call; a picker who was told that the call is being sent to him, to whom it does not come.

left_keys are a tenant's keys that outlive its calls, after the marks of ended calls (5 s).

The phones are as PJSIP: the caller's accepts a Replaces by 200 while its INVITE is open, cancels that then, and
acknowledges what comes too late without saying BYE; it knows the early dialog alone of which it was told last (481 for
another), and says 486 after an answer. Between that and the next step every phone takes up to 10 ms.

Ends with 1 when a figure is not 0, when something came of a run that may not, or when one of the outcomes that a
crossing must have did not happen: then the moments did not cross. Arguments choose crossings by name; LANES (8) is how
many are played at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.support.node import Node
from tests.support.races.crossings import CROSSINGS
from tests.support.races.play import ENVIRONMENT, document, play_all
from tests.support.races.verdict import Line, total

RUNS, LANES = 500, 8


def main() -> int:
    runs, lanes = int(os.environ.get("RUNS", RUNS)), int(os.environ.get("LANES", LANES))
    known = {crossing.name: crossing for crossing in CROSSINGS}
    unknown = set(sys.argv[1:]) - set(known)
    if unknown:
        print(f"no such crossing: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    crossings = [known[name] for name in sys.argv[1:] or known]
    folder = Path(tempfile.mkdtemp(prefix="star87-races-"))
    started = time.monotonic()
    with Node(folder, document(crossings, lanes), environment=ENVIRONMENT) as node:
        lines = asyncio.run(play_all(node, crossings, runs=runs, lanes=lanes, done=_report))
    print(json.dumps(total(lines, time.monotonic() - started)), flush=True)
    sound = all(line.is_sound and line.was_forced for line in lines)
    if sound:
        shutil.rmtree(folder)
    else:
        print(f"logs of the node: {folder}", file=sys.stderr)
    return 0 if sound else 1


def _report(line: Line) -> None:
    print(json.dumps(line.as_json()), flush=True)
    for told in line.told:
        print(told, file=sys.stderr, flush=True)
    if not line.was_forced:
        print(f"{line.crossing.name}, {line.mode}: not every outcome has happened", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
