"""Several nodes on one state store; each listens on every transport."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.support.certificate import make_certificate
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_server import RedisServer
from tests.support.until import until

HEARD_WITHIN_S = 10.0


class Documented(Protocol):
    """Tenants, say."""

    def document(self) -> str: ...


class SeveralNodes:
    """A context in which nodes of these names run; `nodes` has them by name.

    host, inside: as for Phone and Node, where the nodes are not on the loopback.
    """

    def __init__(
        self,
        folder: Path,
        tenants: Documented,
        names: Sequence[str] = ("a", "b"),
        *,
        environment: Mapping[str, str] | None = None,
        host: str = LOOPBACK,
        inside: Sequence[str] = (),
    ) -> None:
        self._folder, self._tenants, self._names = folder, tenants, names
        self._environment, self._host, self._inside = environment or {}, host, inside
        self.nodes: dict[str, Node] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.store = self._stack.enter_context(RedisServer())
            for name in self._names:
                self.start(name)
            self.know_each_other()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, name: str, **more: str) -> Node:
        """Start one more; it knows the others a moment later (`know_each_other`). more: STAR87_… variables."""
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = make_certificate(folder)
        environment = {
            "STAR87_REDIS_URL": self.store.url,
            "STAR87_TLS_CERTIFICATE": str(certificate),
            "STAR87_TLS_PRIVATE_KEY": str(key),
            **self._environment,
            **more,
        }
        port = free_port()
        listen = [
            *((f"udp:{self._host}:{port}", f"tcp:{self._host}:{port}") if self._host != LOOPBACK else ()),
            *(f"{transport}:{self._host}:{free_port()}" for transport in ("tls", "ws", "wss")),
        ]
        document = self._tenants.document()
        node = Node(folder, document, name=name, environment=environment, listen=listen, inside=self._inside)
        self.nodes[name] = self._stack.enter_context(node)
        return node

    def know_each_other(self, *names: str) -> None:
        """Return when each of these nodes (all, unless some are named) tells each other one of its contacts."""
        named = names or tuple(self.nodes)
        for name in named:
            for other in named:
                place = self.nodes[other].address
                until(
                    lambda node=self.nodes[name], place=place: is_active(node, place),  # type: ignore[misc]
                    within_s=HEARD_WITHIN_S,
                    what=f"{name} to know {other}",
                )

    def restart(self, name: str) -> None:
        """End a node as Ctrl-C would, and start it at the same addresses; return when all know each other again."""
        node = self.nodes[name]
        node.stop()
        node.__enter__()
        self.know_each_other()

    def kill(self, name: str) -> None:
        """End a node as a crash of its host would, and forget it."""
        node = self.nodes.pop(name)
        os.killpg(node.kamailio_pid, signal.SIGKILL)
        node.stop()


def is_active(node: Node, place: str) -> bool:
    """Whether Kamailio tells its contacts to the node at host:port."""
    host, _, port = place.rpartition(":")
    said = node.kamcmd("dmq.list_nodes").split("}")
    return any(f"host: {host}" in one and f"port: {port}" in one and "status: active" in one for one in said)


def contacts(node: Node, phone: Phone) -> list[str]:
    """The contacts that a node knows of a phone's account."""
    return contacts_of(node, phone.number, phone.domain)


def contacts_of(node: Node, number: str, domain: str) -> list[str]:
    try:
        said = node.kamcmd("ul.lookup", "location", f"{number}@{domain}")
    except subprocess.CalledProcessError:
        return []
    return [line.partition(":")[2].strip() for line in said.splitlines() if line.strip().startswith("Address:")]


def heard(phone: Phone, *nodes: Node) -> Phone:
    """Return the phone when these nodes know its contact."""
    for node in nodes:
        until(
            lambda node=node: phone.contact in contacts(node, phone),  # type: ignore[misc]
            within_s=HEARD_WITHIN_S,
            what=lambda node=node: f"{node.name} to hear of {phone.contact}, not {contacts(node, phone)}",  # type: ignore[misc]
        )
    return phone
