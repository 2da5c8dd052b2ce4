"""One connection to Redis: what decides is awaited, what only records is sent and its reply read later.

redis-py's Connection is used below its command layer, which costs more than the commands themselves.
A failed store is left alone for a while (circuit breaker), so that a worker never queues up behind it.
Whatever an operation takes (a new connection, replies that are outstanding, a second attempt), its time-out is for all
of it together.
"""

from __future__ import annotations

import select
import ssl
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

import redis

from kemi.errors import StoreUnavailable
from kemi.store import functions
from kemi.store.arrears import AT_ONCE, Arrears
from kemi.store.failures import Failure, Refused, failure_of, moved_to, told
from kemi.store.links import Link, Word, greeting, left_s
from kemi.store.wire import packed, words_of

UNREAD_MOST = 16
"""Replies of posted commands that may be outstanding before they are read."""

REFUSED_SOONER = 10
"""A store that refuses is tried again so many times sooner than one that hangs."""
STANDING = 0.9
"""Part of the time-out that a socket waits by itself. What took longer than the rest is measured, and has the
socket wait no longer than the operation may: setting that each time would cost a system call."""
SILENT_S = 5.0
"""A store that goes and comes is not reported more often."""

Report = Callable[[str], None]


def _nothing(_text: str) -> None:
    return None


