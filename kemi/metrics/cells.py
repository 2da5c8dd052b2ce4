"""Numbers of one process that others read while it counts: a file of 64-bit cells in shared memory, and their names.

Only its own process writes a file, so nothing is locked: one aligned store of eight bytes is seen whole or not at all.
The file outlives its process, and what that has counted stays in the sum.

A file is MAGIC, the number of bytes of names that are valid (64 bits), ROOM cells, and the names, one a line: the
first line names the first cell. A name is written before the number that makes it valid.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path

MAGIC = b"s87cells"
ROOM = 8192
NAMES_ROOM = 1 << 20
"""Both are only as much memory as is used of them."""
USUAL_NAME = 128
_HEAD = struct.Struct("=8sQ")
_SIZE = _HEAD.size + 8 * ROOM + NAMES_ROOM


class Cells:
    """The cells of this process. Raises OSError when there can be no such file."""

    def __init__(self, path: str) -> None:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, _SIZE)
            self._memory = mmap.mmap(file, _SIZE)
        finally:
            os.close(file)
        whole = memoryview(self._memory)
        self._names = whole[_HEAD.size + 8 * ROOM :]
        self._used = whole[8:16].cast("Q")
        self.values = whole[_HEAD.size : _HEAD.size + 8 * ROOM].cast("Q")
        """A cell is counted up by `values[i] += 1`."""
        self.names = bytes(self._names[: self._used[0]]).decode().splitlines() if self._memory[:8] == MAGIC else []
        if not self.names:
            self._used[0] = 0
            self._memory[:8] = MAGIC

    def begin(self, names: Sequence[str], *, spare: int = 0) -> int:
        """Name so many new cells, which follow one another; returns the first, or -1 when there is no room.

        spare: how many cells, of usual names, must be left after that.
        """
        line = "".join(f"{name}\n" for name in names).encode()
        first, used = len(self.names), self._used[0]
        if first + len(names) + spare > ROOM or used + len(line) + spare * USUAL_NAME > NAMES_ROOM:
            return -1
        self._names[used : used + len(line)] = line
        self._used[0] = used + len(line)
        self.names += names
        return first


def read(path: Path) -> list[tuple[str, int]]:
    """Names and numbers of the cells of a process, whether it lives or not; nothing when that is no such file."""
    try:
        whole = path.read_bytes()
        magic, used = _HEAD.unpack_from(whole)
    except (OSError, struct.error):
        return []
    start = _HEAD.size + 8 * ROOM
    if magic != MAGIC or len(whole) < start + used:
        return []
    names = whole[start : start + used].decode().splitlines()
    return list(zip(names, struct.unpack_from(f"={len(names)}Q", whole, _HEAD.size), strict=True))
