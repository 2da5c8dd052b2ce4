"""The process between the hosts of a Network: takes each packet from one TUN device, and may put it into another.

    python -m tests.support.switch 10.66.0 FD FD …      host number n (from 1) is behind the n-th descriptor

A line of stdin is `[one, other, loss, delay_ms, jitter_ms]`, hosts numbered from 0; it ends with stdin.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import random
import select
import sys
import time

PACKET = 65536
DESTINATION = slice(16, 20)
"""In an IPv4 header (RFC 791 §3.1)."""


def main(network: str, devices: list[int]) -> None:
    prefix = bytes(int(part) for part in network.split("."))
    at = {prefix + bytes([number + 1]): number for number in range(len(devices))}
    conditions: dict[tuple[int, int], tuple[float, float, float]] = {}
    late: list[tuple[float, int, int, bytes]] = []
    serial = itertools.count()
    chance = random.Random()
    heard = b""
    poll = select.poll()
    for descriptor in (*devices, sys.stdin.fileno()):
        poll.register(descriptor, select.POLLIN)
    source_of = {device: number for number, device in enumerate(devices)}
    print("ready", flush=True)
    while True:
        wait_ms = max(0.0, (late[0][0] - time.monotonic()) * 1000) if late else None
        for descriptor, _ in poll.poll(wait_ms):
            if descriptor not in source_of:
                more = os.read(descriptor, PACKET)
                if not more:
                    return
                *lines, heard = (heard + more).split(b"\n")
                for one, other, *how in map(json.loads, lines):
                    conditions[one, other] = conditions[other, one] = tuple(how)
                    print("done", flush=True)
                continue
            try:
                packet = os.read(descriptor, PACKET)
            except BlockingIOError:
                continue
            to = at.get(packet[DESTINATION])
            if to is None:
                continue
            loss, delay_ms, jitter_ms = conditions.get((source_of[descriptor], to), (0.0, 0.0, 0.0))
            if loss and chance.random() < loss:
                continue
            if delay_ms:
                due = time.monotonic() + (delay_ms + chance.uniform(-jitter_ms, jitter_ms)) / 1000
                heapq.heappush(late, (due, next(serial), to, packet))
            else:
                _put(devices[to], packet)
        now = time.monotonic()
        while late and late[0][0] <= now:
            _, _, to, packet = heapq.heappop(late)
            _put(devices[to], packet)


def _put(device: int, packet: bytes) -> None:
    try:
        os.write(device, packet)
    except OSError:
        # A host that is going, or whose queue is full: a packet lost.
        return


if __name__ == "__main__":
    main(sys.argv[1], [int(word) for word in sys.argv[2:]])
