"""What the workers of a node have posted and nobody has sent yet: one pipe, made before the fork, that they share.

To write a command into a pipe costs a tenth of sending it, which wakes Redis each time. A process of the node's own
sends what has gathered; so does every worker that asks the store something, ahead of its question, so that no answer is
older than what this node has posted.
"""

from __future__ import annotations

import os
import select
import struct

WHOLE = 4096
"""POSIX's PIPE_BUF on Linux: a longer write may be torn apart by another worker's."""
CAPACITY = 1 << 16
"""Bytes that a pipe holds, which one read takes all at once."""
_HEAD = struct.Struct("=H")


class Outbox:
    """Commands, each ready for the wire, in the order in which they were put."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def put(self, command: bytes) -> bool:
        """Leave a command; False when it is too long, or when nobody has taken anything for a while."""
        record = _HEAD.pack(len(command) & 0xFFFF) + command
        if len(record) > WHOLE:
            return False
        try:
            os.write(self._in, record)
        except BlockingIOError:
            return False
        return True

    def take(self) -> list[bytes]:
        """All that is there; nobody else gets it."""
        try:
            records = os.read(self._out, CAPACITY)
        except BlockingIOError:
            return []
        commands, start = [], 0
        while start < len(records):
            (length,) = _HEAD.unpack_from(records, start)
            commands.append(records[start + _HEAD.size : start + _HEAD.size + length])
            start += _HEAD.size + length
        return commands

    def wait(self, most_s: float) -> bool:
        """Return when there is something to take, or False after so many seconds."""
        return bool(select.select([self._out], [], [], most_s)[0])

    def close(self) -> None:
        os.close(self._in)
        os.close(self._out)
