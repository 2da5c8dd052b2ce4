"""What the processes of a node cost: CPU time and memory, as Linux counts them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


def children_of(pid: int) -> set[int]:
    """This process and all that it has started, directly or not."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_ns(pids: Iterable[int]) -> int:
    """CPU time that all threads of these processes have used so far: /proc/PID/task/TID/schedstat, first field."""
    spent = 0
    for pid in pids:
        for schedstat in Path(f"/proc/{pid}/task").glob("[0-9]*/schedstat"):
            try:
                spent += int(schedstat.read_text().split()[0])
            except OSError:
                continue
    return spent


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes. rss counts shared pages in full, pss in part, private (anonymous) not at all."""

    rss: int
    pss: int
    private: int


def memory_of(pid: int) -> Memory:
    """Raises OSError when it has ended."""
    status = Path(f"/proc/{pid}/status").read_text()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return Memory(_kib(status, "VmRSS"), _kib(rollup, "Pss"), _kib(status, "RssAnon"))


def _kib(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
