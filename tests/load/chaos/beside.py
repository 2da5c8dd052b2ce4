"""What goes on beside a fault: SIPp's calls at a rate, and the pickups of pickers.py; and what it came to."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml

from tests.load.chaos import pickers, turns
from tests.support.load import kinds
from tests.support.load.kinds import Pace, Play
from tests.support.load.people import People, invented
from tests.support.load.player import Stage
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

CALLED = 50
OVER_WITHIN_S = 40.0
LOOKS_S, STILL_S = 0.02, 0.1
"""Whoever was kept from running for so long may have taken his store for absent."""
STORE_WAITS_MS = "150"
"""Where the store fails: three times what a node waits for it by default, for a machine that is busy is no absent
store, and a worker that waits longer makes it no easier for the calls."""
KEYS_GO_WITHIN_S = 40.0
ENVIRONMENT = {
    # What is tested is what fails, not who is heard.
    "STAR87_FLOOD_REQUESTS_PER_S": "0",
    "STAR87_SCAN_STRIKES": "0",
    "STAR87_DENIED_PICKUPS_PER_MIN": "0",
    "STAR87_GATEWAY_PROBE_S": "3600",
    "STAR87_RING_MAX_S": "30",
    # By when nothing may be left of a call is waited for.
    "STAR87_ALREADY_ANSWERED_MS": "1000",
}
BRIEF_TALKS = {"STAR87_DIALOG_TTL_S": "20"}
"""Where the end of a dialog may be lost: its node died, or a failover lost it, for replication is asynchronous.
Elsewhere nothing may be left, and `look_for_keys` would not see it, were it gone before it looks."""
NEVER = ("wrong_pickups", "double_answers", "left_keys")
"""What must be 0 whatever fails."""


@dataclass
class Outcome:
    """calls, failed_calls: SIPp's and the pickers' together."""

    fault: str
    calls: int = 0
    failed_calls: int = 0
    pickups: int = 0
    pickup_503: int = 0
    wrong_pickups: int = 0
    double_answers: int = 0
    left_keys: int = 0
    recovered_s: float | None = 0.0
    more: dict[str, object] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    not_played: list[str] = field(default_factory=list)
    """What of the fault itself did not come about: then the line says nothing."""
    too_busy: bool = False
    """SIPp's own calls hung for want of a processor, or the machine stood still: nor does it then, if it is bad."""

    def line(self) -> dict[str, object]:
        recovered = None if self.recovered_s is None else round(self.recovered_s, 3)
        names = ("fault", "calls", "failed_calls", "pickups", "pickup_503", *NEVER)
        return {**{name: getattr(self, name) for name in names}, "recovered_s": recovered, **self.more}


@dataclass
class Cast:
    """Who plays, and the document for a node that knows them. Two SIPp may play at once, each with half of the people;
    the last extension and its picker are nobody's."""

    people: People
    document: dict[str, Any]
    trunk_ports: tuple[int, int]
    called_ports: tuple[int, int]

    @classmethod
    def at(cls, address: str = LOOPBACK) -> Cast:
        """address: from which SIPp calls."""
        trunk_ports, called_ports = (free_port(), free_port()), (free_port(), free_port())
        people, text = invented(2 * CALLED + 1, [f"{address}:{port}" for port in trunk_ports])
        document = yaml.safe_load(text)
        document["domains"].append(turns.tenant())
        return cls(people, document, trunk_ports, called_ports)

    @property
    def text(self) -> str:
        return str(yaml.safe_dump(self.document, sort_keys=False))

    @property
    def domains(self) -> tuple[str, str]:
        return self.people.domain, turns.DOMAIN

    def calls(self, stage: Stage, pace: Pace, half: int = 0, *, traced: bool = False) -> Play:
        """SIPp begins to call; its phones are registered before. half: which of the people, 0 or 1."""
        dids = list(self.people.dids.items())[half * CALLED : (half + 1) * CALLED]
        people = replace(self.people, dids=dict(dids))
        kinds.register(stage, kinds.called_people("calls", people), self.called_ports[half])
        ports = {"trunk_port": self.trunk_ports[half], "called_port": self.called_ports[half]}
        return kinds.start("calls", stage, people, pace, traced=traced, **ports)


class Pickers:
    """The process of pickers.py."""

    def __init__(self, *arguments: str | bool) -> None:
        """arguments: of pickers.go_on."""
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=pickers.go_on, args=(*arguments, theirs))
        self._process.start()
        self.count = turns.Count()
        """What became of it all, after `end`."""
        assert self._heard(self._ours) == "ready"

    def end(self) -> turns.Count:
        self._ours.send("end")
        count = self._heard(self._ours)
        assert isinstance(count, turns.Count)
        self.count = count
        return count

    def close(self) -> None:
        self._process.join(10)
        self._process.kill()

    @staticmethod
    def _heard(pipe: Connection) -> object:
        assert pipe.poll(60), "the pickers say nothing"
        return pipe.recv()


@contextmanager
def pickers_at(
    address: str, *, picks_at: str = "", host: str = LOOPBACK, repeats: bool = False, transport: str = "udp"
) -> Iterator[Pickers]:
    """address: of the node. picks_at: of the node at which the pickers dial; '' the same."""
    playing = Pickers(address, picks_at or address, host, repeats, transport)
    try:
        yield playing
    finally:
        playing.close()


def add_up(outcome: Outcome, count: turns.Count, since: float) -> None:
    """The pickers' figures into an outcome. since: when recovery began (monotonic clock)."""
    outcome.calls += count.calls
    outcome.failed_calls += count.failed_calls
    outcome.pickups, outcome.pickup_503 = count.pickups, count.pickup_503
    outcome.wrong_pickups, outcome.double_answers = count.wrong_pickups, count.double_answers
    outcome.more["refused"] = {str(status): number for status, number in sorted(count.refused.items())}
    outcome.more["slowest_503_ms"] = round(count.slowest_503_ms, 1)
    outcome.recovered_s = count.recovered_s(since)
    outcome.told += [*count.told, *count.told_of_bad(since)]


def end_of_calls(outcome: Outcome, play: Play, pace: Pace) -> None:
    """Wait for SIPp; its figures into an outcome."""
    play.caller.await_end(pace.duration_s + OVER_WITHIN_S)
    play.end()
    play.caller.check()
    outcome.calls += pace.calls
    counts = play.caller.counts()
    failed = pace.calls - counts.get("SuccessfulCall", 0)
    outcome.failed_calls += failed
    if failed:
        outcome.told.append(f"of {pace.calls} calls of SIPp {failed} were not complete: {counts}")
    if failed and failed == play.caller.calls_in_a_pause():
        outcome.too_busy = True


def look_for_keys(outcome: Outcome, node: Node, domains: tuple[str, ...]) -> None:
    """Those that outlive the calls and their bounds, into an outcome."""

    def left() -> list[str]:
        return [key for domain in domains for key in node.left_keys(domain)]

    try:
        until(lambda: not left(), within_s=KEYS_GO_WITHIN_S, what="every key to go")
    except AssertionError:
        outcome.left_keys = len(left())
        outcome.told += left()[:5]


class Stillness:
    """A context: longest_s is for how long at most the machine let nobody run that wanted to.

    Whoever shares it with others is stopped for a second now and then. That is no fault of what is tested.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Stillness:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._over.wait(LOOKS_S):
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - before - LOOKS_S)
            before = now


def folder_of(folder: Path, fault: str) -> Path:
    made = folder / fault
    made.mkdir(parents=True)
    return made
