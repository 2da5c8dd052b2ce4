"""The primary that Sentinels name: found anew whenever a connection is made, and asked for again every second.

A primary that hung, or that is being replaced as planned, does not know for some seconds that it is none any more: what
it is told then is lost with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import redis

from kemi.store.breaker import Report, unreported
from kemi.store.connection import Connection
from kemi.store.links import Link, Word, greeting, left_s
from kemi.store.urls import Place, Target

SHARE = 2
"""A Sentinel may take half of the time that is left; so there is some for the next, and for the primary."""
LOOK_AGAIN_S = 1.0
"""How often a Sentinel is asked, by a worker that has something to do, whether the primary is still the same."""


class Sentinels:
    """Ask one Sentinel after the other, beginning with the one that answered last."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._places = list(target.places)
        self._link: Link | None = None
        """To the first of them."""

    def primary(self, until_s: float) -> Place:
        """Where the primary is now.

        until_s: by the monotonic clock. Raises redis.TimeoutError, redis.ConnectionError with what each of them said.
        """
        faults: list[str] = []
        for host, port in tuple(self._places):
            try:
                return self._ask(min(until_s, time.monotonic() + left_s(until_s) / SHARE))
            except (redis.RedisError, OSError) as error:
                faults.append(f"{host}:{port}: {error}")
                self.distrust()
        raise redis.ConnectionError(f"no Sentinel names the primary of {self._target.service}: {'; '.join(faults)}")

    def distrust(self) -> None:
        """The Sentinel that is asked first is asked last from now on: it does not answer, or is behind the others."""
        self.close()
        self._places.append(self._places.pop(0))

    def close(self) -> None:
        if self._link is not None:
            self._link.disconnect()
        self._link = None

    def _ask(self, until_s: float) -> Place:
        question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._target.service)
        try:
            answer = (
                self._exchange((question,), until_s) if self._link is not None else self._asked_anew(question, until_s)
            )
        except redis.TimeoutError:
            raise
        except (redis.ConnectionError, OSError):
            if self._link is None:
                raise
            # It has closed a connection that was idle.
            answer = self._asked_anew(question, until_s)
        if answer is None:
            raise redis.ConnectionError(f"it knows no service {self._target.service!r} (`sentinel monitor NAME …`)")
        host, port = answer
        return host.decode(), int(port)

    def _asked_anew(self, question: tuple[Word, ...], until_s: float) -> Any:
        self.close()
        link = self._target.sentinel_link(self._places[0])
        link.until_s = until_s
        answers: list[Any] = []

        def greet(link: Link) -> None:
            self._link = link
            link._sock.settimeout(left_s(until_s))
            link._parser.on_connect(link)
            answers.append(self._exchange((*greeting(link), question), until_s))

        link.redis_connect_func = greet
        try:
            link.connect()
        except BaseException:
            self.close()
            raise
        return answers[0]

    def _exchange(self, words: Sequence[tuple[Word, ...]], until_s: float) -> Any:
        """Send all words; returns the answer to the last."""
        link = self._link
        assert link is not None
        link._sock.settimeout(left_s(until_s))
        link.send_packed_command(link.pack_commands(words))
        return [link.read_response() for _ in words][-1]


class Primary:
    """Finds the primary whenever a connection is made, and knows when to ask for it again. Implements Finder."""

    questions: tuple[tuple[Word, ...], ...] = (("ROLE",),)

    def __init__(self, target: Target) -> None:
        self._sentinels = Sentinels(target)
        self.look_at_s = 0.0
        """When to ask again, by the monotonic clock."""

    def find(self, link: Link, until_s: float) -> None:
        link.host, link.port = self._sentinels.primary(until_s)

    def heard(self, link: Link, answers: list[Any]) -> None:
        if answers[-1][0] != b"master":
            self._sentinels.distrust()
            raise redis.ReadOnlyError(f"{link.host}:{link.port} is no primary yet, or any more")
        self.look_at_s = time.monotonic() + LOOK_AGAIN_S

    def is_elsewhere(self, link: Link, until_s: float) -> bool:
        """Whether an open link leads to a primary that is none any more; Sentinels that are away do not say so."""
        now_s = time.monotonic()
        self.look_at_s = now_s + LOOK_AGAIN_S
        try:
            return self._sentinels.primary(now_s + (until_s - now_s) / SHARE) != (link.host, link.port)
        except (redis.RedisError, OSError):
            return False

    def close(self) -> None:
        self._sentinels.close()


class PrimaryConnection(Connection):
    """Commands to the primary of a service, whichever Redis that is."""

    def __init__(self, target: Target, *, timeout_ms: int, retry_ms: int, report: Report = unreported) -> None:
        self._primary = Primary(target)
        # The address is set when a Sentinel has named it.
        link = target.link(target.places[0])
        super().__init__(link, timeout_ms=timeout_ms, retry_ms=retry_ms, report=report, finder=self._primary)

    def close(self) -> None:
        super().close()
        self._primary.close()

    def _guarded(self, act: Callable[[], Any]) -> Any:
        now_s = time.monotonic()
        if now_s < self._primary.look_at_s or not self._link.is_open:
            return super()._guarded(act)
        until_s = now_s + self._timeout_s
        if self._primary.is_elsewhere(self._link.redis, until_s):
            super().close()
        return self.within(until_s, lambda: super(PrimaryConnection, self)._guarded(act))
