"""A queue with many callers, SIPp agents and perhaps a picker, on a real node; and what became of everybody.

Order is judged by what the node sends, on the wire: the first INVITE for each caller, be it to an agent or, with
Replaces, to the caller's phone.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from kemi.cli.capture import read_capture
from kemi.cli.ladder import Message
from tests.support.capture import Capture
from tests.support.crowd import Crowd, Picker, act_until, number_of
from tests.support.node import Node
from tests.support.phone_calls import replaces_of
from tests.support.sip_text import SipMessage
from tests.support.sipp import PASSWORD, PHONES, Phone, Setting, SippRun
from tests.support.until import until

DOMAIN = "pbx.example.com"
QUEUE, CALLER, PICKER = "800", "201", "103"
FIRST_AGENT = 301
CALLS_MOST = 100_000
RUN_MOST_S = 600
TOGETHER_S = 0.05
"""Two callers who are due at once go out by two processes, of which either may be first on the wire."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a run; sound when nobody was lost, served twice or overtaken, and no key is left."""

    picker: bool
    callers: int
    agents: int
    served: int
    """Callers whom an agent answered."""
    picked_up: int
    lost: int
    served_twice: int
    late_answers: int
    """Answers of agents that crossed a pickup; the caller's phone hung up on them."""
    out_of_order: int
    """Callers who were served after somebody who had come later."""
    left_keys: int
    offer_p50_ms: float
    """From the end of an agent's call until a caller who waited is sent to him."""
    offer_p99_ms: float
    offer_max_ms: float
    took_s: float

    @property
    def is_sound(self) -> bool:
        all_came_through = self.served + self.picked_up == self.callers
        return all_came_through and not (self.lost or self.served_twice or self.out_of_order or self.left_keys)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def document(agents: int, *, most: int) -> str:
    """A tenant with one agent group: agents 301…, callers' phone 201, picker 103."""
    numbers = [str(FIRST_AGENT + index) for index in range(agents)]
    people = {CALLER: "Crowd", PICKER: "Picker", **{number: f"Agent {number}" for number in numbers}}
    group = {"number": QUEUE, "name": "Support", "agents": numbers, "ring_s": 10, "wrap_up_s": 0, "max_waiting": most}
    tenant = {
        "name": DOMAIN,
        "extensions": [{"number": n, "name": name, "password": PASSWORD} for n, name in people.items()],
        "agent_groups": [{**group, "monitored_by": [PICKER]}],
    }
    return str(yaml.safe_dump({"version": 1, "domains": [tenant]}))


