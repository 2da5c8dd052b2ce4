"""`star87 agents`: who takes the calls of the agent groups, and logging agents in and out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from kemi.accounts.directory import Directory
from kemi.accounts.model import AgentGroup
from kemi.cli.agent_state import Agent, agents_of, rung_by
from kemi.cli.options import AsJson, Domain, Node, Redis, RunDir
from kemi.cli.outcome import EPILOG, CommandFailed, Exit
from kemi.cli.output import print_table, printable
from kemi.cli.provisioned import chosen_domains, directory_in_force, one_domain
from kemi.cli.reach import reach_store
from kemi.queueing.duty import set_duty
from kemi.queueing.queue import Duty
from kemi.sip.aor import Aor
from kemi.store import Store
from kemi.store.queues import GroupState

COLUMNS = ("agent", "name", "state")
STATISTICS = ("answered", "picked_up", "abandoned", "overflowed", "lost")

agents = typer.Typer(
    help="Show the agents of the agent groups and their queues; log agents in and out.",
    epilog=EPILOG,
    rich_markup_mode="markdown",
)
Numbers = Annotated[
    list[str],
    typer.Argument(metavar="NUMBER", help="Agents, by extension number; several at once.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class GroupView:
    """An agent group at one moment: its queue, and its agents in its order."""

    domain: str
    group: AgentGroup
    waiting: int
    statistics: Mapping[str, int]
    agents: tuple[Agent, ...]

    @classmethod
    def of(cls, domain: str, group: AgentGroup, state: GroupState, known: Mapping[str, Agent]) -> GroupView:
        counted = {name: state.statistics.get(name, 0) for name in STATISTICS}
        return cls(domain, group, state.waiting, counted, tuple(known[number] for number in group.agents))

    def as_json(self) -> dict[str, Any]:
        """The shape of `star87 agents list --json`; times in ms."""
        return {
            "domain": self.domain,
            "group": self.group.number,
            "name": self.group.name,
            "strategy": self.group.strategy,
            "waiting": self.waiting,
            "statistics": dict(self.statistics),
            "agents": [agent.as_json() for agent in self.agents],
        }

    def heading(self) -> str:
        name = f" {self.group.name}" if self.group.name != self.group.number else ""
        counted = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in self.statistics.items())
        return f"{self.group.number}@{self.domain}{name}: {self.waiting} waiting; so far {counted}"

    def rows(self) -> list[tuple[str, ...]]:
        """The agents as a person reads them, in the order of COLUMNS."""
        return [(agent.number, agent.name, agent.words()) for agent in self.agents]


@agents.command("list", epilog=EPILOG)
def list_agents(
    domain: Annotated[str, typer.Option(metavar="NAME", help="Only this domain.", show_default=False)] = "",
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    as_json: AsJson = False,
) -> None:
    """Show each agent group: who waits, what became of its callers so far, and what its agents are doing.

    Whether an agent's phone is registered only Kamailio knows, and it is not shown: an idle agent whose
    phone is not registered is offered nobody.
    """
    store = reach_store(redis, node, run_dir)
    with directory_in_force(store) as directory:
        views = list(_views(store, directory, domain))
    if as_json:
        print(json.dumps([view.as_json() for view in views], indent=2))
    elif not views:
        print("no agent group is provisioned")
    else:
        for position, view in enumerate(views):
            print(printable(("\n" if position else "") + view.heading()))
            print_table(COLUMNS, view.rows())


def _views(store: Store, directory: Directory, domain: str) -> Iterator[GroupView]:
    for name in chosen_domains(directory, domain):
        groups = directory.agent_groups(name)
        if not groups:
            continue
        ringing = rung_by(store.calls.survey(name, directory.permission_ids(name)).calls)
        roster = store.queues.roster(name, sorted(directory.agents(name)), [group.number for group in groups])
        known = agents_of(directory, name, roster, ringing)
        for group, state in zip(groups, roster.groups, strict=True):
            yield GroupView.of(name, group, state, known)


@agents.command("login", epilog=EPILOG)
def login(
    numbers: Numbers,
    domain: Domain = "",
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    as_json: AsJson = False,
) -> None:
    """Log agents in: they are offered callers of all their groups again, and what they missed is forgotten."""
    _change(numbers, Duty.IN, domain, reach_store(redis, node, run_dir), as_json)


@agents.command("logout", epilog=EPILOG)
def logout(
    numbers: Numbers,
    domain: Domain = "",
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    as_json: AsJson = False,
) -> None:
    """Log agents out: they are offered no caller of any group any more; a call that they have goes on."""
    _change(numbers, Duty.OUT, domain, reach_store(redis, node, run_dir), as_json)


def _change(numbers: Sequence[str], duty: Duty, domain: str, store: Store, as_json: bool) -> None:
    with directory_in_force(store) as directory:
        chosen = chosen_agents(directory, numbers, domain)
    changes = [(agent, set_duty(store.queues, store.events, agent.domain, agent.number, duty)) for agent in chosen]
    store.settle()
    if as_json:
        answer = [
            {"domain": agent.domain, "agent": agent.number, "logged_in": duty is Duty.IN, "changed": changed}
            for agent, changed in changes
        ]
        print(json.dumps(answer, indent=2))
        return
    for agent, changed in changes:
        print(f"{agent} {'is' if changed else 'was'} logged {duty.value}{'' if changed else ' already'}")


def chosen_agents(directory: Directory, numbers: Sequence[str], domain: str) -> list[Aor]:
    """The agents that were named (`104` or `104@domain`), each once.

    Raises CommandFailed (2) that names every one that is no agent of any group, or for a domain that is not served.
    """
    named = [number.partition("@") for number in numbers]
    chosen = list(dict.fromkeys(Aor(user, one_domain(directory, domain or host)) for user, _, host in named))
    unknown = [str(aor) for aor in chosen if aor.number not in directory.agents(aor.domain)]
    if unknown:
        verb = "is no agent" if len(unknown) == 1 else "are no agents"
        raise CommandFailed(
            f"{', '.join(unknown)} {verb} of any agent group, nobody was changed; star87 agents list shows who is, "
            "and the document's agent_groups (agents: […]) say so",
            Exit.USAGE,
        )
    return chosen
