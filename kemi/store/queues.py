"""Operations on the queues of agent groups. Each is one Lua file."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from kemi.dialogs.own_calls import Standing
from kemi.errors import StoreUnavailable
from kemi.pickup.devices import name_of
from kemi.queueing.queue import Duty, Entry, Expired, Joined, Line, Missed, Offer
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import keys
from kemi.store.answers import texts
from kemi.store.commands import Commands

AT_ONCE = 200
"""Calls that one question names at most."""
UNREACHABLE = "-"
"""In the place of an agent who cannot be rung."""


@dataclass(frozen=True, slots=True)
class AgentState:
    """An agent as the store knows him; times in µs since 1970 by the store's clock, 0: never."""

    number: str
    logged_in: bool
    in_calls: int
    missed: int
    """Offers in a row that he did not take."""
    idle_since_us: int
    wrap_until_us: int


@dataclass(frozen=True, slots=True)
class GroupState:
    """How many callers of an agent group wait, and what became of those before: statistic → number."""

    number: str
    waiting: int
    statistics: dict[str, int]


@dataclass(frozen=True, slots=True)
class Roster:
    now_us: int
    agents: tuple[AgentState, ...]
    groups: tuple[GroupState, ...]


class Queues:
    """Implements kemi.queueing.queue.QueueStore for one node."""

    def __init__(self, connection: Commands, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings

    def join(self, entry: Entry) -> Joined:
        """A call wants to wait; nobody is offered it, or picks it up, before `ready`."""
        # Looked at first, joined then: no call waits where nobody looks.
        self._redis.call("SADD", keys.queues(self._settings.instance), entry.domain)
        agents = " ".join(entry.group.agents)
        answer = self._stand("join", entry, entry.group.max_waiting, agents)
        if answer is Joined.WAITS:
            # In between the node may have found that it holds nobody, and ceased to look.
            with contextlib.suppress(StoreUnavailable):
                self._redis.call("SADD", keys.queues(self._settings.instance), entry.domain)
        return answer

    def ready(self, domain: str, dialog: DialogId, tag: str) -> None:
        """The caller is suspended: pickers may have him. Posted.

        tag: To tag of his 182, with which agents may be offered him; '' when that follows.
        """
        self._redis.post("ready", keys.tenant(domain), dialog.key, tag)

    def standings(self, domain: str, calls: Sequence[str]) -> tuple[int, list[Standing]]:
        """The store's time (µs since 1970) when it was asked, and where each of these calls (keys) stands."""
        now_us, found = 0, list[Standing]()
        for start in range(0, len(calls), AT_ONCE):
            some = calls[start : start + AT_ONCE]
            told_us, *standings = map(int, self._redis.fcall("standings", keys.tenant(domain), *some))
            now_us = now_us or told_us
            found += map(Standing, standings)
        return now_us, found

    def stand_again(self, entry: Entry, at_us: int, tag: str) -> None:
        """A call that waits is back in line, where one stands who came at that time; nothing, if it is there or over.

        tag: To tag of its 182.
        """
        self._redis.call("SADD", keys.queues(self._settings.instance), entry.domain)
        self._stand("stand_again", entry, at_us, tag)

    def domains(self) -> tuple[str, ...]:
        """The tenants in which this node holds queued calls."""
        answer = self._redis.call("SMEMBERS", keys.queues(self._settings.instance))
        return tuple(sorted(word.decode() for word in answer))

    def dispatch(self, domain: str, lines: Sequence[Line]) -> tuple[Offer | Expired, ...]:
        """Pair callers with idle agents and tell what else is due. A tenant without queued calls is dropped."""
        words: list[str | int] = []
        for line in lines:
            group = line.group
            # Everyone keeps his position, which a strategy may go by, when another cannot be rung.
            agents = " ".join(agent if agent in line.agents else UNREACHABLE + agent for agent in group.agents)
            words += [group.number, group.strategy, group.max_wait_s * 1000, agents]
        answer = self._redis.decide(
            "dispatch",
            keys.tenant(domain),
            self._settings.instance,
            self._settings.queue_sign_ms,
            *words,
        )
        if not int(answer[0]):
            self._look_no_more(domain)
        return tuple(_action(words) for words in answer[1:])

    def missed(self, domain: str, dialog: DialogId, *, in_vain: bool, pause_s: int) -> tuple[Missed, tuple[str, ...]]:
        """The offered agents did not take the caller: what becomes of him, and who was logged out for it.

        pause_s: how long those agents are offered nobody.
        """
        answer = self._redis.fcall(
            "missed", keys.tenant(domain), dialog.key, "1" if in_vain else "", self._settings.max_missed, pause_s * 1000
        )
        return Missed(int(answer[0])), tuple(word.decode() for word in answer[1:])

    def set_duty(self, domain: str, agent: str, duty: Duty) -> bool:
        """Log an agent in or out; False when he was so already."""
        return bool(self._redis.fcall("duty", keys.tenant(domain), agent, "1" if duty is Duty.IN else "0"))

    def lost(self, domain: str, key: str) -> None:
        """A queued call is over though nobody saw it end. Posted."""
        self._redis.post("ended", keys.tenant(domain), key, "lost")

    def release(self, domain: str, key: str, token: str) -> None:
        """A picker who had claimed a waiting call did not take it: it is back at its place. Posted."""
        self._redis.post("release", keys.tenant(domain), key, token)

    def overflowed(self, domain: str, key: str) -> None:
        """A queued call leaves the queue for another target. Posted."""
        self._redis.post("ended", keys.tenant(domain), key, "overflowed")

    def roster(self, domain: str, agents: Sequence[str], groups: Sequence[str]) -> Roster:
        """The state of agents and of agent groups."""
        answer = self._redis.fcall("roster", keys.tenant(domain), len(agents), *agents, *groups)
        found = [
            _agent(number, state, busy)
            for number, state, busy in zip(agents, answer[1][::2], answer[1][1::2], strict=True)
        ]
        lines = [
            GroupState(number, int(waiting), {k: v for k, v in _numbers(statistics).items() if k != "turn"})
            for number, waiting, statistics in zip(groups, answer[2][::2], answer[2][1::2], strict=True)
        ]
        return Roster(int(answer[0]), tuple(found), tuple(lines))

    def _stand(self, operation: str, entry: Entry, *more: str | int) -> Joined:
        """One of the operations that put a call into a queue (lua/_queue.lua)."""
        answer = self._redis.decide(
            operation,
            keys.tenant(entry.domain),
            entry.caller.dialog.key,
            entry.ttl_ms,
            entry.group.number,
            entry.group.permission.id,
            entry.caller.number,
            entry.caller.pack(),
            self._settings.instance,
            entry.transaction,
            " ".join(entry.caller_agents),
            "1" if entry.by_member else "",
            name_of(entry.caller.contact, entry.caller.user_agent),
            *more,
        )
        joined = Joined(int(answer))
        if joined is Joined.TOO_LATE:
            raise StoreUnavailable("the state store was too slow")
        return joined

    def _look_no_more(self, domain: str) -> None:
        name = keys.queues(self._settings.instance)
        self._redis.call("SREM", name, domain)
        # A call may have joined in between: it must not be forgotten.
        if self._redis.call("ZCARD", keys.due(domain, self._settings.instance)):
            self._redis.call("SADD", name, domain)


def _action(words: list[bytes]) -> Offer | Expired:
    kind, *rest = texts(words)
    if kind == "offer":
        return Offer(rest[0], rest[1], tuple(rest[2].split()))
    return Expired(rest[0], rest[1])


def _numbers(flat: list[bytes]) -> dict[str, int]:
    return {name.decode(): int(float(value)) for name, value in zip(flat[::2], flat[1::2], strict=True)}


def _agent(number: str, flat: list[bytes], busy: list[bytes]) -> AgentState:
    state = _numbers(flat)
    return AgentState(
        number,
        "out" not in state,
        len(busy),
        state.get("missed", 0),
        state.get("idle_since", 0),
        state.get("wrap_until", 0),
    )
