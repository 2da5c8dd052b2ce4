"""What queueing asks of the state store, and what it gets: small values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Protocol

from kemi.accounts.model import AgentGroup
from kemi.dialogs.own_calls import Standing
from kemi.dialogs.record import Caller
from kemi.sip.dialog import DialogId


class Joined(IntEnum):
    """What came of a call's wish to wait."""

    ENDED = 0
    WAITS = 1
    FULL = 2
    NOBODY_LOGGED_IN = 3
    TOO_LATE = 4


class Missed(IntEnum):
    """What became of a caller whom the agents did not take."""

    GONE = 0
    WAITS = 1
    PICKED_UP = 2


class Duty(Enum):
    """Whether an agent takes calls of his groups."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Entry:
    """A call that wants to wait."""

    domain: str
    group: AgentGroup
    caller: Caller
    transaction: str
    """`index:label` on this node."""
    caller_agents: tuple[str, ...]
    """The caller, if he is an agent himself."""
    ttl_ms: int
    by_member: bool = False
    """Also find it through each agent that it rings (domain setting directed_includes_group_calls)."""


@dataclass(frozen=True, slots=True)
class Line:
    """An agent group as the dispatcher sees it: the agents that can be rung now, in their order."""

    group: AgentGroup
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring these agents for a caller; they are reserved for him."""

    key: str
    transaction: str
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expired:
    """A caller has waited max_wait_s; he is out of the queue."""

    key: str
    transaction: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """A caller waits at a node that drains."""

    key: str
    transaction: str


class QueueStore(Protocol):
    """Awaited, but for `ready`, `lost`, `release` and `overflowed`; raises StoreUnavailable."""

    def join(self, entry: Entry) -> Joined: ...
    def ready(self, domain: str, dialog: DialogId, tag: str) -> None: ...
    def domains(self) -> tuple[str, ...]: ...
    def dispatch(self, domain: str, lines: Sequence[Line]) -> tuple[Offer | Expired, ...]: ...
    def standings(self, domain: str, keys: Sequence[str]) -> tuple[int, list[Standing]]: ...
    def stand_again(self, entry: Entry, at_us: int, tag: str) -> None: ...
    def missed(
        self, domain: str, dialog: DialogId, *, in_vain: bool, pause_s: int
    ) -> tuple[Missed, tuple[str, ...]]: ...
    def set_duty(self, domain: str, agent: str, duty: Duty) -> bool: ...
    def lost(self, domain: str, key: str) -> None: ...
    def release(self, domain: str, key: str, token: str) -> None: ...
    def overflowed(self, domain: str, key: str) -> None: ...
