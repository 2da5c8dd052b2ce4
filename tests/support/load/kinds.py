"""The kinds of load: which players each needs, and their parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.support.load.bad_input import BadInput
from tests.support.load.people import QUEUE_DID, People, Person
from tests.support.load.player import SOCKETS, Player, PlayerFailed, Stage
from tests.support.ports import free_port

KINDS = ("calls", "digest", "pickups")
CALLER = "+1555"
"""What numbers of callers by the trunk begin with. Each has one of his own, so that he is a device of his own: one that
once took no Replaces is remembered, and would be every caller.
"""
REGISTERS_WITHIN_S = 60.0
REGISTERS_PER_S = 200
SLOWEST_S = 5
"""How many seconds' calls may be there at once, beside those that talk."""


@dataclass(frozen=True, slots=True)
class Pace:
    """rate: calls a second. duration_s: for how long calls begin. talk_ms: from the answer to the BYE. ring_ms: from
    the 180 to the answer, of KIND=calls."""

    rate: float
    duration_s: float
    talk_ms: int = 100
    ring_ms: int = 0

    @property
    def calls(self) -> int:
        return max(1, round(self.rate * self.duration_s))

    @property
    def at_once(self) -> int:
        return max(10, math.ceil(self.rate * (SLOWEST_S + (self.ring_ms + self.talk_ms) / 1000)))

    def options(self, at_once: int) -> tuple[str, ...]:
        """SIPp's. A rate below one a second is so many in so many milliseconds."""
        whole, period_ms = (round(self.rate), 1000) if self.rate >= 10 else (1, round(1000 / self.rate))
        paced = ("-r", str(whole), "-rp", str(period_ms))
        return (*paced, "-m", str(self.calls), "-l", str(at_once), "-d", str(max(1, self.talk_ms)))


def people_needed(kind: str, pace: Pace) -> int:
    """How many extensions a node of one's own must have, so that calls do not meet."""
    return min(4000, pace.at_once) if kind == "pickups" else 100


def register(stage: Stage, people: tuple[Person, ...], called_port: int, *, label: str = "registers") -> None:
    """Register all of these at the port of the player who is called. Raises PlayerFailed."""
    place = f"{stage.address}:{called_port}"
    lines = [(person.number, person.password, place) for person in people]
    options = ("-m", str(len(lines)), "-r", str(REGISTERS_PER_S))
    player = Player(stage, label, "registers", free_port(), *options, lines=lines)
    try:
        ended = player.await_end(REGISTERS_WITHIN_S + len(lines) / REGISTERS_PER_S)
        player.check()
        done = player.counts().get("SuccessfulCall", 0)
    finally:
        player.end()
    if not ended or done < len(lines):
        raise PlayerFailed(
            f"{len(lines) - done} of {len(lines)} phones could not register; their passwords, and whether "
            f"{stage.target} serves {stage.domain}: {player.messages}"
        )


@dataclass(slots=True)
class Play:
    """The players of one kind. caller: whose calls are counted; done when he is."""

    kind: str
    caller: Player
    others: list[Player]
    picker: Player | None = None

    @property
    def players(self) -> list[Player]:
        return [self.caller, *self.others]

    def end(self) -> None:
        for player in self.players:
            player.end()