class BusyQueue:
    """A context: a node, SIPp agents who answer after a moment, and a crowd of callers who have not called yet."""

    def __init__(
        self, folder: Path, *, agents: int, most: int = 1000, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self._agents = agents
        # A call that has ended is remembered for a moment only: what is left after that is left for good.
        settings = {"STAR87_ALREADY_ANSWERED_MS": "100", **(environment or {})}
        self.node = Node(folder / "node", document(agents, most=most), environment=settings)
        self.phones: list[Phone] = []
        self.runs: list[SippRun] = []
        self._stack = ExitStack()

    def __enter__(self) -> BusyQueue:
        with ExitStack() as stack:
            stack.enter_context(self.node)
            self.capture = stack.enter_context(Capture(self.folder / "sip.pcap", self.node.port, keep=True))
            self.crowd = stack.enter_context(Crowd(self.node.address, CALLER, domain=DOMAIN, queue=QUEUE))
            self.picker = stack.enter_context(Picker(self.node.address, PICKER, domain=DOMAIN, code=f"*87{QUEUE}"))
            for index in range(self._agents):
                self._employ(str(FIRST_AGENT + index), stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    def act_until(self, condition: Any, *, within_s: float = 20.0) -> None:
        """Give callers and picker their turns until the condition holds; raises AssertionError when it does not."""
        act_until([self.crowd, self.picker], condition, within_s=within_s, what=self.told)

    def told(self) -> str:
        left = [caller for caller in self.crowd.callers if not caller.is_over]
        return f"{len(left)} of {len(self.crowd.callers)} calls are not over, the first: {left[:1]}"

    def close_shop(self) -> int:
        """Send the agents home; returns how many keys the node keeps of nobody's call.

        Raises AssertionError when a call of an agent's phone did not go as it should.
        """
        for run in self.runs:
            run.leave()
        try:
            until(lambda: not self.node.left_keys(DOMAIN), within_s=8)
        except AssertionError:
            return len(self.node.left_keys(DOMAIN))
        return 0

    def _employ(self, number: str, stack: ExitStack) -> None:
        setting = Setting(self.node.address, DOMAIN, "agent-%u", self.folder)
        phone = Phone(setting, f"Agent {number}", number)
        phone.register()
        # A CANCEL may come in the moment in which the phone answers; SIPp would give the call up, a phone does not.
        more = ("-timeout", f"{RUN_MOST_S}s", "-default_behaviors", "all,-abortunexp")
        run = phone.play(PHONES / "serves-callers.xml", label=f"agent-{number}", calls=CALLS_MOST, more=more)
        stack.callback(run.stop)
        run.await_bound()
        self.phones.append(phone)
        self.runs.append(run)


def serve(queue: BusyQueue, *, callers: int, talk_s: float, picks_every_s: float | None) -> Figures:
    """Let so many callers enter, one after another, and serve them all.

    talk_s: how long a caller talks. picks_every_s: how long after one pickup the picker dials again, None: never.
    """
    crowd, picker = queue.crowd, queue.picker
    started = time.monotonic()
    pick_at = started if picks_every_s is not None else float("inf")

    def all_is_over() -> bool:
        nonlocal pick_at
        now = time.monotonic()
        if len(crowd.callers) < callers and (not crowd.callers or crowd.callers[-1].entered):
            crowd.enters()
        for caller in crowd.callers:
            if caller.talk is not None and caller.talks_since + talk_s <= now:
                crowd.hangs_up(caller)
        entered = len(crowd.callers) == callers
        if picker.is_idle and pick_at <= now and not (entered and all(c.is_over for c in crowd.callers)):
            picker.picks()
            pick_at = now + (picks_every_s or 0)
        return entered and picker.is_idle and all(caller.is_over for caller in crowd.callers)

    queue.act_until(all_is_over, within_s=RUN_MOST_S)
    took_s = time.monotonic() - started
    left = queue.close_shop()
    queue.capture.end()
    sent = [m for m in read_capture(str(queue.capture.path)) if m.source == queue.node.address]
    offers_ms = waits_for_callers_ms(sent, {f"127.0.0.1:{phone.port}" for phone in queue.phones})
    return Figures(
        picker=picks_every_s is not None,
        callers=callers,
        agents=len(queue.phones),
        served=sum(caller.served for caller in crowd.callers),
        picked_up=sum(caller.picked_up for caller in crowd.callers),
        lost=sum(not (caller.served or caller.picked_up) for caller in crowd.callers),
        served_twice=sum(caller.served and caller.picked_up for caller in crowd.callers),
        late_answers=sum(caller.late_answers for caller in crowd.callers),
        out_of_order=overtaken(served_at(sent)),
        left_keys=left,
        offer_p50_ms=round(statistics.median(offers_ms), 1) if offers_ms else 0.0,
        offer_p99_ms=round(statistics.quantiles(offers_ms, n=100)[98], 1) if len(offers_ms) > 1 else 0.0,
        offer_max_ms=round(max(offers_ms, default=0.0), 1),
        took_s=round(took_s, 1),
    )


def served_at(sent: Sequence[Message]) -> dict[int, float]:
    """When the node first sent an INVITE for each caller, to an agent or with Replaces."""
    found: dict[int, float] = {}
    for message in sent:
        if not message.start_line.startswith("INVITE "):
            continue
        number = number_of(replaced_call(message) or message.call_id)
        if number is not None:
            found.setdefault(number, message.at_s)
    return found


def overtaken(at: Mapping[int, float]) -> int:
    """How many were served after somebody with a higher number, and not at the same moment."""
    earliest_behind, found = float("inf"), 0
    for number in sorted(at, reverse=True):
        found += at[number] > earliest_behind + TOGETHER_S
        earliest_behind = min(earliest_behind, at[number])
    return found


def waits_for_callers_ms(sent: Sequence[Message], agents: set[str]) -> list[float]:
    """For each agent's call that ended while somebody waited: ms until the next caller was sent to him."""
    waiting_since: dict[str, float] = {}
    ended: dict[str, float] = {}
    found: list[float] = []
    for message in sent:
        if message.start_line.startswith("SIP/2.0 182"):
            waiting_since.setdefault(message.call_id, message.at_s)
        elif message.target in agents and message.start_line.startswith("BYE "):
            ended[message.target] = message.at_s
        elif message.target in agents and message.start_line.startswith("INVITE "):
            free_at = ended.pop(message.target, None)
            if free_at is not None and waiting_since.get(message.call_id, message.at_s) < free_at:
                found.append((message.at_s - free_at) * 1000)
    return found


def replaced_call(message: Message) -> str:
    """Call-ID in the Replaces header of an INVITE, '' when it has none."""
    value = message.header("Replaces")
    return replaces_of(SipMessage("", (("Replaces", value),), ""))[0] if value else ""
