"""What the bench compares: this proxy, the same with tracking off, and one in Kamailio's own language.

All run at once, with as many workers and sockets each; a load goes to one after another.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.load import kinds
from tests.support.load.bad_input import BadInput
from tests.support.load.cost import children_of, cpu_ns
from tests.support.load.ground import Meter, await_answer
from tests.support.load.people import People, invented
from tests.support.load.player import Stage
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

NATIVE_CFG = Path(__file__).parent / "native.cfg"
WORKERS = os.cpu_count() or 1
PHONES = 100
SHARED_MEMORY_MB = 1024
ALLOCATOR = ("-x", "tlsf", "-X", "tlsf")
"""What `star87 run` gives Kamailio."""
WHOLE_BENCH_S = 7200


@dataclass
class Proxy:
    """One of those that are compared. kamailio and redis: their processes."""

    name: str
    stage: Stage
    people: People
    trunk_port: int
    called_port: int
    kamailio: list[int]
    redis: list[int] = field(default_factory=list)
    node: Node | None = None

    def cpu_ns(self) -> tuple[int, int]:
        """CPU time so far, of Kamailio and of Redis."""
        return cpu_ns(self.kamailio), cpu_ns(self.redis)


@contextmanager
def star87(folder: Path, name: str, *, tracking: bool) -> Iterator[Proxy]:
    trunk_port, called_port = free_port(), free_port()
    people, document = invented(PHONES, [f"{LOOPBACK}:{trunk_port}"])
    environment = {
        "STAR87_WORKERS": str(WORKERS),
        "STAR87_TRACKING": "1" if tracking else "0",
        "STAR87_SHARED_MEMORY_MB": str(SHARED_MEMORY_MB),
        # Nobody answers at the trunk's address between two loads.
        "STAR87_GATEWAY_PROBE_S": str(WHOLE_BENCH_S),
        "STAR87_FLOOD_REQUESTS_PER_S": "0",
    }
    with Node(folder / name, document, environment=environment) as node:
        stage = Stage(node.address, people.domain, LOOPBACK, folder)
        kinds.register(stage, kinds.called_people("calls", people), called_port, label=f"{name}-registers")
        meter = Meter(node)
        yield Proxy(name, stage, people, trunk_port, called_port, meter.kamailio, meter.redis, node)


def answers(address: str, domain: str) -> bool:
    try:
        await_answer(address, domain, LOOPBACK)
    except BadInput:
        return False
    return True


@contextmanager
def native(folder: Path, name: str, *, allocator: tuple[str, ...]) -> Iterator[Proxy]:
    """allocator: Kamailio's options for its memory; none are its defaults."""
    trunk_port, called_port, port = free_port(), free_port(), free_port()
    people, _ = invented(PHONES, [f"{LOOPBACK}:{trunk_port}"])
    address, place = f"{LOOPBACK}:{port}", folder / name
    place.mkdir()
    command = [
        *("/usr/sbin/kamailio", "-f", str(NATIVE_CFG), "-DD", "-E", "-m", str(SHARED_MEMORY_MB), *allocator),
        *("-A", f"LISTEN=udp:{address}", "-A", f"WORKERS={WORKERS}", "-A", f'CTL_SOCKET="unix:{place}/ctl.sock"'),
        *("-w", str(place), "-Y", str(place)),
    ]
    with (place / "kamailio.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(
            lambda: answers(address, people.domain) or process.poll() is not None, within_s=30, what=f"{name} to answer"
        )
        stage = Stage(address, people.domain, LOOPBACK, folder)
        with Phone(address, "registers", domain=people.domain) as phone:
            for did in people.dids.values():
                # It knows no DIDs: what is dialled is what is registered.
                target = ("Contact", f"<sip:{did}@{LOOPBACK}:{called_port}>"), ("Expires", "7200")
                answer = phone.asks("REGISTER", to=f"sip:{did}@{people.domain}", headers=target)
                assert answer.status == 200, answer.start
        yield Proxy(name, stage, people, trunk_port, called_port, sorted(children_of(process.pid)))
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def all_of_them(folder: Path) -> Iterator[dict[str, Proxy]]:
    """By name. `native` runs as Debian starts Kamailio, `native_tlsf` with the memory allocator of this proxy."""
    with ExitStack() as stack:
        yield {
            "star87": stack.enter_context(star87(folder, "star87", tracking=True)),
            "untracked": stack.enter_context(star87(folder, "untracked", tracking=False)),
            "native": stack.enter_context(native(folder, "native", allocator=())),
            "native_tlsf": stack.enter_context(native(folder, "native_tlsf", allocator=ALLOCATOR)),
        }