def called_people(kind: str, people: People) -> tuple[Person, ...]:
    """The extensions whose phones ring in this kind of load. Raises BadInput when there are none."""
    if kind == "calls":
        found = tuple(person for person in people.extensions if person.number in people.dids)
        if not found:
            raise BadInput(
                "KIND=calls needs extensions that a trunk reaches: `dids` in the document, or a column `did` "
                "in the CSV; KIND=digest needs none"
            )
        return found
    if kind == "digest":
        if len(people.extensions) < 2:
            raise BadInput("KIND=digest needs two users: one calls the other; add a line to USERS")
        return people.extensions[: (len(people.extensions) + 1) // 2]
    if not people.pairs:
        raise BadInput(
            "KIND=pickups needs extensions that others may pick up from: `monitored_by` in the document, "
            "or a column `picks_up` in the CSV"
        )
    return tuple(people.person(pair.account) for pair in people.pairs)


def lines_of(kind: str, people: People, *, by_trunk: bool) -> list[tuple[str, ...]]:
    """A line for each call, in turn. by_trunk: callers of pickups come by the trunk. Raises BadInput."""
    if kind == "calls":
        return [(f"{CALLER}{n:05}", "", people.dids[p.number]) for n, p in enumerate(called_people(kind, people))]
    if kind == "digest":
        called = called_people(kind, people)
        callers = people.extensions[len(called) :]
        return [(c.number, c.password, called[n % len(called)].number) for n, c in enumerate(callers)]
    called_people(kind, people)
    busy = {number for pair in people.pairs for number in (pair.account, pair.picker.number)}
    rest = [person for person in people.extensions if person.number not in busy]
    lines: list[tuple[str, ...]] = []
    for n, pair in enumerate(people.pairs):
        picks = (pair.picker.number, pair.picker.password, people.pickup_code + pair.account)
        if by_trunk and pair.account in people.dids:
            lines.append((f"{CALLER}{n:05}", "", people.dids[pair.account], *picks))
        elif rest:
            caller = rest[n % len(rest)]
            lines.append((caller.number, caller.password, pair.account, *picks))
    if not lines:
        raise BadInput("KIND=pickups needs a caller: a trunk (FROM=ADDRESS:PORT) or a user who is in no pair")
    return lines


def start(
    kind: str, stage: Stage, people: People, pace: Pace, *, trunk_port: int, called_port: int, traced: bool = True
) -> Play:
    """Start the players, those who are called first. trunk_port: from which a trunk may call, 0: none does.

    Their phones are registered at called_port already. Raises PlayerFailed, BadInput.
    """
    lines = lines_of(kind, people, by_trunk=bool(trunk_port))
    at_once = min(pace.at_once, len(lines)) if kind == "pickups" else pace.at_once
    options = pace.options(at_once)
    others: list[Player] = []
    picker = None
    try:
        scenario, rings = ("rings", ()) if kind == "pickups" else ("is-called", ("-d", str(pace.ring_ms)))
        called = Player(stage, f"{kind}-called", scenario, called_port, *rings, traced=False)
        others.append(called)
        called.await_open()
        if kind == "pickups":
            twin = ("-3pcc", f"{stage.address}:{free_port()}")
            options += twin
            port = free_port()
            more = ("-m", str(pace.calls), "-t", "un", "-max_socket", SOCKETS)
            picker = Player(stage, f"{kind}-picker", "picks-up", port, *twin, *more, traced=traced)
            others.append(picker)
            picker.await_open()
        scenario = {"calls": "calls", "digest": "calls-with-digest", "pickups": "calls-and-is-picked-up"}[kind]
        port = trunk_port if trunk_port and kind != "digest" else free_port()
        caller = Player(stage, f"{kind}-caller", scenario, port, *options, lines=lines, traced=traced)
    except BaseException:
        for player in others:
            player.end()
        raise
    return Play(kind, caller, others, picker)


def start_queue(stage: Stage, pace: Pace, *, trunk_port: int, called_port: int, traced: bool = True) -> Play:
    """Callers of the queue 800, by the trunk; the agents' phones are registered at called_port already."""
    called = Player(stage, "queue-agents", "is-called", called_port, traced=False)
    try:
        called.await_open()
        lines = [(f"{CALLER}99999", "", QUEUE_DID)]
        caller = Player(
            stage, "queue-caller", "calls", trunk_port, *pace.options(pace.at_once), lines=lines, traced=traced
        )
    except BaseException:
        called.end()
        raise
    return Play("queue", caller, [called])
