"""One primary of a Redis Cluster. What it refuses for want of a slot goes, in its order, to where the slot is now."""

from __future__ import annotations

from functools import partial
from typing import Any

import redis

from kemi.errors import StoreUnavailable
from kemi.store.arrears import Arrears
from kemi.store.connection import Connection
from kemi.store.failures import Failure, failure_of
from kemi.store.links import Link, Word
from kemi.store.pipeline import UNREAD_MOST, Pipeline
from kemi.store.pipeline import Refused as RecordRefused
from kemi.store.timed_link import TimedLink
from kemi.store.wire import words_of


class Node(Connection):
    """One primary. What it refuses for want of a slot is no failure of its own, and goes where the slot is now."""

    OF_ONE = Connection.OF_ONE | {Failure.ELSEWHERE}

    def __init__(self, link: Link, arrears: Arrears, **named: Any) -> None:
        self.displaced: list[tuple[Word, ...]] = []
        """Posted commands that it refused because it has their slot no more, and what came after the first of them."""
        super().__init__(link, arrears=arrears, pipeline=partial(NodePipeline, self.displaced), **named)

    def _record_refused(self, refusal: redis.ResponseError, words: tuple[Word, ...]) -> redis.ResponseError | None:
        if failure_of(refusal) is Failure.ELSEWHERE:
            self.displaced.append(words)
            return None
        return super()._record_refused(refusal, words)

    def _failed(self, error: Exception) -> StoreUnavailable:
        if failure_of(error) not in self.OF_ONE:
            # Sent later, it could enter a call that has ended meanwhile: nobody can record its end now either.
            for words in self.displaced:
                self._arrears.add_command(words)
            self.displaced.clear()
        return super()._failed(error)

    def _pay(self) -> None:
        """The Cluster does, to each what is its own."""


class NodePipeline(Pipeline):
    """Nothing is sent past what the node has refused for want of the slot: it may be of the same call.

    displaced: the words of these; what would come after them is added there.
    """

    def __init__(self, displaced: list[tuple[Word, ...]], link: TimedLink, refused: RecordRefused) -> None:
        super().__init__(link, refused)
        self._displaced = displaced

    def post(self, command: bytes) -> None:
        if len(self.unread) >= UNREAD_MOST:
            self.read()
        if self._displaced:
            self._displaced.append(words_of(command))
            return
        super().post(command)

    def _send_held(self, command: bytes) -> None:
        if self._displaced:
            self._displaced.extend(map(words_of, self.held))
            self.held.clear()
        super()._send_held(command)
