"""`make soak-queue`: many callers in one queue, in full.

200 callers and 5 SIPp agents; then the same with a picker who takes the head of the queue every second. One JSON line
each:

    {"picker": false, "callers": 200, "agents": 5, "served": 200, "picked_up": 0, "lost": 0, "out_of_order": 0, …}

Ends with 1 when somebody was lost, served twice or overtaken, or a key is left.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.support.busy_queue import BusyQueue, serve

CALLERS, AGENTS = 200, 5
TALK_S = 0.5
PICKS_EVERY_S = 1.0


def main() -> int:
    sound = True
    with tempfile.TemporaryDirectory(prefix="star87-soak-") as folder:
        for picks_every_s in (None, PICKS_EVERY_S):
            place = Path(folder) / ("with-picker" if picks_every_s else "agents-alone")
            with BusyQueue(place, agents=AGENTS) as queue:
                figures = serve(queue, callers=CALLERS, talk_s=TALK_S, picks_every_s=picks_every_s)
            print(json.dumps(figures.as_json()), flush=True)
            sound = sound and figures.is_sound
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
