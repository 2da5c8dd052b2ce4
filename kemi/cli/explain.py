"""`star87 explain`: what `*87` would do for somebody now, call by call. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import typer

from kemi.accounts.directory import Directory
from kemi.accounts.model import AgentGroup, Extension, Kind, PickupMode
from kemi.cli.agent_state import Agent, agents_of_group
from kemi.cli.calls import caller_of, state_of
from kemi.cli.options import AsJson, Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.output import print_table, printable, seconds
from kemi.cli.provisioned import directory_in_force, one_domain
from kemi.cli.reach import reach_store
from kemi.cli.sentences import told
from kemi.dialogs.line import positions
from kemi.dialogs.record import CallRecord
from kemi.errors import NothingEligible, PickupRefused
from kemi.pickup import replaces
from kemi.pickup.attempt import Target
from kemi.pickup.claim import Claim
from kemi.pickup.policy import Candidate, candidates, scope_of
from kemi.pickup.pursuit import NO_CALL
from kemi.pickup.way import Way, choose
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode

COLUMNS = ("", "waits", "account", "caller", "state", "way", "verdict")


def explain(
    picker: Annotated[
        str, typer.Argument(metavar="PICKER", help="Who dials: an extension number.", show_default=False)
    ],
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="What follows the code.", show_default=False)] = "",
    domain: Annotated[
        str, typer.Option(metavar="NAME", help="The picker's domain, if there are several.", show_default=False)
    ] = "",
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    as_json: AsJson = False,
    as_table: Annotated[bool, typer.Option("--table", help="Print the calls as a table.")] = False,
) -> None:
    """Tell what `*87` (or `*87` and NUMBER) would do for PICKER now, and why each other call is passed over.

    When NUMBER is an agent group, its agents are told too (not whether their phones are registered).
    Whether the picker's own call is on hold depends on the phone and is not asked.
    Ends with 0 when a call would be picked up, with 1 when not.
    """
    store = reach_store(redis, node, run_dir)
    with directory_in_force(store) as directory:
        user, _, host = picker.partition("@")
        aor = Aor(user, one_domain(directory, domain or host))
        if not isinstance(directory.account(aor.domain, aor.number), Extension):
            raise CommandFailed(f"{aor} is no extension; only an extension may dial the pickup code", Exit.USAGE)
        survey = store.calls.survey(aor.domain, directory.permission_ids(aor.domain))
        verdict = judge(directory, aor, number, survey.calls, survey.now_us)
        account = directory.account(aor.domain, number)
        if isinstance(account, AgentGroup):
            agents = agents_of_group(store, directory, aor.domain, account.agents, survey.calls)
            verdict = replace(verdict, agents=agents)
        sentences = list(told(verdict, directory))
    if as_json:
        print(json.dumps(verdict.as_json(), indent=2))
    elif as_table:
        print_table(COLUMNS, verdict.rows())
        print(printable(verdict.summary()))
    else:
        print(printable("\n".join(sentences)))
        if verdict.agents:
            print(printable(verdict.agents_in_short()))
    if verdict.chosen is None:
        raise typer.Exit(Exit.NO)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a pickup would come to. `status`, `reason`, `warning`: the picker's answer when no call is chosen."""

    picker: Aor
    number: str
    now_us: int
    candidates: tuple[Candidate, ...]
    chosen: CallRecord | None
    status: int
    reason: str
    warning: str
    agents: tuple[Agent, ...] = ()
    """Of the agent group that was dialled; empty: it was something else."""
    ways: Mapping[str, Way] = field(default_factory=dict)
    """How each call would be picked up that can be, by its key; the node that the picker is at holds them all."""

    def as_json(self) -> dict[str, Any]:
        """The shape of `star87 explain --json`; times in ms."""
        position = self._positions()
        return {
            "picker": self.picker.number,
            "domain": self.picker.domain,
            "number": self.number,
            "status": self.status,
            "reason": self.reason,
            "warning": self.warning,
            "candidates": [
                {
                    **candidate.call.as_json(self.now_us),
                    "position": position.get(candidate.call.key),
                    "eligible": not candidate.obstacle,
                    "chosen": candidate.call is self.chosen,
                    "mode": self._way(candidate),
                    "obstacle": candidate.obstacle,
                }
                for candidate in self.candidates
            ],
            "agents": [agent.as_json() for agent in self.agents],
        }

    def rows(self) -> list[tuple[str, ...]]:
        """The calls as a person reads them, in the order of COLUMNS."""
        position = self._positions()
        return [
            (
                "→" if candidate.call is self.chosen else "",
                seconds(candidate.call.waited_ms(self.now_us)),
                f"{candidate.call.number} ({candidate.call.kind.value.replace('_', ' ')})",
                caller_of(candidate.call),
                _state_of(candidate.call, position.get(candidate.call.key)),
                self._way(candidate),
                candidate.obstacle or self._why_not_first(candidate.call),
            )
            for candidate in self.candidates
        ]

    def agents_in_short(self) -> str:
        """`Agents of 800: 104 idle for 35 s; 105 in a call`"""
        return f"Agents of {self.number}: " + "; ".join(f"{agent.number} {agent.words()}" for agent in self.agents)

    def summary(self) -> str:
        what = f"*87 with {self.number}" if self.number else "*87"
        if self.chosen is not None:
            return f"{what} connects {self.picker} with {caller_of(self.chosen)}"
        return f"{what} by {self.picker} gets {self.status} {self.reason}: {self.warning}"

    def _way(self, candidate: Candidate) -> str:
        """'' of a call that would not be picked up."""
        return "" if candidate.obstacle else self.ways.get(candidate.call.key, "")

    def _positions(self) -> dict[str, int]:
        return positions(candidate.call for candidate in self.candidates)

    def _why_not_first(self, call: CallRecord) -> str:
        """What is said of a call without an obstacle: the rule by which another goes first."""
        chosen = self.chosen
        if call is chosen:
            return "picked up"
        if chosen is None:
            return "next in line"
        if chosen.kind is not call.kind:
            return f"next in line: calls to {_plural(chosen.kind)} go first"
        if call.waiting and not chosen.waiting:
            return "next in line: calls that ring agents go first"
        return "next in line: it came later"


