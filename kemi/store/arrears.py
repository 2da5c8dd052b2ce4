"""Ends that could not be recorded: told to the store when it is back, or calls would ring there that ring no more."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import weakref

from kemi.store import functions
from kemi.store.links import Word

ENDS = {
    "answered": "ended",
    "picked": "ended",
    "ended": "ended",
    "over": "over",
    "release": "release",
    "disclaim": "disclaim",
}
"""What to do later instead: each names one call, or claim, and finds nothing to do once that has gone.

An answer begins a dialog, too, which may be over by then, and nobody would end it: only that the call rings no more is
recorded.
"""
_LATER: dict[Word, str] = {functions.name_of(name): functions.name_of(later) for name, later in ENDS.items()}
_ENDED = functions.name_of("ended")
BEGINS = frozenset(map(functions.name_of, ("enter", "enter_again", "ringing")))
"""What the node tells once more itself when it has been lost (dialogs/reentry.py)."""
RECORD = 512
"""Bytes of one, padded, so that several processes can read; a longer one is not kept."""
ROOM = 1 << 20
"""Bytes of all: what a pipe may have without privileges."""
AT_ONCE = 256
"""How many are paid before another operation, which waits for it; a node that owes more pays again soon."""


def _pipe_of(owner: object) -> tuple[int, int]:
    """The ends to read from and to write to; they are closed when their owner goes."""
    ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for end in ends:
        weakref.finalize(owner, os.close, end)
    return ends


class Doubts:
    """Whether something that the node has recorded may be lost, as one of its processes tells the others."""

    def __init__(self) -> None:
        self._out, self._in = _pipe_of(self)

    def add(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._in, b"?")

    def take(self) -> bool:
        """Whether there were any since this was asked last."""
        try:
            return bool(os.read(self._out, 1 << 16))
        except BlockingIOError:
            return False


class Arrears:
    """The FCALLs that a node owes its store, oldest first.

    One pipe for all processes that are forked after it was made: who owes something may be idle when the store is
    back, and whoever finds that out pays for all. The calls of those that find no place in it expire by themselves.
    """

    def __init__(self) -> None:
        self._out, self._in = _pipe_of(self)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, ROOM)
        self._doubts = Doubts()
        self.doubt, self.doubted = self._doubts.add, self._doubts.take

    def add(self, operation: str, key: str, args: tuple[Word, ...]) -> None:
        """An operation failed; what only decides, or begins something, is not kept."""
        self.add_command(("FCALL", functions.name_of(operation), 1, key, *args))

    def add_command(self, words: tuple[Word, ...]) -> None:
        """The same for the words of a command."""
        if words[1] in BEGINS:
            self.doubt()
        later = _LATER.get(words[1])
        if later is not None:
            args = (*words[:5], "") if later == _ENDED else words
            self.put_back(("FCALL", later, *args[2:]))

    def take(self) -> tuple[Word, ...] | None:
        """The oldest, or None."""
        try:
            return tuple(json.loads(os.read(self._out, RECORD)))
        except BlockingIOError:
            return None

    def put_back(self, words: tuple[Word, ...]) -> None:
        """It could not be sent now either."""
        record = json.dumps(words).encode().ljust(RECORD)
        if len(record) == RECORD:
            with contextlib.suppress(BlockingIOError):
                os.write(self._in, record)
