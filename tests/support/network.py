"""A network of one's own whose every way can lose, delay and reorder: its hosts are network namespaces.

with Network("phones", "node", "store") as network:
    network.between("phones", "node", loss=0.05)

Each host has one address (`network.address("node")`) in a network that nothing outside sees. What one sends to another
passes a process between them (tests/support/switch.py), over TUN devices; so conditions are per pair of hosts, both
ways. Needs root.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import secrets
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from tests.support.until import until

NETWORK = "10.66.0"
ROOT = Path(__file__).resolve().parents[2]
NEW_NET = 0x40000000
TUN_SET_INTERFACE, WITHOUT_INFORMATION = 0x400454CA, 0x1000 | 0x0001
MTU = 1500


class Network:
    """A context in which the hosts exist. Needs root."""

    def __init__(self, *hosts: str) -> None:
        mark = secrets.token_hex(3)
        self._hosts = {host: f"s87-{mark}-{host}" for host in hosts}
        self._switch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Network:
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

    def address(self, host: str) -> str:
        return f"{NETWORK}.{list(self._hosts).index(host) + 1}"

    def inside(self, host: str) -> tuple[str, ...]:
        """What a command line begins with to run on a host."""
        return "ip", "netns", "exec", self._hosts[host]

    @contextmanager
    def on(self, host: str) -> Iterator[None]:
        """Sockets and processes that this thread makes here belong to that host, and stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as here, Path("/run/netns", self._hosts[host]).open() as there:
            _enter(libc, there.fileno())
            try:
                yield
            finally:
                _enter(libc, here.fileno())

    def between(
        self, one: str, other: str, *, loss: float = 0.0, delay_ms: float = 0.0, jitter_ms: float = 0.0
    ) -> None:
        """From now on, both ways: loss is the share of packets that vanish; each is delayed by delay_ms ± jitter_ms,
        for itself, so that with jitter they overtake one another. Without words the way is whole again."""
        assert self._switch is not None
        assert self._switch.stdin is not None
        numbers = sorted((list(self._hosts).index(one), list(self._hosts).index(other)))
        self._switch.stdin.write(json.dumps([*numbers, loss, delay_ms, jitter_ms]).encode() + b"\n")
        self._switch.stdin.flush()
        assert self._switch.stdout is not None
        assert self._switch.stdout.readline() == b"done\n"

    def parts(self, one: str, other: str) -> None:
        """Nothing passes between the two, and nobody is told."""
        self.between(one, other, loss=1.0)

    def _make(self) -> None:
        devices = []
        try:
            for host, namespace in self._hosts.items():
                _run("ip", "netns", "add", namespace)
                _run("ip", "-n", namespace, "link", "set", "lo", "up")
                with self.on(host):
                    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                    devices.append(device)
                    fcntl.ioctl(device, TUN_SET_INTERFACE, struct.pack("16sH", b"wan", WITHOUT_INFORMATION))
                _run("ip", "-n", namespace, "address", "add", f"{self.address(host)}/24", "dev", "wan")
                _run("ip", "-n", namespace, "link", "set", "wan", "mtu", str(MTU), "txqueuelen", "5000", "up")
            self._switch = subprocess.Popen(
                [sys.executable, "-m", "tests.support.switch", NETWORK, *map(str, devices)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=devices,
                cwd=ROOT,
            )
        finally:
            for device in devices:
                os.close(device)
        switch = self._switch
        assert switch.stdout is not None
        assert switch.stdout.readline() == b"ready\n"

    def _remove(self) -> None:
        if self._switch is not None:
            assert self._switch.stdin is not None
            self._switch.stdin.close()
            self._switch.wait(10)
        for namespace in self._hosts.values():
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)
        until(lambda: not any(Path("/run/netns", name).exists() for name in self._hosts.values()), what="no namespace")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _enter(libc: ctypes.CDLL, namespace: int) -> None:
    if libc.setns(namespace, NEW_NET):
        raise OSError(ctypes.get_errno(), "setns")
