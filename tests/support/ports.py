"""Ports of the loopback address."""

from __future__ import annotations

import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
TRIES = 50
_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free for UDP and for TCP, and was not given before in this process.

    Raises OSError when the system has none to offer.
    """
    for _ in range(TRIES):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((LOOPBACK, 0))
            port: int = udp.getsockname()[1]
            if port in _given:
                continue
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind((LOOPBACK, port))
                except OSError:
                    continue
        _given.add(port)
        return port
    raise OSError(f"no port of {LOOPBACK} is free for both UDP and TCP")


def is_bound(port: int) -> bool:
    """Whether somebody has bound the UDP port, or listens on the TCP port."""
    wanted = f":{port:04X}"
    for table, listening in (("udp", None), ("tcp", "0A")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(wanted) and listening in (None, words[3]):
                return True
    return False
