"""Pickups: how long one takes beside a plain call, among many ringing calls, and for who monitors many accounts.

Every node rings its calls in one tenant. 103 picks up, by general `*87`, a call of 201 that rings the hunt group 700.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from kemi.accounts.model import Kind
from kemi.accounts.permission import Permission
from kemi.dialogs.record import Caller
from kemi.dialogs.tracking import Placement
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.store import open_store
from tests.load.bench.figures import Samples
from tests.load.bench_pickup import TimedPhone, pick_up
from tests.support.load import kinds
from tests.support.load.ground import Meter
from tests.support.load.people import Person
from tests.support.load.player import Player, Stage
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

DOMAIN = "bench.example.com"
PASSWORD = "change-me"
PICKER = "103"
FIRST_ACCOUNT = 20_000
RING_S = 3600
REAL_CALLS, REAL_PER_S = 2_000, 100


@dataclass(frozen=True, slots=True)
class Size:
    """accounts: extensions beside those who take part. distinct: how many different permissions admit the picker.

    Half of the accounts admit the picker, or all of them, each by a permission of its own.
    """

    accounts: int
    distinct: int
    ringing: int = 0


FEW, MANY = Size(1000, 10, 1), Size(1000, 10, 100_000)
ONE_MONITORED, ALL_MONITORED = Size(1, 1), Size(1000, 1000)


def _monitors(size: Size, index: int) -> list[str]:
    if size.distinct == size.accounts:
        return [PICKER, f"9{index:05}"]
    return [PICKER, f"9{index % size.distinct:05}"] if index % 2 else []


def _document(size: Size, trunk_port: int) -> str:
    people = {"101": "Bob", PICKER: "Carol", "201": "Alice"}
    extensions: list[dict[str, Any]] = [
        {"number": number, "name": name, "password": PASSWORD} for number, name in people.items()
    ]
    strangers = {f"9{index:05}" for index in range(size.distinct)}
    extensions += [{"number": number, "name": number, "password": PASSWORD} for number in sorted(strangers)]
    for index in range(size.accounts):
        number = str(FIRST_ACCOUNT + index)
        who = {"number": number, "name": f"Phone {number}", "password": PASSWORD}
        extensions.append({**who, "monitored_by": _monitors(size, index)})
    group = {"number": "700", "name": "Sales", "members": ["101"], "monitored_by": [PICKER]}
    dids = {f"+1{FIRST_ACCOUNT + index}": f"{FIRST_ACCOUNT + index}@{DOMAIN}" for index in range(size.accounts)}
    tenant = {"name": DOMAIN, "extensions": extensions, "hunt_groups": [group]}
    trunk = {"name": "load", "sources": [f"{LOOPBACK}:{trunk_port}"], "dids": dids}
    return str(yaml.safe_dump({"version": 1, "domains": [tenant], "trunks": [trunk]}))


class Office:
    """One node and the people who take part on it."""

    def __init__(self, node: Node, size: Size, trunk_port: int, stack: ExitStack) -> None:
        self.node, self.size, self._trunk_port, self._stack = node, size, trunk_port, stack
        self.alice, self.bob, self.carol = (
            stack.enter_context(TimedPhone(node.address, number, domain=DOMAIN, name=name))
            for number, name in (("201", "Alice"), ("101", "Bob"), (PICKER, "Carol"))
        )
        assert self.bob.registers().status == 200
        self.bytes_per_call = Samples()
        self.bytes_per_real_call = Samples()

    def pickup_ms(self) -> float:
        """From the picker's INVITE to the INVITE with Replaces at the caller's phone."""
        return pick_up(self.alice, self.bob, self.carol, "*87")

    def call_ms(self) -> float:
        """From an INVITE (with credentials, as the picker's has) to the INVITE at the called phone."""
        call = self.carol.dials("101")
        rings = self.bob.rung()
        delay_ms = (self.bob.received_at - self.carol.sent_at) * 1000
        rings.answers(486)
        call.ends_with()
        return delay_ms

    def fill(self) -> None:
        """Let calls ring: of many the first are real ones; the others by the store's own operations."""
        meter = Meter(self.node)
        left = self.size.ringing
        if left > REAL_CALLS:
            before, _ = meter.redis_memory()
            self._ring_for_real(meter)
            self.bytes_per_real_call.add((meter.redis_memory()[0] - before) / REAL_CALLS)
            left -= REAL_CALLS
        before, _ = meter.redis_memory()
        _enter(self.node, self.size, left)
        if left > 1:
            self.bytes_per_call.add((meter.redis_memory()[0] - before) / left)

    def _ring_for_real(self, meter: Meter) -> None:
        stage = Stage(self.node.address, DOMAIN, LOOPBACK, self.node.folder)
        called_port = free_port()
        numbers = [str(FIRST_ACCOUNT + index) for index in range(self.size.accounts)]
        kinds.register(stage, tuple(Person(number, PASSWORD) for number in numbers), called_port)
        ringing = Player(stage, "ringing", "is-called", called_port, "-d", str(RING_S * 1000), traced=False)
        self._stack.callback(ringing.end)
        ringing.await_open()
        keys = meter.redis_memory()[1]
        pace = ("-m", str(REAL_CALLS), "-r", str(REAL_PER_S), "-l", str(REAL_CALLS))
        lines = [("+15550199", "", f"+1{number}") for number in numbers]
        callers = Player(stage, "callers", "calls", self._trunk_port, *pace, lines=lines, traced=False)
        self._stack.callback(callers.end)
        until(lambda: meter.redis_memory()[1] >= keys + REAL_CALLS, within_s=120, what="2,000 real calls to ring")


def _enter(node: Node, size: Size, count: int) -> None:
    store = open_store(replace(Settings(), redis_url=node.redis_url, redis_timeout_ms=5000, node=node.name))
    for index in range(count):
        place = index % size.accounts
        lists = Permission(frozenset(_monitors(size, place)))
        number = str(FIRST_ACCOUNT + place)
        dialog = DialogId(f"{index:08x}-4c1f-4d52-9d0e-6f1f6f0c2f11@198.51.100.7", f"as{index:08x}")
        flow = Flow("udp", "198.51.100.7", 5060, f"udp:{node.address}")
        caller = Caller(
            dialog,
            "",
            "",
            "sip:+15550199@carrier.example.net",
            "sip:+15550199@198.51.100.7:5060",
            flow,
            (),
            True,
            "Asterisk PBX 20.5.0",
        )
        store.calls.enter(
            Placement(
                DOMAIN,
                Kind.EXTENSION,
                number,
                lists.id,
                caller,
                (number,),
                RING_S * 1000,
                transaction=f"{index % 65536}:{index}",
            )
        )
        store.calls.ringing(DOMAIN, dialog, 0, f"{index:08x}")
    store.settle()
    store.close()


@contextmanager
def offices(folder: Path, sizes: Mapping[str, Size]) -> Iterator[dict[str, Office]]:
    """A node each, with its calls ringing."""
    with ExitStack() as stack:
        found = {}
        for name, size in sizes.items():
            trunk_port = free_port()
            environment = {
                "STAR87_RING_MAX_S": str(RING_S),
                "STAR87_ALREADY_ANSWERED_MS": "100",
                "STAR87_FLOOD_REQUESTS_PER_S": "0",
                "STAR87_GATEWAY_PROBE_S": str(RING_S),
            }
            node = stack.enter_context(
                Node(folder / name, _document(size, trunk_port), name=name, environment=environment)
            )
            found[name] = Office(node, size, trunk_port, stack)
            found[name].fill()
        yield found


def medians(measured: Mapping[str, Callable[[], float]], *, rounds: int, times: int) -> dict[str, Samples]:
    """For each round the median of so many measurements of each kind, one kind after another."""
    for measure in measured.values():
        for _ in range(5):
            measure()
    found = {name: Samples() for name in measured}
    for _ in range(rounds):
        taken: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(times):
            for name, measure in measured.items():
                taken[name].append(measure())
        for name, values in taken.items():
            found[name].add(statistics.median(values))
    return found
