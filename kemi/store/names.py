"""Addresses of host names, waited for no longer than a deadline.

The system's resolver may take many seconds and knows no time-out: it runs in a thread of its own, and who waits goes on
without it when the time is over. What it finds then serves the next who asks.
"""

from __future__ import annotations

import socket
import threading
import time

import redis

_known: dict[str, tuple[str, ...]] = {}
"""What was found last: good enough when the resolver is away."""
_asking: dict[str, threading.Thread] = {}


def addresses_of(host: str, until_s: float) -> tuple[str, ...]:
    """The addresses of a host, the one to try first first.

    until_s: by the monotonic clock. Raises redis.TimeoutError, redis.ConnectionError when there is none.
    """
    if _is_address(host):
        return (host,)
    asked = _asking.get(host)
    if asked is None:
        asked = _asking[host] = threading.Thread(target=_look_up, args=(host,), daemon=True)
        asked.start()
    left_s = max(0.0, until_s - time.monotonic())
    # Who has an older answer keeps time for it.
    asked.join(left_s / 2 if host in _known else left_s)
    if not asked.is_alive():
        _asking.pop(host, None)
    elif host not in _known:
        raise redis.TimeoutError(f"the address of {host} was not found in time")
    found = _known.get(host)
    if not found:
        raise redis.ConnectionError(f"{host} has no address")
    return found


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def _look_up(host: str) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return
    _known[host] = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