def _state_of(call: CallRecord, position: int | None) -> str:
    state = state_of(call, position)
    return f"rings {', '.join(call.ringing)}" if state == "rings" else state


def _plural(kind: Kind) -> str:
    return f"{kind.value.replace('_', ' ')}s"


def judge(directory: Directory, picker: Aor, number: str, calls: Iterable[CallRecord], now_us: int) -> Verdict:
    """What a pickup by an extension would come to, with these calls ringing at now_us (µs since 1970)."""
    settings = directory.settings(picker.domain)
    mode = settings.pickup_mode if settings else PickupMode.AUTO
    widened = settings is not None and settings.directed_includes_group_calls
    found, ways = [], {}
    for candidate in candidates(calls, directory, picker, number, includes_group_calls=widened):
        way, obstacle = _way_of(candidate.call, mode)
        found.append(Candidate(candidate.call, candidate.obstacle or obstacle))
        if way is not None:
            ways[candidate.call.key] = way
    try:
        scope_of(directory, picker, PickupCode(number))
        chosen = next((candidate.call for candidate in found if not candidate.obstacle), None)
        if chosen is None:
            raise NothingEligible(_nearest_obstacle(found, picker, number) or NO_CALL)
    except PickupRefused as refusal:
        return Verdict(picker, number, now_us, tuple(found), None, refusal.status, refusal.reason, refusal.warning)
    return Verdict(picker, number, now_us, tuple(found), chosen, 200, "OK", "", ways=ways)


def _way_of(call: CallRecord, mode: PickupMode) -> tuple[Way | None, str]:
    """How a call would be picked up, or None and what stands in the way. What is remembered of devices is not asked."""
    if call.waiting and not call.early_tags:
        return None, "its caller has not heard yet that the call waits"
    target = Target.of(Claim("", call), "")
    against_reroute = "" if call.transaction else "its node did not say where its transaction is"
    return choose(mode, target.verdict, against_replaces=replaces.obstacle(target), against_reroute=against_reroute)


def _nearest_obstacle(found: Iterable[Candidate], picker: Aor, number: str) -> str:
    """What the picker is told: why a call could not be had that the picker was after."""
    for candidate in found:
        call = candidate.call
        if call.number == (number or call.number) and call.caller.number != picker.number:
            return candidate.obstacle
    return ""
