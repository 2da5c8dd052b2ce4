"""What a node is like: its processes, what they wait in, its memory, its log, the keys in its store."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.node import Node
from tests.support.until import until

SETTLES_WITHIN_S = 200.0
"""Timer C of an INVITE inside a dialog is two minutes."""
LOOKS = 8
TABLES = ("names", "abuse", "flood", "refused")


@dataclass(frozen=True, slots=True)
class Health:
    """pids: of all processes of Kamailio. waits: the system call that each waits in, by name of the process."""

    pids: frozenset[int]
    waits: dict[int, str]
    shm_bytes: int
    private_kb: int


def settled(node: Node, domains: Sequence[str]) -> Health:
    """The node once nothing is under way and what is remembered of sources and names is forgotten."""

    def is_quiet() -> bool:
        return re.search(r"current: [1-9]", node.kamcmd("tm.stats")) is None

    until(is_quiet, within_s=SETTLES_WITHIN_S, what=lambda: f"no transaction: {node.kamcmd('tm.stats')}")
    for table in TABLES:
        node.kamcmd("htable.flush", table)
    for domain in domains:
        for number in ("101", "103", "104", "201", "202", "203", "204"):
            # Who is not registered is an error to it, and no matter here.
            node.kamcmd("ul.rm", "location", f"{number}@{domain}")
    seen = node.processes()
    return Health(frozenset(seen), waits(seen), _shm(node), sum(map(_private_kb, seen)))


def waits(pids: Iterable[int]) -> dict[int, str]:
    """The system call that each process is found in most of several looks; 'running' is what one that loops shows."""
    found: dict[int, list[str]] = {pid: [] for pid in pids}
    for _ in range(LOOKS):
        for pid, calls in found.items():
            calls.append(_system_call(pid))
        time.sleep(0.05)
    return {pid: max(set(calls), key=calls.count) for pid, calls in found.items()}


def lost_datagrams(port: int) -> int:
    """What the kernel dropped since the node did not read it in time: the phones of these calls repeat nothing."""
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(row[-1]) for row in rows if row[1].endswith(f":{port:04X}"))


def _system_call(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/syscall").read_text().partition(" ")[0].strip()
    except OSError:
        return "gone"


def _private_kb(pid: int) -> int:
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def _shm(node: Node) -> int:
    found = re.search(r"\bused: (\d+)", node.kamcmd("core.shmmem"))
    assert found
    return int(found[1])
