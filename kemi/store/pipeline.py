"""Commands on their way to one Redis, in the order in which they were given: replies are read later, several in one go.

Redis answers in the order in which it was asked; whose reply is next is all that need be known.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import redis

from kemi.store.links import Word
from kemi.store.timed_link import TimedLink, says_missing
from kemi.store.wire import packed, words_of

UNREAD_MOST = 16
"""Replies of posted commands that may be outstanding before they are read."""

Refused = Callable[[redis.ResponseError, tuple[Word, ...]], redis.ResponseError | None]
"""Told that a posted command, given by its words, was refused; returns what also who asks next must not get past."""


class Pipeline:
    """What raises redis.RedisError or OSError leaves replies under way, unless the store has refused a command."""

    def __init__(self, link: TimedLink, refused: Refused) -> None:
        self.unread: deque[bytes] = deque()
        """Posted commands whose replies are outstanding."""
        self.held: list[bytes] = []
        """Posted commands that are sent with the next question."""
        self._link = link
        self._refused = refused

    @property
    def owes(self) -> bool:
        """Whether something was posted that has not been sent, or not been answered."""
        return bool(self.unread or self.held)

    def ask(self, words: tuple[Word, ...]) -> Any:
        """Send a command after all that is held, and await its answer, which is raised when it is a refusal."""
        link = self._link
        link.connect()
        command = packed(words)
        if self.unread:
            self.read()
        self._send_held(command)
        if time.monotonic() > link.until_s - link.standing_s:
            link.hurry()
        is_missing = self._read_replies()
        answer = link.reply()
        if isinstance(answer, redis.ResponseError) and says_missing(answer):
            link.load_functions()
            link.redis.send_packed_command([command])
            return link.redis.read_response()
        if is_missing:
            link.load_functions()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def post(self, command: bytes) -> None:
        """Send a packed command after all that is held; its reply is read later."""
        self._link.connect()
        if len(self.unread) >= UNREAD_MOST:
            self.read()
        elif not self.unread:
            self._link.see_end()
        # What was posted before goes first: a dialog that ended before it began would be there for hours.
        self._send_held(command)
        self.unread.append(command)

    def settle(self) -> None:
        """Send what is held, and read all replies."""
        self._link.connect()
        if self.held:
            self._send_held(b"")
        self.read()

    def read(self) -> None:
        """Read the replies to all that was posted and sent."""
        if self._read_replies():
            self._link.load_functions()

    def _send_held(self, command: bytes) -> None:
        """What is held, and a command after it, in one packet."""
        link = self._link
        if not self.held:
            link.redis.send_packed_command([command])
            return
        if not self.unread:
            # Else a reply may have come, which is no end.
            link.see_end()
        link.redis.send_packed_command([b"".join((*self.held, command))])
        self.unread.extend(self.held)
        self.held.clear()

    def _read_replies(self) -> bool:
        """Whether the store has lost its functions."""
        missing, worst = False, None
        link, unread = self._link, self.unread
        late_s, clock = link.until_s - link.standing_s, time.monotonic
        while unread:
            reply = link.next_reply()
            if isinstance(reply, redis.ResponseError):
                missing = missing or says_missing(reply)
                worst = self._refused(reply, words_of(unread[0])) or worst
            unread.popleft()
            if clock() > late_s:
                link.hurry()
        if worst is not None:
            raise worst
        return missing
