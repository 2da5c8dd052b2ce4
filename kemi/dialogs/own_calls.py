"""The calls that ring from this node, as the node itself knows them: it holds their transactions, and may know more of
them than a store that was away."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple, Protocol

from kemi.accounts.model import Kind
from kemi.dialogs.record import Caller
from kemi.dialogs.tracking import Placement

SLACK_S = 10
"""So much longer than it may ring is a call known."""
RINGS, FAILED = "r", "f"


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
    """Branch and To tag of its live early dialogs, the one that was relayed last at the end."""

    def pack(self) -> str:
        """Four lines, and one more for each early dialog. Plain words: a worker writes them for every call."""
        call = self.placement
        head = (
            f"{call.domain} {call.kind.value} {call.number} {call.permission_id} {call.ttl_ms} {call.by_member:d} "
            f"{call.transaction} {self.since_us}\n"
            f"{' '.join(call.ringing)}\n{' '.join(call.agents)}\n{call.caller.pack()}"
        )
        return head + "".join(relayed(branch, tag) for branch, tag in self.early) if self.early else head

    @classmethod
    def unpack(cls, text: str) -> OwnCall:
        head, ringing, agents, caller, *later = text.split("\n")
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
        return cls(placement, int(since_us), _early(later))


def relayed(branch: int, tag: str) -> str:
    """What is added to an OwnCall's words when a provisional response is relayed."""
    return f"\n{RINGS} {branch} {tag}"


def failed(branch: int) -> str:
    """What is added when a branch has ended without an answer."""
    return f"\n{FAILED} {branch}"


def _early(lines: Iterable[str]) -> tuple[tuple[int, str], ...]:
    live: dict[tuple[int, str], None] = {}
    for line in lines:
        what, branch, *tag = line.split(" ")
        if what == RINGS:
            live.pop((int(branch), tag[0]), None)
            live[int(branch), tag[0]] = None
        else:
            live = {dialog: None for dialog in live if dialog[0] != int(branch)}
    return tuple(live)


class OwnCalls(Protocol):
    """What all processes of the node see of the calls that ring from it, by name (`named`)."""

    def note(self, name: str, words: str, longest_s: int) -> None:
        """Note a call (OwnCall.pack) for so long at most, in place of what was noted of it."""
        ...

    def renew(self, name: str, words: str, longest_s: int) -> None:
        """The same, if it still rings."""
        ...

    def add(self, name: str, words: str) -> None:
        """Add to what is noted of a call, if it still rings."""
        ...

    def let_go(self, name: str) -> None:
        """It rings no more."""
        ...

    def find(self, name: str) -> str:
        """What is noted of a call, '' when nothing is."""
        ...

    def names(self) -> list[str]: ...
