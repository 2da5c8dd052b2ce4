"""What an agent is doing, from what the state store knows of him."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kemi.accounts.directory import Directory
from kemi.dialogs.record import CallRecord
from kemi.store import Store
from kemi.store.queues import AgentState, Roster


class Doing(StrEnum):
    """`state` in JSON. Only an idle agent is offered callers, and only while his phone is registered."""

    IDLE = "idle"
    RINGING = "ringing"
    IN_CALL = "in_call"
    WRAPPING_UP = "wrapping_up"
    LOGGED_OUT = "logged_out"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent at one moment of the store's clock (now_us: µs since 1970)."""

    known: AgentState
    name: str
    rung: bool
    """Some call rings him now."""
    now_us: int

    @property
    def number(self) -> str:
        return self.known.number

    @property
    def doing(self) -> Doing:
        if not self.known.logged_in:
            return Doing.LOGGED_OUT
        if self.known.in_calls:
            return Doing.RINGING if self.rung else Doing.IN_CALL
        return Doing.WRAPPING_UP if self.known.wrap_until_us > self.now_us else Doing.IDLE

    def words(self) -> str:
        """`idle for 35 s, missed 2 in a row`"""
        known = self.known
        parts = [self._doing_in_words()]
        if not known.logged_in and known.in_calls:
            parts.append("his phone rings" if self.rung else "in a call")
        if known.missed:
            parts.append(f"missed {known.missed} in a row")
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """idle_ms: since his last call ended; null unless he is idle and had one. wrap_up_left_ms: 0 when past."""
        known, doing = self.known, self.doing
        idle = doing is Doing.IDLE and known.idle_since_us
        return {
            "agent": known.number,
            "name": self.name,
            "state": doing.value,
            "in_calls": known.in_calls,
            "missed": known.missed,
            "idle_ms": max(0, self.now_us - known.idle_since_us) // 1000 if idle else None,
            "wrap_up_left_ms": max(0, known.wrap_until_us - self.now_us) // 1000,
        }

    def _doing_in_words(self) -> str:
        known, doing = self.known, self.doing
        if doing is Doing.WRAPPING_UP:
            # Rounded up: the last second of it is not `0 s left`.
            left_s = -((self.now_us - known.wrap_until_us) // 1_000_000)
            # An agent who missed an offer is left in peace for as long as a wrap-up takes.
            return f"{'pausing' if known.missed else 'wrapping up'} ({left_s} s left)"
        if doing is Doing.IDLE and known.idle_since_us:
            return f"idle for {_span((self.now_us - known.idle_since_us) // 1_000_000)}"
        return {Doing.IN_CALL: "in a call"}.get(doing, doing.value.replace("_", " "))


def agents_of(directory: Directory, domain: str, roster: Roster, rung: Collection[str]) -> dict[str, Agent]:
    """The agents of a roster by number. rung: extensions that some call rings."""
    found = {}
    for known in roster.agents:
        account = directory.account(domain, known.number)
        found[known.number] = Agent(known, account.name if account else "", known.number in rung, roster.now_us)
    return found


def rung_by(calls: Iterable[CallRecord]) -> frozenset[str]:
    """The extensions that these calls ring."""
    return frozenset(number for call in calls for number in call.ringing)


def agents_of_group(
    store: Store, directory: Directory, domain: str, numbers: tuple[str, ...], calls: Iterable[CallRecord]
) -> tuple[Agent, ...]:
    """The agents of one group, in its order; calls: those that ring in the domain. Raises StoreUnavailable."""
    roster = store.queues.roster(domain, numbers, ())
    return tuple(agents_of(directory, domain, roster, rung_by(calls)).values())


def _span(seconds: int) -> str:
    """`35 s`, `12 min`, `3 h 5 min`"""
    seconds = max(0, seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
