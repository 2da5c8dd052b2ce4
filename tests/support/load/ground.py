"""Where a load is played: a node of one's own, or one that an operator names."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import redis

from kemi.settings import PREFIX, Settings
from tests.support.load.bad_input import BadInput
from tests.support.load.cost import children_of, cpu_ns
from tests.support.load.people import People, invented
from tests.support.load.player import Stage
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port

ASKED, ASKED_WITHIN_S = 3, 1.0


@dataclass(frozen=True, slots=True)
class Ground:
    """trunk_ports: from which a trunk may call. node: None when it is somebody else's."""

    stage: Stage
    people: People
    trunk_ports: tuple[int, ...] = ()
    node: Node | None = None


@contextmanager
def own(
    folder: Path,
    count: int,
    *,
    agents: int = 0,
    trunk_ports: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Ground]:
    """A context: a node of one's own with so many extensions that are called, and its own Redis."""
    ports = tuple(free_port() for _ in range(trunk_ports))
    people, document = invented(count, [f"{LOOPBACK}:{port}" for port in ports], agents=agents)
    with Node(folder / "node", document, environment=environment) as node:
        yield Ground(Stage(node.address, people.domain, LOOPBACK, folder), people, ports, node)


def environment_of(settings: Sequence[str]) -> dict[str, str]:
    """`STAR87_NAME=VALUE` each. Raises BadInput."""
    known = {PREFIX + field.name.upper() for field in fields(Settings)}
    found = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in known or not value:
            raise BadInput(f"--set {setting}: must be STAR87_NAME=VALUE; README.md has a table of the names")
        found[name] = value
    return found


def theirs(folder: Path, target: str, people: People, *, origin: str = "") -> Ground:
    """A node at host:port. origin: ADDRESS[:PORT] of this host to send from; the port is a trunk's.

    Without an origin it is the trunk's first source that is an address of this host, else the way to the node
    decides. Raises BadInput.
    """
    host, port = _place(target, "TARGET")
    address, trunk_port = _origin(origin, people, host, port)
    await_answer(target, people.domain, address)
    return Ground(Stage(target, people.domain, address, folder), people, (trunk_port,) if trunk_port else ())


def _origin(origin: str, people: People, host: str, port: int) -> tuple[str, int]:
    if origin:
        address, _, given = origin.partition(":")
        trunk_port = _place(origin, "FROM")[1] if given else 0
        if not _is_here(address):
            raise BadInput(f"FROM={origin}: {address} is no address of this host; `ip -brief address` shows them")
        return address, trunk_port
    for source in people.sources:
        address, _, given = source.partition(":")
        if given and _is_here(address):
            return address, int(given)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0]), 0
    except OSError as error:
        raise BadInput(f"TARGET={host}:{port}: no way there ({error}); check the address and the routes") from None


def _place(text: str, name: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadInput(f"{name}={text}: must be ADDRESS:PORT, as 192.0.2.1:5060")
    try:
        return socket.gethostbyname(host), int(port)
    except OSError:
        raise BadInput(f"{name}={text}: {host} has no IPv4 address; give the address itself") from None


def _is_here(address: str) -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def await_answer(target: str, domain: str, address: str) -> None:
    """Return when the node has answered an OPTIONS over UDP. Raises BadInput when it does not."""
    host, port = _place(target, "TARGET")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((address, 0))
        wire.settimeout(ASKED_WITHIN_S)
        # Connected, it hears at once that nobody has the port.
        wire.connect((host, port))
        here = f"{address}:{wire.getsockname()[1]}"
        for _ in range(ASKED):
            call_id = f"is-there-{time.time_ns()}"
            lines = [
                f"OPTIONS sip:{domain} SIP/2.0",
                f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-{call_id};rport",
                "Max-Forwards: 70",
                f"From: <sip:load@{domain}>;tag={call_id}",
                f"To: <sip:{domain}>",
                f"Call-ID: {call_id}",
                "CSeq: 1 OPTIONS",
                "Content-Length: 0",
            ]
            try:
                wire.send(("\r\n".join(lines) + "\r\n\r\n").encode())
                if wire.recv(65535).startswith(b"SIP/2.0 "):
                    return
            except (TimeoutError, ConnectionRefusedError):
                continue
            except OSError as error:
                raise BadInput(
                    f"TARGET={target}: no way there from {address} ({error}); check FROM and routes"
                ) from None
    raise BadInput(
        f"TARGET={target}: no SIP answer over UDP within {ASKED * ASKED_WITHIN_S:g} s; is a node listening on "
        f"udp:{target}, and does no firewall or block of {address} stand between?"
    )


class Meter:
    """CPU time of a node of one's own, from one moment to another."""

    def __init__(self, node: Node) -> None:
        self.kamailio = sorted(children_of(node.kamailio_pid))
        self._redis = redis.Redis.from_url(node.redis_url)
        found = cast(dict[str, Any], self._redis.info("server"))
        self.redis = [int(found["process_id"])]
        self.start()

    def start(self) -> None:
        self._before = (cpu_ns(self.kamailio), cpu_ns(self.redis))

    def us_per_call(self, calls: int) -> dict[str, float]:
        """Microseconds since `start`, by the calls since then; what the node does when it is idle is in it."""
        spent = (cpu_ns(self.kamailio), cpu_ns(self.redis))
        names = ("kamailio", "redis")
        return {
            name: round((after - before) / 1000 / max(calls, 1), 1)
            for name, after, before in zip(names, spent, self._before, strict=True)
        }

    def redis_memory(self) -> tuple[int, int]:
        """used_memory in bytes, and the number of keys."""
        return int(cast(dict[str, Any], self._redis.info("memory"))["used_memory"]), cast(int, self._redis.dbsize())