class Connection:
    """Commands to one Redis, with a bounded wait for each answer.

    link: to that Redis, not yet open. timeout_ms: longest that one operation takes. retry_ms: how long a store that
    failed is not asked again. report: gets one line for each loss and return.
    arrears: where others look after what this one owes.
    """

    def __init__(
        self, link: Link, *, timeout_ms: int, retry_ms: int, report: Report = _nothing, arrears: Arrears | None = None
    ) -> None:
        self._redis = link
        self._timeout_s = timeout_ms / 1000
        self._standing_s = self._timeout_s * STANDING
        link.redis_connect_func = self._greet
        link.socket_timeout = self._standing_s
        self._retry_s = retry_ms / 1000
        self._report = report
        self._closed_until = 0.0
        self._failing = False
        self._said = False
        self._say_not_before_s = 0.0
        self._unread: deque[bytes] = deque()
        """Posted commands whose replies are outstanding."""
        self._held: list[bytes] = []
        """Posted commands that are sent with the next question."""
        self._arrears = arrears or Arrears()
        self._until_s = 0.0
        """When the operation that is under way must have ended, by the monotonic clock."""
        self._latest_s = 0.0
        """The same, set by who has begun it before (`within`); 0: nobody."""
        self._hurried = False
        """The socket waits for less than its standing time-out."""
        self._end: select.poll | None = None
        """Shows whether the other side has closed the connection, where sending does not."""
        self._clock_ahead_s: float | None = None
        """The store's clock less this process' monotonic one; None: not connected."""

    def call(self, *words: Word) -> Any:
        """Send a command and await its answer; raises StoreUnavailable."""
        return self._guarded(lambda: self._ask(words))

    def decide(self, operation: str, key: str, *args: Word) -> Any:
        """Run an operation that must not happen later than it is waited for; raises StoreUnavailable.

        A store that hangs would else carry it out when it is back, for nobody. The operation gets, before args,
        the moment by the store's clock (µs) after which it is to do nothing.
        """
        name = functions.name_of(operation)
        return self._guarded(lambda: self._ask(("FCALL", name, 1, key, self._deadline_us(), *args)))

    def fcall(self, operation: str, key: str, *args: Word) -> Any:
        """Run an operation (a Lua file's name) on one key or tenant prefix; raises StoreUnavailable."""
        verb = "FCALL_RO" if operation in functions.READ_ONLY else "FCALL"
        try:
            return self.call(verb, functions.name_of(operation), 1, key, *args)
        except StoreUnavailable:
            self._arrears.add(operation, key, args)
            raise

    def post(self, operation: str, key: str, *args: Word) -> bool:
        """Send an operation that only records. False when the store is away: the record has a gap, the call goes on.

        The end of a call is recorded when the store is back.
        """
        try:
            self._guarded(lambda: self._send(packed(("FCALL", functions.name_of(operation), 1, key, *args))))
        except StoreUnavailable:
            self._arrears.add(operation, key, args)
            return False
        return True

    def hold(self, command: bytes) -> None:
        """Post a packed command, together with what is asked next; `settle` does it, too."""
        if self.is_resting:
            self._arrears.add_command(words_of(command))
        else:
            self._held.append(command)

    def pay(self) -> None:
        """Record what ended while the store was away, at whichever process; raises StoreUnavailable."""
        self._guarded(self._pay)

    def settle(self) -> None:
        """See that all that was posted is done; raises StoreUnavailable."""
        if self._held or self._unread:
            self._guarded(self._settle)

    def load_functions(self) -> None:
        """Put the function library in place, replacing an older one; raises StoreUnavailable."""
        self.call("FUNCTION", "LOAD", "REPLACE", functions.library())

    @property
    def is_resting(self) -> bool:
        """Whether the circuit is open: nothing is sent for a moment."""
        return self._failing and time.monotonic() < self._closed_until

    @property
    def is_failing(self) -> bool:
        """Whether its last operation failed for a reason that others share."""
        return self._failing

    @property
    def owes(self) -> bool:
        """Whether something was posted that has not been sent, or not been answered."""
        return bool(self._unread or self._held)

    def within(self, until_s: float, act: Callable[[], Any]) -> Any:
        """Do operations of this connection that must have ended by a moment of the monotonic clock."""
        self._latest_s = until_s
        try:
            return act()
        finally:
            self._latest_s = 0.0

    def close(self) -> None:
        self._redis.disconnect()
        # Nobody knows what became of these; what ends something may be done twice.
        for command in self._unread:
            self._arrears.add_command(words_of(command))
        self._unread.clear()
        self._hurried = False
        self._clock_ahead_s = None

    def _guarded(self, act: Callable[[], Any]) -> Any:
        now_s = time.monotonic()
        if self._failing:
            if now_s < self._closed_until:
                raise StoreUnavailable("the state store failed a moment ago")
            act = self._paying(act)
        self._until_s = now_s + self._timeout_s
        try:
            if self._latest_s:
                self._until_s = self._latest_s
                self._hurry()
            answer = self._once_more(act)
        except (redis.RedisError, OSError) as error:
            raise self._failed(error) from error
        if self._hurried:
            self._calm()
        if self._failing:
            self._failing = False
            if self._said:
                self._report("the state store is back")
        return answer

    def _paying(self, act: Callable[[], Any]) -> Callable[[], Any]:
        """What ended while the store was away goes before what is asked now."""

        def pay() -> Any:
            self._pay()
            return act()

        return pay

    def _pay(self) -> None:
        """All in one go, and awaited: a store may answer, and refuse them still."""
        self._connect()
        owed = list(islice(iter(self._arrears.take, None), AT_ONCE))
        if not owed:
            return
        try:
            self._read_unread()
            self._redis.send_packed_command([b"".join(map(packed, owed))])
            self._hurry()
            refusals = [(self._reply(), words) for words in owed]
        except (redis.RedisError, OSError):
            for words in owed:
                self._arrears.put_back(words)
            raise
        again = [(refusal, words) for refusal, words in refusals if isinstance(refusal, redis.ResponseError)]
        again = [(refusal, words) for refusal, words in again if failure_of(refusal) is not Failure.ONE]
        for _, words in again:
            self._arrears.put_back(words)
        if again:
            raise again[0][0]

    def _once_more(self, act: Callable[[], Any]) -> Any:
        """A connection that the store closed while it was idle is no failure, nor is a primary that has gone elsewhere.

        The next one is.
        """
        try:
            return act()
        except (redis.RedisError, OSError) as error:
            failure = failure_of(error)
            closed = failure is Failure.DOWN and not isinstance(error, redis.ResponseError)
            if self._failing or not (closed or failure is Failure.NOT_MASTER):
                raise
            if not closed:
                self._lose(error, failure)
            self.close()
            return act()

    def _failed(self, error: Exception) -> StoreUnavailable:
        """What a failure is to who asked; the breaker opens for as long as it is of no use to ask again."""
        failure = failure_of(error)
        if failure is Failure.FULL:
            self._lose(error, failure)
        elif not self._is_of_one(failure):
            # Replies may still be under way: only a new connection is in step again.
            self.close()
            for command in self._held:
                self._arrears.add_command(words_of(command))
            self._held.clear()
            # A refusal costs nothing and may be asked for again soon; a wait costs the whole time-out.
            waits = failure in (Failure.SILENT, Failure.UNAUTHORIZED)
            self._closed_until = time.monotonic() + (self._retry_s if waits else self._retry_s / REFUSED_SOONER)
            self._lose(error, failure)
        if self._hurried:
            self._calm()
        if isinstance(error, redis.ResponseError):
            return Refused(f"the state store refused: {error}", failure, moved_to(error))
        return StoreUnavailable(str(error))

    def _is_of_one(self, failure: Failure) -> bool:
        """Whether all other operations may go on."""
        return failure in (Failure.ONE, Failure.MOVING)

    def _lose(self, error: Exception, failure: Failure) -> None:
        if not self._failing:
            self._failing, self._said = True, False
        if not self._said and time.monotonic() >= self._say_not_before_s:
            self._report(told(error, failure))
            self._said, self._say_not_before_s = True, time.monotonic() + SILENT_S

    def _hurry(self) -> None:
        """What is left of an operation gets what time is left of it; raises redis.TimeoutError when that is none."""
        left = left_s(self._until_s)
        if self._redis._sock:
            self._redis._sock.settimeout(left)
            self._hurried = True

    def _calm(self) -> None:
        self._hurried = False
        if self._redis._sock:
            self._redis._sock.settimeout(self._standing_s)

    def _deadline_us(self) -> int:
        self._connect()
        assert self._clock_ahead_s is not None
        # No later than the socket gives up: what is done then is done for nobody.
        gives_up_s = min(self._until_s, time.monotonic() + self._standing_s)
        return int((gives_up_s + self._clock_ahead_s) * 1_000_000)

    def _connect(self) -> None:
        if self._clock_ahead_s is None:
            self._open()

    def _open(self) -> None:
        self._redis.until_s = self._until_s
        self._redis.connect()
        self._end = None
        if not self._redis.sees_its_end:
            self._end = select.poll()
            self._end.register(self._redis._sock, select.POLLIN)

    def _greet(self, link: Link) -> None:
        """Called by redis-py once there is a socket: everything that a new connection begins with, in one packet."""
        self._hurry()
        link._parser.on_connect(link)
        words = [*greeting(link), *self._also(), ("FCALL_RO", functions.name_of("clock"), 0)]
        link.send_packed_command(link.pack_commands(words))
        *replies, now = [self._reply() for _ in words]
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        if isinstance(now, Exception):
            if not _says_missing(now):
                raise now
            # A store that lost its functions (restarted empty) gets them back here.
            self._load()
            link.send_command(*words[-1])
            now = link.read_response()
        self._heard(replies)
        self._clock_ahead_s = int(now) / 1_000_000 - time.monotonic()
        self._hurry()

    def _also(self) -> list[tuple[Word, ...]]:
        """What else is to be asked on a new connection."""
        return []

    def _heard(self, replies: list[Any]) -> None:
        """What was answered to that; it may raise."""

    def _reply(self) -> Any:
        try:
            return self._redis.read_response()
        except redis.ResponseError as refusal:
            return refusal

    def _next_reply(self) -> Any:
        """As `_reply`; a number that has come together with others, as those to posts do, costs a tenth."""
        parser = self._redis._parser
        reply = parser._reader.gets()
        if type(reply) is int:
            return reply
        parser._next_response = reply
        reply = self._reply()
        if isinstance(reply, redis.ConnectionError):
            raise reply
        return reply

    def _ask(self, words: tuple[Word, ...]) -> Any:
        self._connect()
        command = packed(words)
        if self._unread:
            self._read_unread()
        self._send_held(command)
        if time.monotonic() > self._until_s - self._standing_s:
            self._hurry()
        is_missing = self._read_replies()
        answer = self._reply()
        if isinstance(answer, redis.ResponseError) and _says_missing(answer):
            # A store that lost its functions (restarted empty) gets them back here.
            self._load()
            self._redis.send_packed_command([command])
            return self._redis.read_response()
        if is_missing:
            self._load()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _settle(self) -> None:
        self._connect()
        if self._held:
            self._send_held(b"")
        self._read_unread()

    def _send_held(self, command: bytes) -> None:
        """What is held, and a command after it, in one packet."""
        if not self._held:
            self._redis.send_packed_command([command])
            return
        if self._end is not None and self._end.poll(0):
            self._see_end()
        self._redis.send_packed_command([b"".join((*self._held, command))])
        self._unread.extend(self._held)
        self._held.clear()

    def _load(self) -> None:
        self._redis.send_command("FUNCTION", "LOAD", "REPLACE", functions.library())
        self._hurry()
        self._redis.read_response()
        self._hurry()

    def _send(self, command: bytes) -> None:
        self._connect()
        if len(self._unread) >= UNREAD_MOST:
            self._read_unread()
        elif self._end is not None and not self._unread and self._end.poll(0):
            self._see_end()
        # What was posted before goes first: a dialog that ended before it began would be there for hours.
        self._send_held(command)
        self._unread.append(command)

    def _see_end(self) -> None:
        """A store that closed the connection would not get what is posted, and TCP would not say so at once."""
        connected = self._redis._sock
        connected.settimeout(0)
        try:
            there = connected.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            there = None  # TLS has words of its own
        finally:
            connected.settimeout(self._standing_s)
        if there is not None:
            raise redis.ConnectionError("the state store has closed the connection")

    def _read_unread(self) -> None:
        if self._read_replies():
            self._load()

    def _read_replies(self) -> bool:
        """Read the replies to what was posted. Whether the store has lost its functions."""
        missing, worst = False, None
        late_s, clock = self._until_s - self._standing_s, time.monotonic
        while self._unread:
            reply = self._next_reply()
            if isinstance(reply, redis.ResponseError):
                missing = missing or _says_missing(reply)
                worst = self._record_refused(reply, words_of(self._unread[0])) or worst
            self._unread.popleft()
            if clock() > late_s:
                self._hurry()
        if worst is not None:
            raise worst
        return missing

    def _record_refused(self, refusal: redis.ResponseError, words: tuple[Word, ...]) -> redis.ResponseError | None:
        """A posted command was refused; returns what also who asks next must not get past."""
        failure = failure_of(refusal)
        if failure is not Failure.ONE:
            self._arrears.add_command(words)
        if failure is Failure.FULL:
            self._lose(refusal, failure)
        elif failure is Failure.ONE:
            self._report(f"the state store refused a record: {refusal}")
        elif not self._is_of_one(failure):
            return refusal
        return None


def _says_missing(refusal: Exception) -> bool:
    return "Function not found" in str(refusal)
