"""One Redis: what decides is awaited, what only records is sent and its reply read later.

redis-py's Connection is used below its command layer (`pipeline.py`, `timed_link.py`), which costs more than the
commands themselves. Here is what a failure leads to: another attempt, an open breaker, a record that is made later.
Whatever an operation takes (a new connection, replies that are outstanding, a second attempt), its time-out is for all
of it together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, MutableSequence
from itertools import islice
from typing import Any

import redis

from kemi.errors import StoreUnavailable
from kemi.store import functions
from kemi.store.arrears import AT_ONCE, Arrears
from kemi.store.breaker import Breaker, Report, unreported
from kemi.store.failures import Failure, Refused, failure_of, moved_to
from kemi.store.links import Link, Word
from kemi.store.pipeline import Pipeline
from kemi.store.pipeline import Refused as RecordRefused
from kemi.store.timed_link import Finder, TimedLink
from kemi.store.wire import packed, words_of


class Connection:
    """Commands to one Redis, with a bounded wait for each answer.

    link: to that Redis, not yet open. timeout_ms: longest that one operation takes. retry_ms: how long a store that
    failed is not asked again. report: gets one line for each loss and return.
    arrears: where others look after what this one owes. finder: who knows where the link leads, if it does not itself.
    """

    OF_ONE = frozenset({Failure.ONE, Failure.MOVING})
    """Failures after which all other operations may go on."""

    def __init__(
        self,
        link: Link,
        *,
        timeout_ms: int,
        retry_ms: int,
        report: Report = unreported,
        arrears: Arrears | None = None,
        finder: Finder | None = None,
        pipeline: Callable[[TimedLink, RecordRefused], Pipeline] = Pipeline,
    ) -> None:
        self._timeout_s = timeout_ms / 1000
        self._link = TimedLink(link, self._timeout_s, finder)
        self._pipeline = pipeline(self._link, self._record_refused)
        self._breaker = Breaker(retry_ms, report)
        self._arrears = arrears or Arrears()
        self.doubt, self.doubted = self._arrears.doubt, self._arrears.doubted
        self._latest_s = 0.0
        """When what is under way must have ended, set by who has begun it before (`within`); 0: nobody has."""

    def call(self, *words: Word) -> Any:
        """Send a command and await its answer; raises StoreUnavailable."""
        return self._guarded(lambda: self._pipeline.ask(words))

    def decide(self, operation: str, key: str, *args: Word) -> Any:
        """Run an operation that must not happen later than it is waited for; raises StoreUnavailable.

        A store that hangs would else carry it out when it is back, for nobody. The operation gets, before args,
        the moment by the store's clock (µs) after which it is to do nothing.
        """
        name = functions.name_of(operation)
        return self._guarded(lambda: self._pipeline.ask(("FCALL", name, 1, key, self._link.deadline_us(), *args)))

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
            self.post_words(("FCALL", functions.name_of(operation), 1, key, *args))
        except StoreUnavailable:
            self._arrears.add(operation, key, args)
            return False
        return True

    def post_words(self, words: tuple[Word, ...]) -> None:
        """Send any command that only records; raises StoreUnavailable, and what it ends is for who asked to record."""
        self._guarded(lambda: self._pipeline.post(packed(words)))

    def hold(self, command: bytes) -> None:
        """Post a packed command, together with what is asked next; `settle` does it, too."""
        if self._breaker.is_open:
            self._arrears.add_command(words_of(command))
        else:
            self._pipeline.held.append(command)

    def pay(self) -> None:
        """Record what ended while the store was away, at whichever process; raises StoreUnavailable."""
        self._guarded(self._pay)

    def settle(self) -> None:
        """See that all that was posted is done; raises StoreUnavailable."""
        if self._pipeline.owes:
            self._guarded(self._pipeline.settle)

    def load_functions(self) -> None:
        """Put the function library in place, replacing an older one; raises StoreUnavailable."""
        self.call("FUNCTION", "LOAD", "REPLACE", functions.library())

    @property
    def is_resting(self) -> bool:
        """Whether the circuit is open: nothing is sent for a moment."""
        return self._breaker.is_open

    @property
    def is_failing(self) -> bool:
        """Whether its last operation failed for a reason that others share."""
        return self._breaker.is_failing

    @property
    def owes(self) -> bool:
        """Whether something was posted that has not been sent, or not been answered."""
        return self._pipeline.owes

    def within(self, until_s: float, act: Callable[[], Any]) -> Any:
        """Do operations of this connection that must have ended by a moment of the monotonic clock."""
        self._latest_s = until_s
        try:
            return act()
        finally:
            self._latest_s = 0.0

    def close(self) -> None:
        if self._link.is_open:
            # The store may be back without what it had.
            self.doubt()
        self._link.close()
        # Nobody knows what became of these; what ends something may be done twice.
        self._leave_for_later(self._pipeline.unread)

    def _guarded(self, act: Callable[[], Any]) -> Any:
        breaker, link = self._breaker, self._link
        if breaker.is_failing:
            if breaker.is_open:
                raise StoreUnavailable("the state store failed a moment ago")
            act = self._paying(act)
        link.until_s = self._latest_s or time.monotonic() + self._timeout_s
        try:
            if self._latest_s:
                link.hurry()
            answer = self._once_more(act)
        except (redis.RedisError, OSError) as error:
            raise self._failed(error) from error
        link.calm()
        if breaker.is_failing:
            breaker.recover()
        return answer

    def _paying(self, act: Callable[[], Any]) -> Callable[[], Any]:
        """What ended while the store was away goes before what is asked now."""

        def pay() -> Any:
            self._pay()
            return act()

        return pay

    def _pay(self) -> None:
        """All in one go, and awaited: a store may answer, and refuse them still."""
        link = self._link
        link.connect()
        owed = list(islice(iter(self._arrears.take, None), AT_ONCE))
        if not owed:
            return
        try:
            self._pipeline.read()
            link.redis.send_packed_command([b"".join(map(packed, owed))])
            link.hurry()
            refusals = [(link.reply(), words) for words in owed]
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
            if self._breaker.is_failing or not (closed or failure is Failure.NOT_MASTER):
                raise
            if not closed:
                self._breaker.lose(error, failure)
            self.close()
            return act()

    def _failed(self, error: Exception) -> StoreUnavailable:
        """What a failure is to who asked; the breaker opens for as long as it is of no use to ask again."""
        failure = failure_of(error)
        if failure is Failure.FULL:
            self._breaker.lose(error, failure)
        elif failure not in self.OF_ONE:
            # Replies may still be under way: only a new connection is in step again.
            self.close()
            self._leave_for_later(self._pipeline.held)
            self._breaker.open(failure)
            self._breaker.lose(error, failure)
        self._link.calm()
        if isinstance(error, redis.ResponseError):
            return Refused(f"the state store refused: {error}", failure, moved_to(error))
        return StoreUnavailable(str(error))

    def _record_refused(self, refusal: redis.ResponseError, words: tuple[Word, ...]) -> redis.ResponseError | None:
        """A posted command was refused; returns what also who asks next must not get past."""
        failure = failure_of(refusal)
        if failure is not Failure.ONE:
            self._arrears.add_command(words)
        if failure is Failure.FULL:
            self._breaker.lose(refusal, failure)
        elif failure is Failure.ONE:
            self._breaker.report(f"the state store refused a record: {refusal}")
        elif failure not in self.OF_ONE:
            return refusal
        return None

    def _leave_for_later(self, commands: MutableSequence[bytes]) -> None:
        """Those that end something are recorded when the store is back."""
        for command in commands:
            self._arrears.add_command(words_of(command))
        commands.clear()
