"""What a Redis that does not do what it was asked means: for this one operation, for its connection, for the store."""

from __future__ import annotations

from enum import Enum, auto

import redis

from kemi.errors import StoreUnavailable


class Failure(Enum):
    """How far a failure reaches."""

    ONE = auto()
    """This operation only."""
    MOVING = auto()
    """The keys of this operation only: their slot is between two nodes (ASK, TRYAGAIN)."""
    ELSEWHERE = auto()
    """The keys of this operation only: another node of the cluster has their slot (MOVED)."""
    FULL = auto()
    """What needs memory (OOM). The refusal costs one round trip, so that nothing need be kept from asking."""
    NOT_MASTER = auto()
    """This node: it is a replica now (READONLY, MASTERDOWN), and another may be found that is none."""
    DOWN = auto()
    """The store, and it said so at once: refused, closed, LOADING, BUSY, CLUSTERDOWN, MISCONF, NOREPLICAS."""
    UNAUTHORIZED = auto()
    """The store, until somebody changes something (NOAUTH, WRONGPASS, NOPERM)."""
    SILENT = auto()
    """The store, and that cost the whole time-out."""


class Refused(StoreUnavailable):
    """The store answered, by an error. `moved_to`: host and port of the node that has the slot, else None."""

    def __init__(self, text: str, failure: Failure, moved_to: tuple[str, int] | None = None) -> None:
        super().__init__(text)
        self.failure = failure
        self.moved_to = moved_to


CLASSES: tuple[tuple[type[Exception], Failure], ...] = (
    (redis.TimeoutError, Failure.SILENT),
    (TimeoutError, Failure.SILENT),
    (redis.AuthenticationError, Failure.UNAUTHORIZED),
    (redis.exceptions.NoPermissionError, Failure.UNAUTHORIZED),
    (redis.exceptions.MovedError, Failure.ELSEWHERE),
    (redis.exceptions.AskError, Failure.MOVING),
    (redis.exceptions.TryAgainError, Failure.MOVING),
    (redis.exceptions.OutOfMemoryError, Failure.FULL),
    (redis.ReadOnlyError, Failure.NOT_MASTER),
    (redis.exceptions.MasterDownError, Failure.NOT_MASTER),
    (redis.exceptions.ClusterDownError, Failure.DOWN),
)
"""The first that fits; a subclass stands before its base."""
WORDS = {
    "BUSY ": Failure.DOWN,
    "MISCONF ": Failure.DOWN,
    "NOREPLICAS ": Failure.DOWN,
    "UNKILLABLE ": Failure.DOWN,
    "ACL failure in script": Failure.UNAUTHORIZED,
}
"""Refusals that redis-py has no class for."""
REMEDIES = {
    Failure.FULL: "it is full: raise its maxmemory",
    Failure.ELSEWHERE: "it is a Redis Cluster: its URL begins with redis+cluster://",
    Failure.UNAUTHORIZED: "see the user and password in its URL, and what its ACL allows (README, State store)",
    Failure.NOT_MASTER: "it is a replica",
}


def failure_of(error: Exception) -> Failure:
    """How far an error of redis-py, or of a socket, reaches."""
    for kind, failure in CLASSES:
        if isinstance(error, kind):
            return failure
    if not isinstance(error, redis.ResponseError):
        return Failure.DOWN
    text = str(error)
    return next((failure for word, failure in WORDS.items() if text.startswith(word)), Failure.ONE)


def told(error: Exception, failure: Failure) -> str:
    """One line about it for the log."""
    remedy = REMEDIES.get(failure)
    answered = isinstance(error, (redis.ResponseError, redis.AuthenticationError, redis.BusyLoadingError))
    how = "refuses" if answered else "does not answer"
    # redis-py takes the first word off those that it has a class for.
    code = getattr(error, "status_code", None)
    return f"the state store {how}: {f'{code} ' if code else ''}{error}" + (f" ({remedy})" if remedy else "")


def moved_to(error: Exception) -> tuple[str, int] | None:
    """Where a slot is now; the host is '' when it is the one that was asked."""
    if not isinstance(error, redis.exceptions.MovedError):
        return None
    return str(error.host), int(error.port)
