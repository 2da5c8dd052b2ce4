"""A link on which nothing lasts longer than the operation that is under way; connecting and the greeting included.

It knows the store's clock, which is asked for in the greeting.
"""

from __future__ import annotations

import select
import ssl
import time
from typing import Any, Protocol

import redis

from kemi.store import functions
from kemi.store.links import Link, Word, greeting, left_s

STANDING = 0.9
"""Part of the time-out that a socket waits by itself. What took longer than the rest is measured, and has the
socket wait no longer than the operation may: setting that each time would cost a system call."""


class Finder(Protocol):
    """Says where a link leads, and whether the right Redis is there."""

    questions: tuple[tuple[Word, ...], ...]
    """Asked on each new connection."""

    def find(self, link: Link, until_s: float) -> None:
        """Give the link its address, by a moment of the monotonic clock; raises redis.RedisError, OSError."""

    def heard(self, link: Link, answers: list[Any]) -> None:
        """What was answered; raises redis.RedisError when that is not the right one."""


class TimedLink:
    """Connected when it is needed; each wait may raise redis.TimeoutError.

    link: not yet open. timeout_s: longest that one operation takes. finder: None when the link has its address.
    """

    def __init__(self, link: Link, timeout_s: float, finder: Finder | None = None) -> None:
        self.redis = link
        self.until_s = 0.0
        """When the operation that is under way must have ended, by the monotonic clock."""
        self.standing_s = timeout_s * STANDING
        self._finder = finder
        self._hurried = False
        """The socket waits for less than its standing time-out."""
        self._end: select.poll | None = None
        """Shows whether the other side has closed the connection, where sending does not."""
        self._clock_ahead_s: float | None = None
        """The store's clock less this process' monotonic one; None: not connected."""
        link.redis_connect_func = self._greet
        link.socket_timeout = self.standing_s

    @property
    def is_open(self) -> bool:
        return self._clock_ahead_s is not None

    def connect(self) -> None:
        """See that it is open, and that the store has this release's functions."""
        if self._clock_ahead_s is None:
            self._open()

    def close(self) -> None:
        self.redis.disconnect()
        self._hurried = False
        self._clock_ahead_s = None

    def hurry(self) -> None:
        """What is left of an operation gets what time is left of it; raises redis.TimeoutError when that is none."""
        left = left_s(self.until_s)
        if self.redis._sock:
            self.redis._sock.settimeout(left)
            self._hurried = True

    def calm(self) -> None:
        """The operation has ended: the next one has all its time."""
        if self._hurried:
            self._hurried = False
            if self.redis._sock:
                self.redis._sock.settimeout(self.standing_s)

    def deadline_us(self) -> int:
        """The moment, by the store's clock, at which nobody waits for the operation any more."""
        self.connect()
        assert self._clock_ahead_s is not None
        # No later than the socket gives up: what is done then is done for nobody.
        gives_up_s = min(self.until_s, time.monotonic() + self.standing_s)
        return int((gives_up_s + self._clock_ahead_s) * 1_000_000)

    def reply(self) -> Any:
        """The next reply; a refusal is returned, not raised."""
        try:
            return self.redis.read_response()
        except redis.ResponseError as refusal:
            return refusal

    def next_reply(self) -> Any:
        """As `reply`; a number that has come together with others, as those to posts do, costs a tenth."""
        parser = self.redis._parser
        reply = parser._reader.gets()
        if type(reply) is int:
            return reply
        parser._next_response = reply
        reply = self.reply()
        if isinstance(reply, redis.ConnectionError):
            raise reply
        return reply

    def load_functions(self) -> None:
        """A store that lost its functions (restarted empty) gets them back."""
        self.redis.send_command("FUNCTION", "LOAD", "REPLACE", functions.library())
        self.hurry()
        self.redis.read_response()
        self.hurry()

    def see_end(self) -> None:
        """A store that closed the connection would not get what is posted, and TCP would not say so at once.

        Raises redis.ConnectionError when it has; only for a link to which nobody owes a reply.
        """
        if self._end is None or not self._end.poll(0):
            return
        connected = self.redis._sock
        connected.settimeout(0)
        try:
            there = connected.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            there = None  # TLS has words of its own
        finally:
            connected.settimeout(self.standing_s)
        if there is not None:
            raise redis.ConnectionError("the state store has closed the connection")

    def _open(self) -> None:
        if self._finder is not None:
            self._finder.find(self.redis, self.until_s)
        self.redis.until_s = self.until_s
        self.redis.connect()
        self._end = None
        if not self.redis.sees_its_end:
            self._end = select.poll()
            self._end.register(self.redis._sock, select.POLLIN)

    def _greet(self, link: Link) -> None:
        """Called by redis-py once there is a socket: everything that a new connection begins with, in one packet."""
        self.hurry()
        link._parser.on_connect(link)
        questions = self._finder.questions if self._finder is not None else ()
        words = [*greeting(link), *questions, ("FCALL_RO", functions.name_of("clock"), 0)]
        link.send_packed_command(link.pack_commands(words))
        *replies, now = [self.reply() for _ in words]
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        if isinstance(now, Exception):
            if not says_missing(now):
                raise now
            self.load_functions()
            link.send_command(*words[-1])
            now = link.read_response()
        if self._finder is not None:
            self._finder.heard(link, replies[len(replies) - len(questions) :])
        self._clock_ahead_s = int(now) / 1_000_000 - time.monotonic()
        self.hurry()


def says_missing(refusal: Exception) -> bool:
    """Whether the store has lost its functions."""
    return "Function not found" in str(refusal)
