"""Who is signed in. Sessions live in the memory of this process and end with it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from kemi.sip.aor import Aor

SESSION_S = 12 * 3600
"""A shift; then one signs in anew."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    user: Aor | None
    """The extension; None: the administrator."""
    proof: str
    """What the credentials were then: a session ends when they are changed."""
    csrf: str
    until_s: float


class Sessions:
    """now: seconds, monotonic. A token is kept as its hash only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: dict[str, Session] = {}

    def begin(self, user: Aor | None, proof: str) -> str:
        """The token of a new session."""
        self._tidy()
        token = secrets.token_urlsafe(32)
        self._kept[_name(token)] = Session(user, proof, secrets.token_urlsafe(32), self._now() + SESSION_S)
        return token

    def find(self, token: str) -> Session | None:
        session = self._kept.get(_name(token))
        return session if session is not None and session.until_s > self._now() else None

    def end(self, token: str) -> None:
        self._kept.pop(_name(token), None)

    def _tidy(self) -> None:
        if len(self._kept) < MOST:
            return
        now = self._now()
        self._kept = {name: session for name, session in self._kept.items() if session.until_s > now}
        while len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]


def _name(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
