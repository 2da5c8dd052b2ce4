"""Ports of the loopback address, each given to one process only.

A port is asked for first and bound later, by a node or a phone that starts meanwhile. So that nobody else takes it in
between, ports come from below the range out of which the kernel serves whoever asks for any, and every process that
asks (pytest runs several side by side) has a block of them for itself: it holds a lock on the block's file for as long
as it lives, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from functools import cache
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST = 10_240
BLOCK = 1_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Block:
    """Ports first … first + BLOCK - 1, given in turn: one that was given comes again when all others were."""

    def __init__(self, number: int, lock: int) -> None:
        """lock: file descriptor that holds the lock, never closed."""
        self.number = number
        self._lock = lock
        self._first = LOWEST + number * BLOCK
        self._given = 0

    def next_free(self) -> int:
        for _ in range(BLOCK):
            port = self._first + self._given % BLOCK
            self._given += 1
            if _is_free(port):
                return port
        raise OSError(f"no port of {LOOPBACK} from {self._first} to {self._first + BLOCK - 1} is free for UDP and TCP")


@cache
def own_block() -> Block:
    """The block of this process. Raises OSError when other processes hold them all."""
    folder = Path(tempfile.gettempdir(), f"star87-test-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    highest = int(EPHEMERAL.read_text().split()[0])
    for number in range((highest - LOWEST) // BLOCK):
        lock = os.open(folder / f"block-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return Block(number, lock)
    raise OSError(
        f"no {BLOCK} ports from {LOWEST} up to {EPHEMERAL} ({highest}) are left for this process: see {folder}"
    )


def free_port() -> int:
    """A port of 127.0.0.1 that is free for UDP and for TCP, and that no other process is given.

    Raises OSError when there is none.
    """
    return own_block().next_free()


def is_bound(port: int) -> bool:
    """Whether somebody has bound the UDP port, or listens on the TCP port."""
    wanted = f":{port:04X}"
    for table, listening in (("udp", None), ("tcp", "0A")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(wanted) and listening in (None, words[3]):
                return True
    return False


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                return False
    return True
