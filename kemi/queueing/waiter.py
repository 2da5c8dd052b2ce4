"""Who waits at this node, as the node itself knows it: it holds their transactions, the store only their order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from kemi.accounts.model import AgentGroup, DomainSettings
from kemi.dialogs.own_calls import named
from kemi.dialogs.record import Caller
from kemi.queueing.queue import Entry
from kemi.sip import packed

NAME = "waiter"
"""Under which a transaction remembers its own."""
SLACK_S = 30
"""So much longer than he may wait at most is he known."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """A caller whose transaction is suspended."""

    domain: str
    number: str
    """Of the agent group."""
    caller: Caller
    transaction: str
    """`index:label` on this node."""
    cseq: str
    caller_agents: tuple[str, ...]
    """The caller, if he is an agent himself."""
    since_us: int
    """When he came, by the host's monotonic clock."""
    tag: str = ""
    """To tag of his 182."""

    def entry(self, group: AgentGroup, settings: DomainSettings | None) -> Entry:
        """His wish to wait in that group, as the store takes it."""
        return Entry(
            domain=self.domain,
            group=group,
            caller=self.caller,
            transaction=self.transaction,
            caller_agents=self.caller_agents,
            ttl_ms=(group.max_wait_s + group.ring_s + SLACK_S) * 1000,
            by_member=bool(settings and settings.directed_includes_group_calls),
        )

    @property
    def name(self) -> str:
        return named(self.domain, self.caller.dialog.key)

    def tagged(self, tag: str) -> Waiter:
        return replace(self, tag=tag)

    def pack(self) -> str:
        return packed.pack(
            (
                self.domain,
                self.number,
                self.caller.pack(),
                self.transaction,
                self.cseq,
                self.caller_agents,
                self.since_us,
                self.tag,
            )
        )

    @classmethod
    def unpack(cls, words: str) -> Waiter:
        domain, number, caller, transaction, cseq, caller_agents, since_us, tag = packed.unpack(words)
        return cls(domain, number, Caller.unpack(caller), transaction, cseq, tuple(caller_agents), since_us, tag)


class Waiters(Protocol):
    """What all processes of the node see of those who wait at it."""

    def hold(self, name: str, words: str, longest_s: int) -> None:
        """Note a waiter (Waiter.pack) for so long at most, in place of what was noted of him."""
        ...

    def renew(self, name: str, words: str, longest_s: int) -> None:
        """The same, if he still waits."""
        ...

    def let_go(self, name: str) -> str:
        """Waits no more; returns what was noted of him, '' when nothing was."""
        ...

    def is_held(self, name: str) -> bool: ...
    def all(self) -> list[str]: ...
