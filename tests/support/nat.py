"""A real NAT between a node and its phones: three network namespaces, of which nothing is seen from outside.

    server ──198.51.100.0/24── router (masquerades) ──10.87.0.0/24── home

The router gives every flow a port of its own and lets nothing in that nobody inside asked for. The server sends
whatever is for 10.0.0.0/8 to the router, where it ends: `strays` counts it.
"""

from __future__ import annotations

import ctypes
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

PUBLIC, ROUTER, ROUTER_INSIDE, HOME = "198.51.100.1", "198.51.100.2", "10.87.0.1", "10.87.0.10"
PRIVATE = "10.0.0.0/8"
NEW_NET = 0x40000000


class Nat:
    """A context in which the namespaces exist. Needs root."""

    def __init__(self) -> None:
        mark = secrets.token_hex(3)
        self.server, self.router, self.home = (f"s87-{mark}-{place}" for place in ("server", "router", "home"))

    def __enter__(self) -> Nat:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    @property
    def in_server(self) -> tuple[str, ...]:
        """What a command line begins with to run beside the node."""
        return "ip", "netns", "exec", self.server

    def strays(self) -> int:
        """Packets that the node has sent to private addresses, and not into a flow."""
        listed = _run(*self.in_server, "iptables", "-w", "-nvxL", "OUTPUT")
        return next(int(line.split()[0]) for line in listed.splitlines() if line.rstrip().endswith(PRIVATE))

    @contextmanager
    def at(self, namespace: str) -> Iterator[None]:
        """Sockets that are made here belong to that namespace, and stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as here, Path("/run/netns", namespace).open() as there:
            _enter(libc, there.fileno())
            try:
                yield
            finally:
                _enter(libc, here.fileno())

    def _make(self) -> None:
        for namespace in (self.server, self.router, self.home):
            _run("ip", "netns", "add", namespace)
            _run("ip", "-n", namespace, "link", "set", "lo", "up")
        self._join(self.server, PUBLIC, self.router, ROUTER, "wan")
        self._join(self.home, HOME, self.router, ROUTER_INSIDE, "lan")
        _run("ip", "-n", self.home, "route", "add", "default", "via", ROUTER_INSIDE)
        _run("ip", "-n", self.server, "route", "add", PRIVATE, "via", ROUTER)
        self._in_router("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for protocol in ("udp", "tcp"):
            rule = ("POSTROUTING", "-o", "wan", "-p", protocol, "-j", "MASQUERADE", "--to-ports", "20000-30000")
            self._in_router("iptables", "-w", "-t", "nat", "-A", *rule)
        self._in_router("iptables", "-w", "-P", "FORWARD", "DROP")
        self._in_router("iptables", "-w", "-A", "FORWARD", "-i", "lan", "-j", "ACCEPT")
        known = ("-m", "conntrack", "--ctstate", "ESTABLISHED", "--ctdir", "REPLY")
        self._in_router("iptables", "-w", "-A", "FORWARD", "-i", "wan", *known, "-j", "ACCEPT")
        _run(*self.in_server, "iptables", "-w", "-A", "OUTPUT", "-d", PRIVATE)

    def _join(self, one: str, one_ip: str, other: str, other_ip: str, name: str) -> None:
        _run("ip", "-n", one, "link", "add", name, "type", "veth", "peer", "name", name, "netns", other)
        for namespace, ip in ((one, one_ip), (other, other_ip)):
            _run("ip", "-n", namespace, "address", "add", f"{ip}/24", "dev", name)
            _run("ip", "-n", namespace, "link", "set", name, "up")

    def _in_router(self, *command: str) -> None:
        _run("ip", "netns", "exec", self.router, *command)

    def _remove(self) -> None:
        for namespace in (self.home, self.router, self.server):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def _enter(libc: ctypes.CDLL, namespace: int) -> None:
    if libc.setns(namespace, NEW_NET):
        raise OSError(ctypes.get_errno(), "setns")
