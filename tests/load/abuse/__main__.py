"""`make abuse`: ways to take a foreign call, each tried on a real node while the victims' call rings.

One JSON line a way, and at the end how many were tried and how many succeeded:

    {"way": "…", "group": "identity", "succeeded": false, "answer": "403 Pickup Not Permitted"}
    {"tried": 100, "succeeded": 0, "controls": 8, "faults": 0}

succeeded: by what happened to the victims, whatever was answered: their phones were told anything, an attacker got
their SDP, a key, an entry of the record or a registration of theirs changed, or the call could not be answered
afterwards. A control (`"control": true`) has a right to the call and must succeed. A fault is a control that did not,
or an answer that shows that a way never came to the check that it is about. Ends with 1 on either. ARGS="words": only
the ways whose names contain them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.load.abuse import (
    controls,
    dialogs,
    identity,
    injection,
    permission,
    replaces,
    requests,
    spiral,
    store,
    transports,
    trunks,
)
from tests.load.abuse.scene import Scene
from tests.load.abuse.way import WAYS

GROUPS = (controls, identity, permission, replaces, dialogs, injection, requests, trunks, spiral, store, transports)


def run(folder: Path, tell: Callable[[dict[str, Any]], None], chosen: str = "") -> dict[str, int]:
    """Try all of them on one node, telling of each; returns the last line."""
    tried = succeeded = played = faults = 0
    with Scene(folder) as scene:
        for way in (way for way in WAYS if chosen in way.name):
            answer, harms = scene.tries(way)
            line: dict[str, Any] = {"way": way.name, "group": way.group, "succeeded": bool(harms), "answer": answer}
            is_fault = not way.expects(answer) or (way.is_control and not harms)
            if way.is_control:
                line["control"] = True
                played += 1
            else:
                tried += 1
                succeeded += bool(harms)
            if harms:
                line["how"] = harms
            if is_fault:
                line["expected"] = list(way.answers)
                faults += 1
            tell(line)
    return {"tried": tried, "succeeded": succeeded, "controls": played, "faults": faults}


def main(chosen: str = "") -> int:
    with tempfile.TemporaryDirectory(prefix="star87-abuse-") as folder:
        last = run(Path(folder), lambda line: print(json.dumps(line), flush=True), chosen)
    print(json.dumps(last), flush=True)
    return int(bool(last["succeeded"] or last["faults"] or not last["tried"]))


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
