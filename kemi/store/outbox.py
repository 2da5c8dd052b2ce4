"""What the workers of a node have posted and nobody has sent yet: one pipe, made before the fork, that they share.

To write a command into a pipe costs a tenth of sending it, which wakes Redis each time. A process of the node's own
sends what has gathered; so does every worker that asks the store something, ahead of its question. Who has taken
something holds a lock until the store has done it, and nobody else takes anything meanwhile: what was posted is done in
its order. Who must not miss anything waits for the lock. So a pickup sees whatever this node posted before it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import termios
import time

WHOLE = 4096
"""POSIX's PIPE_BUF on Linux: a longer write may be torn apart by another worker's."""
CAPACITY = 1 << 18
"""Bytes that the pipe holds, which one read takes all at once."""
TRY_AGAIN_S = 0.0002
GATHERS_S, LOOKS_S = 0.03, 0.015
"""How long what was posted may lie there so that more comes, and how often is looked whether it is enough: what is sent
and done together costs half."""
_HEAD = struct.Struct("=H")


def framed(command: bytes) -> bytes:
    """A command of at most 64 KiB as it lies in the pipe."""
    return _HEAD.pack(len(command)) + command


class Outbox:
    """Commands, each ready for the wire, in the order in which they were put.

    alone_within_s: how long is waited for who has taken something and has not heard yet that it is done.
    """

    def __init__(self, alone_within_s: float) -> None:
        self._alone_within_s = alone_within_s
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, CAPACITY)
        self._lock, self._process = -1, 0

    def put(self, command: bytes) -> bool:
        """Leave a command; False when it is too long, or when nobody has taken anything for a while."""
        if not self.can_hold(command):
            return False
        try:
            os.write(self._in, framed(command))
        except BlockingIOError:
            return False
        return True

    @staticmethod
    def can_hold(command: bytes) -> bool:
        """Whether it is short enough."""
        return len(command) <= WHOLE - _HEAD.size

    def take(self, *, waits: bool = False) -> list[bytes] | None:
        """All that is there; call `done` when the store has done it. None while another has taken something.

        waits: until that is done as well, but not for long.
        """
        if not self._locks(waits):
            return None
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

    def done(self) -> None:
        """What was taken is done, or lost."""
        fcntl.flock(self._own_lock(), fcntl.LOCK_UN)

    def wait(self, most_s: float) -> bool:
        """Return when there is something to take, or False after so many seconds."""
        return bool(select.select([self._out], [], [], most_s)[0])

    def gather(self) -> None:
        """Let more come for a while; not until there is no room."""
        for _ in range(round(GATHERS_S / LOOKS_S)):
            time.sleep(LOOKS_S)
            if self._length() > CAPACITY // 4:
                return

    def _length(self) -> int:
        """Bytes that lie there."""
        (length,) = struct.unpack("=i", fcntl.ioctl(self._out, termios.FIONREAD, b"\0\0\0\0"))
        return int(length)

    def close(self) -> None:
        for fd in (self._in, self._out, self._lock):
            if fd >= 0:
                os.close(fd)

    def _locks(self, waits: bool) -> bool:
        deadline = time.monotonic() + (self._alone_within_s if waits else 0.0)
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._own_lock(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(TRY_AGAIN_S)

    def _own_lock(self) -> int:
        """A lock is an open file's: each process opens the pipe once more. The kernel frees a dead one's."""
        process = os.getpid()
        if self._process != process:
            self._lock, self._process = os.open(f"/proc/self/fd/{self._out}", os.O_RDONLY | os.O_CLOEXEC), process
        return self._lock
