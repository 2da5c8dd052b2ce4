"""Agent groups with callers who wait and agents who are idle, as short words over the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from kemi.accounts.model import AgentGroup
from kemi.accounts.permission import Permission
from kemi.dialogs.own_calls import Standing
from kemi.queueing.queue import Duty, Entry, Expired, Joined, Line, Missed, Offer
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import keys
from kemi.store.queues import AgentState
from tests.store.scene import OPEN, Scene, caller, phone


class _Permit(Permission):
    """A permission whose id the test chooses."""

    @property
    def id(self) -> str:
        return OPEN


MAX_WAIT_S = 600
TTL_MS = (MAX_WAIT_S + 45) * 1000
TAG = "of-the-queue"
"""To tag of the 182 that every waiting caller has heard."""
SUPPORT = AgentGroup(
    "800", "Support", ("101", "102", "103"), strategy="linear", max_wait_s=MAX_WAIT_S, permission=_Permit()
)
SALES = AgentGroup("801", "Sales", ("103", "104"), strategy="linear", max_wait_s=MAX_WAIT_S, permission=_Permit())


@dataclass
class QueueScene(Scene):
    """What happens in a tenant's queues, as one node sees it. Every word of it returns when the store has done it."""

    names: dict[str, DialogId] = field(default_factory=dict)
    """The calls by their key; two nodes share it."""
    node: str = Settings().node

    def joins(
        self,
        group: AgentGroup = SUPPORT,
        *,
        dialog: DialogId | None = None,
        calls_from: str = "",
        is_agent: bool = False,
        by_member: bool = False,
    ) -> tuple[DialogId, Joined]:
        """A caller wants to wait. calls_from: his extension number, empty for one from outside."""
        dialog = dialog or self.dialog()
        self.names[dialog.key] = dialog
        return dialog, self.store.queues.join(self.entry(dialog, group, calls_from, is_agent, by_member))

    def entry(
        self,
        dialog: DialogId,
        group: AgentGroup = SUPPORT,
        calls_from: str = "",
        is_agent: bool = False,
        by_member: bool = False,
    ) -> Entry:
        return Entry(
            domain=self.domain,
            group=group,
            caller=caller(dialog, calls_from),
            transaction=f"1:{dialog.call_id}",
            caller_agents=(calls_from,) if is_agent else (),
            ttl_ms=TTL_MS,
            by_member=by_member,
        )

    def standing(self, *dialogs: DialogId) -> list[Standing]:
        return self.store.queues.standings(self.domain, [dialog.key for dialog in dialogs])[1]

    def stands_again(
        self, dialog: DialogId, waited_ms: int, group: AgentGroup = SUPPORT, tag: str = TAG, **more: bool | str
    ) -> None:
        """The node tells of one who has waited there for so long."""
        self.names[dialog.key] = dialog
        at_us = self.now_us() - waited_ms * 1000
        self.store.queues.stand_again(self.entry(dialog, group, **more), at_us, tag)  # type: ignore[arg-type]

    def ready(self, dialog: DialogId, tag: str = TAG) -> None:
        self.store.queues.ready(self.domain, dialog, tag)
        self.store.settle()

    def waits(self, group: AgentGroup = SUPPORT, *, dialog: DialogId | None = None, **more: object) -> DialogId:
        """A caller waits and may be offered to agents."""
        dialog, joined = self.joins(group, dialog=dialog, **more)  # type: ignore[arg-type]
        assert joined is Joined.WAITS
        self.ready(dialog)
        return dialog

    def look(self, *groups: AgentGroup, reachable: Sequence[str] | None = None) -> tuple[Offer | Expired, ...]:
        """One look of this node; reachable: the agents that can be rung, else all."""
        lines = [
            Line(group, tuple(a for a in group.agents if reachable is None or a in reachable))
            for group in groups or (SUPPORT,)
        ]
        return self.store.queues.dispatch(self.domain, lines)

    def offers(self, *groups: AgentGroup, reachable: Sequence[str] | None = None) -> list[tuple[DialogId, str]]:
        """One look: who is offered to which agents (blank-separated), in the order of the offers."""
        actions = self.look(*groups, reachable=reachable)
        return [(self.names[a.key], " ".join(a.agents)) for a in actions if isinstance(a, Offer)]

    def misses(self, dialog: DialogId, *, in_vain: bool = True, pause_s: int = 0) -> tuple[Missed, tuple[str, ...]]:
        return self.store.queues.missed(self.domain, dialog, in_vain=in_vain, pause_s=pause_s)

    def takes(self, dialog: DialogId, agent: str, *, wrap_up_s: int = 0) -> None:
        """An agent answers the caller whom he was offered."""
        self.answered(dialog, phone(5062), phone(5000 + int(agent)), agents=(agent,), serves=agent, wrap_up_s=wrap_up_s)

    def hangs_up(self, dialog: DialogId) -> None:
        self.over((dialog, DialogId(dialog.call_id, "callee")))

    def log(self, agent: str, duty: Duty) -> bool:
        return self.store.queues.set_duty(self.domain, agent, duty)

    def only(self, *agents: str) -> None:
        """Nobody else of the two groups is logged in."""
        for agent in {*SUPPORT.agents, *SALES.agents} - {*agents}:
            self.log(agent, Duty.OUT)

    def agent(self, number: str) -> AgentState:
        return self.store.queues.roster(self.domain, [number], []).agents[0]

    def set_agent(self, number: str, name: str, at_us: int) -> None:
        """Move a moment in an agent's life, as if it had been then (µs since 1970)."""
        self.redis.hset(f"{keys.tenant(self.domain)}{keys.SUFFIXES['agent']}{number}", name, str(at_us))

    def pass_wrap_up(self, number: str) -> None:
        self.set_agent(number, "wrap_until", self.now_us() - 1)

    def statistics(self, group: AgentGroup = SUPPORT) -> dict[str, int]:
        return self.store.queues.roster(self.domain, [], [group.number]).groups[0].statistics

    def waiting(self, group: AgentGroup = SUPPORT) -> list[DialogId]:
        """The callers in line, first to last."""
        name = f"{keys.tenant(self.domain)}{keys.SUFFIXES['waiting']}{group.number}"
        return [self.names[key.decode()] for key in cast(list[bytes], self.redis.zrange(name, 0, -1))]

    def overstay(self, dialog: DialogId, seconds: int = MAX_WAIT_S) -> None:
        """As if the caller had waited so long already."""
        self.set_routed_at(dialog, self.now_us() - seconds * 1_000_000 - 1)

    def run_out_claims(self) -> None:
        """As if the time of every claim were up."""
        claims = f"{keys.tenant(self.domain)}{keys.SUFFIXES['claims']}"
        for key in cast(list[bytes], self.redis.zrange(claims, 0, -1)):
            self.redis.zadd(claims, {key: 1})

    def expire(self, dialog: DialogId) -> None:
        """The call's record, and that of its dialog, expire unseen."""
        prefix = keys.tenant(self.domain)
        self.redis.delete(*(f"{prefix}{keys.SUFFIXES[name]}{dialog.key}" for name in ("call", "talk")))

    def remains(self) -> set[str]:
        """What lasts but for what stays, the mark of a call that was taken, and what the next look tidies up."""
        passing = ("agent:", "stats:", "taken:", keys.queues(""))
        return {name for name in self.lasting() if not name.startswith(passing)}
