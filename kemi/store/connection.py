"""One connection to Redis: what decides is awaited, what only records is sent and its reply read later.

redis-py's Connection is used below its command layer, which costs more than the commands themselves.
A failed store is left alone for a while (circuit breaker), so that a worker never queues up behind it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import hiredis
import redis
from redis.connection import parse_url

from kemi.errors import StoreUnavailable
from kemi.store import functions
from kemi.store.outbox import Outbox

UNREAD_MOST = 16
"""Replies of posted commands that may be outstanding before they are read."""

REFUSED_SOONER = 10
"""A store that refuses the connection is tried again so many times sooner than one that hangs."""

Report = Callable[[str], None]
Word = str | bytes | int


def _nothing(_text: str) -> None:
    return None


def _packed(words: tuple[Word, ...]) -> bytes:
    """A command as it goes over the wire."""
    try:
        command: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    except UnicodeEncodeError:
        # What a peer wrote may be no UTF-8: the packer heeds no error handler, so it gets bytes.
        in_bytes = (word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in words)
        command = hiredis.pack_command(tuple(in_bytes))  # type: ignore[arg-type]
    return command


class Connection:
    """Commands to one Redis, with a bounded wait for each answer.

    url: redis://, rediss:// or unix://. timeout_ms: longest wait for connecting and for one answer.
    retry_ms: how long a store that failed is not asked again. report: gets one line for each loss and return.
    outbox: what is posted goes there, for `deliver` or whoever asks next; None: it is sent at once.
    """

    def __init__(
        self, url: str, *, timeout_ms: int, retry_ms: int, report: Report = _nothing, outbox: Outbox | None = None
    ) -> None:
        options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        kind = options.pop("connection_class", redis.Connection)
        timeout_s = timeout_ms / 1000
        if kind is not redis.UnixDomainSocketConnection:
            options["socket_connect_timeout"] = timeout_s
        self._redis = kind(**options, socket_timeout=timeout_s)
        self._retry_s = retry_ms / 1000
        self._report = report
        self._outbox = outbox
        self._closed_until = 0.0
        self._timeout_s = timeout_s
        self._failing = False
        self._unread = 0
        self._clock_ahead_s: float | None = None
        """The store's clock less this process' monotonic one; None: not connected."""

    def call(self, *words: Word) -> Any:
        """Send a command and await its answer; raises StoreUnavailable."""
        return self._with_posted(lambda posted: self._ask(words, posted))

    def decide(self, operation: str, key: str, *args: Word) -> Any:
        """Run an operation that must not happen later than it is waited for; raises StoreUnavailable.

        A store that hangs would else carry it out when it is back, for nobody. The operation gets, before args,
        the moment by the store's clock (µs) after which it is to do nothing.
        """
        name = functions.name_of(operation)
        return self._with_posted(
            lambda posted: self._ask(("FCALL", name, 1, key, self._deadline_us(), *args), posted), alone=True
        )

    def fcall(self, operation: str, key: str, *args: Word) -> Any:
        """Run an operation (a Lua file's name) on one key or tenant prefix; raises StoreUnavailable."""
        verb = "FCALL_RO" if operation in functions.READ_ONLY else "FCALL"
        return self.call(verb, functions.name_of(operation), 1, key, *args)

    def post(self, operation: str, key: str, *args: Word) -> bool:
        """Send an operation that only records. False when the store is away: the record has a gap, the call goes on."""
        command = _packed(("FCALL", functions.name_of(operation), 1, key, *args))
        if self._outbox is not None and self._outbox.put(command):
            return True
        try:
            self._guarded(lambda: self._send(command))
        except StoreUnavailable:
            return False
        return True

    def deliver(self, wait_s: float) -> None:
        """Send what lies in the outbox, or comes there within wait_s seconds, and await the answers.

        What cannot be sent is lost: the record has a gap.
        """
        if self._outbox is not None and self._outbox.wait(wait_s):
            posted = self._outbox.take()
            try:
                with contextlib.suppress(StoreUnavailable):
                    self._guarded(lambda: self._settle(posted))
            finally:
                self._outbox.done()

    def settle(self) -> None:
        """See that all that was posted is done; raises StoreUnavailable."""
        self._with_posted(self._settle)

    def load_functions(self) -> None:
        """Put the function library in place, replacing an older one; raises StoreUnavailable."""
        self.call("FUNCTION", "LOAD", "REPLACE", functions.library())

    def close(self) -> None:
        self._redis.disconnect()
        self._unread = 0
        self._clock_ahead_s = None

    def _is_open(self) -> bool:
        """The circuit is: the store failed a moment ago and is left alone."""
        return self._failing and time.monotonic() < self._closed_until

    def _guarded(self, act: Callable[[], Any]) -> Any:
        if self._is_open():
            raise StoreUnavailable("the state store failed a moment ago")
        try:
            answer = self._once_more(act)
        except redis.ResponseError as refusal:
            raise StoreUnavailable(f"the state store refused: {refusal}") from refusal
        except (redis.RedisError, OSError) as failure:
            self._open_breaker(failure)
            raise StoreUnavailable(str(failure)) from failure
        if self._failing:
            self._failing = False
            self._report("the state store is back")
        return answer

    def _once_more(self, act: Callable[[], Any]) -> Any:
        """A connection that the store closed while it was idle is no failure: the next one is."""
        try:
            return act()
        except redis.TimeoutError:
            raise
        except (redis.ConnectionError, OSError):
            if self._failing:
                raise
            self.close()
            return act()

    def _open_breaker(self, failure: Exception) -> None:
        # Replies may still be under way: only a new connection is in step again.
        self.close()
        # A refusal costs nothing and may be asked for again soon; a wait costs the whole time-out.
        waited = isinstance(failure, redis.TimeoutError)
        self._closed_until = time.monotonic() + (self._retry_s if waited else self._retry_s / REFUSED_SOONER)
        if not self._failing:
            self._report(f"the state store does not answer: {failure}")
        self._failing = True

    def _deadline_us(self) -> int:
        self._connect()
        assert self._clock_ahead_s is not None
        return int((time.monotonic() + self._clock_ahead_s + self._timeout_s) * 1_000_000)

    def _connect(self) -> None:
        if self._clock_ahead_s is not None:
            return
        self._redis.connect()
        now_us = int(self._answer_to(("FCALL_RO", functions.name_of("clock"), 0), []))
        self._clock_ahead_s = now_us / 1_000_000 - time.monotonic()

    def _with_posted(self, act: Callable[[list[bytes]], Any], *, alone: bool = False) -> Any:
        """Act with what is to be sent ahead. alone: and with nothing of this node's still on its way."""
        if self._outbox is None or self._is_open():
            return self._guarded(lambda: act([]))
        posted = self._outbox.take(alone=alone)
        try:
            return self._guarded(lambda: act(posted))
        finally:
            self._outbox.done()

    def _ask(self, words: tuple[Word, ...], posted: list[bytes]) -> Any:
        self._connect()
        return self._answer_to(words, posted)

    def _answer_to(self, words: tuple[Word, ...], posted: list[bytes]) -> Any:
        command = _packed(words)
        self._redis.send_packed_command([b"".join((*posted, command))], check_health=False)
        self._unread += len(posted)
        self._read_unread()
        try:
            return self._redis.read_response()
        except redis.ResponseError as refusal:
            if "Function not found" not in str(refusal):
                raise
        # A store that lost its functions (restarted empty) gets them back here.
        self._load()
        self._redis.send_packed_command([command], check_health=False)
        return self._redis.read_response()

    def _load(self) -> None:
        self._redis.send_command("FUNCTION", "LOAD", "REPLACE", functions.library())
        self._redis.read_response()

    def _send(self, command: bytes) -> None:
        self._connect()
        if self._unread >= UNREAD_MOST:
            self._read_unread()
        self._redis.send_packed_command([command], check_health=False)
        self._unread += 1

    def _settle(self, posted: list[bytes]) -> None:
        if posted:
            self._connect()
            self._redis.send_packed_command([b"".join(posted)], check_health=False)
            self._unread += len(posted)
        self._read_unread()

    def _read_unread(self) -> None:
        missing = False
        while self._unread:
            self._unread -= 1
            try:
                self._redis.read_response()
            except redis.ResponseError as refusal:
                missing = missing or "Function not found" in str(refusal)
                self._report(f"the state store refused a record: {refusal}")
        if missing:
            self._load()
