"""The calls that ring from this node, as the node itself knows them: it holds their transactions, and may know more of
them than a store that was away."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from kemi.accounts.model import Kind
from kemi.dialogs.record import Caller
from kemi.dialogs.tracking import Placement


def named(domain: str, key: str) -> str:
    """key: of the call in the store (DialogId.key)."""
    return f"{domain} {key}"


class Standing(IntEnum):
    """Where the store has a call that rings, or waits, at this node."""

    MISSING = 0
    WAITS = 1
    """In the line of those who wait, or claimed from there by a picker."""
    OFFERED = 2
    """It rings. Of one that waits: its node was told to ring agents for it, or to let it go."""
    OVER = 3


class OwnCall(NamedTuple):
    """What was told to the store of a call that rings."""

    placement: Placement
    since_us: int
    """When it was routed to its account, by the host's monotonic clock."""
    early: tuple[tuple[int, str], ...] = ()
    """Branch and To tag of the early dialog that was relayed last, if it lives."""

    def pack(self) -> str:
        """Four lines; `early` is noted apart. Plain words: a worker writes them for every call."""
        call = self.placement
        return (
            f"{call.domain} {call.kind.value} {call.number} {call.permission_id} {call.ttl_ms} {call.by_member:d} "
            f"{call.transaction} {self.since_us}\n"
            f"{' '.join(call.ringing)}\n{' '.join(call.agents)}\n{call.caller.pack()}"
        )

    @classmethod
    def unpack(cls, text: str, early: str = "") -> OwnCall:
        """early: what `relayed` gave, '' when nothing rings yet."""
        head, ringing, agents, caller = text.split("\n")
        domain, kind, number, permit, ttl_ms, by_member, transaction, since_us = head.split(" ")
        placement = Placement(
            domain,
            Kind(kind),
            number,
            permit,
            Caller.unpack(caller),
            tuple(ringing.split()),
            int(ttl_ms),
            by_member == "1",
            tuple(agents.split()),
            transaction,
        )
        branch, _, tag = early.partition(" ")
        return cls(placement, int(since_us), ((int(branch), tag),) if early else ())


def relayed(branch: int, tag: str) -> str:
    """An early dialog, as it is noted."""
    return f"{branch} {tag}"


class OwnCalls(Protocol):
    """What all processes of the node see of the calls that ring from it, by name (`named`)."""

    def note(self, name: str, words: str) -> None:
        """Note a call (OwnCall.pack), in place of what was noted of it."""
        ...

    def renew(self, name: str, words: str) -> None:
        """The same, if it still rings; none of its phones is known to."""
        ...

    def relay(self, name: str, words: str) -> None:
        """Note the early dialog that was relayed last."""
        ...

    def fail(self, name: str, branch: int) -> None:
        """That is no more, if it was this branch's."""
        ...

    def let_go(self, name: str) -> None:
        """It rings no more."""
        ...

    def find(self, name: str) -> tuple[str, str]:
        """What is noted of a call, and of its early dialog; '' when nothing is."""
        ...

    def names(self) -> list[str]: ...
