"""`make fuzz`: damaged messages at a real node, while ordinary calls and pickups go on.

What phones, a carrier and a browser say in real calls is recorded, damaged (`mutations.py`) and thrown at the node from
127.0.0.3 by UDP, TCP and WebSocket, RATE (2000) a second; calls that it lets through ring the phones there, whose
answers are damaged as well. Meanwhile another process calls and picks up over UDP and TCP, one every 100 ms. One line:

    {"sent": 100000, "seed": 1, "answers": {"4xx": 61000, …}, "crashed": 0, "restarted_workers": 0, "stuck_workers": 0,
     "tracebacks": 0, "calls": 600, "failed_calls": 0, "pickups": 600, "failed_pickups": 0, "left_keys": 0,
     "shm_growth_bytes": 0, "rss_growth_kb": 0, …}

crashed: processes of the node that are gone. stuck_workers: processes that, when all is over, do not wait where they
waited before. left_keys: keys of either tenant that outlive their calls. shm_growth_bytes, rss_growth_kb: Kamailio's
shared memory and the private memory of all its processes, after the run against after a first run of some as many
(WARM_UP; a worker allocates a little at each first time), both when no transaction is left. Ends with 1 when any of
these is not 0, or memory has grown by more than SHM_MOST_BYTES or RSS_MOST_KB.

COUNT (100000), RATE and SEED (drawn, and printed) come from the environment; the same seed draws the same messages but
for what the node answers.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.load.fuzz import recording, traffic
from tests.load.fuzz.health import Health, lost_datagrams, settled, waits
from tests.load.fuzz.throwing import Silent, Thrower
from tests.support.carrier import Gateway
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

COUNT, RATE = 100_000, 2000
WARM_UP = 0.2
LOOKS_AGAIN = 10
SHM_MOST_BYTES = 512 * 1024
RSS_MOST_KB = 24 * 1024
"""A megabyte and a half for each process: their heaps settle slowly, each 100,000 messages add less."""
KEYS_GO_WITHIN_S = 30.0
ENVIRONMENT = {
    # What is tested is what is understood, not who is heard.
    "STAR87_FLOOD_REQUESTS_PER_S": "0",
    "STAR87_SCAN_STRIKES": "0",
    "STAR87_AUTH_FAILURES": "0",
    "STAR87_DENIED_PICKUPS_PER_MIN": "0",
    "STAR87_GATEWAY_PROBE_S": "3600",
    # Whatever begins ends soon.
    "STAR87_RING_MAX_S": "3",
    "STAR87_PHONE_SILENCE_MS": "1000",
    "STAR87_REROUTE_ANSWER_S": "1",
    "STAR87_DIALOG_TTL_S": "5",
    "STAR87_ALREADY_ANSWERED_MS": "100",
    # A machine that is busy elsewhere is no absent store.
    "STAR87_REDIS_TIMEOUT_MS": "3000",
}
DOMAINS = (recording.DOMAIN, traffic.DOMAIN)
MUSTS = (
    *("crashed", "restarted_workers", "stuck_workers", "tracebacks"),
    *("failed_calls", "failed_pickups", "left_keys", "silent"),
)
BY_DATAGRAMS = ("failed_calls", "failed_pickups")


def run(folder: Path, count: int, seed: int, *, measures_memory: bool = True) -> dict[str, Any]:
    """Throw so many at a new node; what came of it. measures_memory: a first run, and waits for what it takes."""
    gateway = Gateway(recording.HOST)
    websocket = f"{LOOPBACK}:{free_port()}"
    document = {
        "version": 1,
        "domains": [recording.tenant(), traffic.tenant()],
        "trunks": [recording.trunk(gateway)],
    }
    node = Node(folder, yaml.safe_dump(document), environment=ENVIRONMENT, listen=[f"ws:{websocket}"])
    gateway.joins(node)
    phones = [
        Phone(node.address, number, domain=recording.DOMAIN, host=recording.HOST)
        for number in (recording.CALLER, recording.CALLED, recording.PICKER, recording.AGENT)
    ]
    with node:
        corpus = recording.record(node, phones, gateway)
        rate = int(os.environ.get("RATE") or RATE)
        thrower = Thrower(Random(seed), corpus, node.address, websocket, phones, gateway, rate)
        silent = 0
        try:
            if measures_memory:
                _beside_calls(node, thrower, int(count * WARM_UP))
            before = _health(node, settle=measures_memory)
            first, began = thrower.sent, time.monotonic()
            calls = _beside_calls(node, thrower, count)
            seconds = time.monotonic() - began
            thrown = thrower.sent - first
        except Silent as silence:
            print(silence, file=sys.stderr, flush=True)
            return {"sent": thrower.sent, "seed": seed, "silent": 1}
        finally:
            thrower.close()
            for phone in (*phones, gateway):
                phone.close()
        left = _left_keys(node)
        after = _health(node, settle=measures_memory)
        stuck = _stuck(before, after)
        log, lost = node.log(), lost_datagrams(node.port)
    line: dict[str, Any] = {
        "sent": thrown,
        "seed": seed,
        "answers": dict(sorted(thrower.answers.items())),
        "crashed": len(before.pids - after.pids),
        "restarted_workers": len(after.pids - before.pids),
        "stuck_workers": len(stuck),
        "tracebacks": log.count("Traceback"),
        "calls": calls.calls,
        "failed_calls": calls.failed_calls,
        "pickups": calls.pickups,
        "failed_pickups": calls.failed_pickups,
        "slowest_ms": round(calls.slowest_ms, 1),
        "left_keys": len(left),
        "silent": silent,
        "lost_datagrams": lost,
        "per_s": round(thrown / seconds),
        "log_bytes": len(log),
    }
    if measures_memory:
        line["shm_growth_bytes"] = after.shm_bytes - before.shm_bytes
        line["rss_growth_kb"] = after.private_kb - before.private_kb
    for told in (*calls.told, *left[:5]):
        print(told, file=sys.stderr, flush=True)
    return line


def is_sound(line: dict[str, Any]) -> bool:
    grows = line.get("shm_growth_bytes", 0) > SHM_MOST_BYTES or line.get("rss_growth_kb", 0) > RSS_MOST_KB
    goes_on = line.get("calls", 0) and line.get("pickups", 0)
    # The phones of these calls repeat nothing: what the kernel dropped at the node's sockets is no fault of the node's.
    dropped = line.get("lost_datagrams", 0)
    faults = [must for must in MUSTS if line[must] > (dropped if must in BY_DATAGRAMS else 0)]
    return bool(goes_on) and not grows and not faults


def _beside_calls(node: Node, thrower: Thrower, count: int) -> traffic.Count:
    """Throw while another process plays ordinary calls; what became of those."""
    ours, theirs = multiprocessing.Pipe()
    player = multiprocessing.get_context("spawn").Process(target=traffic.go_on, args=(node.address, theirs))
    player.start()
    try:
        assert ours.recv() == "ready"
        thrower.throws(count)
        ours.send("end")
        counted = ours.recv()
        assert isinstance(counted, traffic.Count)
        return counted
    finally:
        player.join(10)
        player.kill()


def _health(node: Node, *, settle: bool) -> Health:
    if settle:
        return settled(node, DOMAINS)
    seen = node.processes()
    return Health(frozenset(seen), waits(seen), 0, 0)


def _stuck(before: Health, after: Health) -> list[int]:
    """Processes that do not wait where they waited before, in any of several looks: who ticks waits in two places."""
    stuck = [pid for pid in before.pids & after.pids if after.waits[pid] != before.waits[pid]]
    for _ in range(LOOKS_AGAIN):
        if not stuck:
            break
        now = waits(stuck)
        stuck = [pid for pid in stuck if now[pid] != before.waits[pid]]
    return stuck


def _left_keys(node: Node) -> list[str]:
    def left() -> list[str]:
        return [key for domain in DOMAINS for key in node.left_keys(domain)]

    try:
        until(lambda: not left(), within_s=KEYS_GO_WITHIN_S, what="every key to go")
    except AssertionError:
        return left()
    return []


def main() -> int:
    count = int(os.environ.get("COUNT") or COUNT)
    seed = int(os.environ.get("SEED") or secrets.randbelow(1 << 32))
    print(f"seed {seed}", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="star87-fuzz-"))
    line = run(folder, count, seed)
    print(json.dumps(line), flush=True)
    if not is_sound(line):
        print(f"logs of the node: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
