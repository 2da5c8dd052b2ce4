"""What is looked at in the provisioning in force: whom permissions name, and who serves agent groups."""

from __future__ import annotations

from collections.abc import Iterator

from kemi.accounts.directory import Directory
from kemi.accounts.model import AgentGroup, Extension
from kemi.accounts.permission import matches
from kemi.cli.doctor.finding import Finding, note, ok
from kemi.store import Store

NAMED_MOST = 10
"""Findings of one kind; the others are counted."""


def look_at_accounts(store: Store, directory: Directory) -> Iterator[Finding]:
    """Raises StoreUnavailable."""
    domains = directory.domains()
    yield ok("provisioning", f"version {directory.version} is in force, {len(domains)} domains")
    yield from _few(look_at_permissions(directory), "permissions", "each of them names somebody")
    yield from _few(look_at_agents(store, directory), "agents", "each group has an agent who is logged in")


def look_at_permissions(directory: Directory) -> Iterator[Finding]:
    """Entries of the lists of accounts that cover no extension."""
    for domain in directory.domains():
        accounts = list(directory.accounts(domain))
        extensions = sorted(account.number for account in accounts if isinstance(account, Extension))
        covers: dict[str, bool] = {}
        for account in accounts:
            lists = account.permission.monitored_by | account.permission.monitored_without_pickup
            for entry in sorted(lists):
                if entry not in covers:
                    covers[entry] = any(matches(entry, number) for number in extensions)
                if not covers[entry]:
                    yield note(
                        "permissions",
                        f"{account.number}@{domain} names {entry}, and no extension is that",
                        "correct the entry in the document, or add the extension",
                    )
            if account.permission.monitored_by and not any(map(account.permission.may_pick_up, extensions)):
                yield note(
                    "permissions",
                    f"nobody may pick up from {account.number}@{domain}, though monitored_by is not empty",
                    "monitored_without_pickup wins: take out of it who is to pick up",
                )


def look_at_agents(store: Store, directory: Directory) -> Iterator[Finding]:
    """Groups whose callers nobody would be rung for."""
    for domain in directory.domains():
        groups: tuple[AgentGroup, ...] = directory.agent_groups(domain)
        if not groups:
            continue
        agents = sorted({agent for group in groups for agent in group.agents})
        roster = store.queues.roster(domain, agents, [group.number for group in groups])
        logged_in = {agent.number for agent in roster.agents if agent.logged_in}
        for group in groups:
            if not logged_in.intersection(group.agents):
                yield note(
                    "agents",
                    f"no agent of {group.number}@{domain} is logged in: its callers overflow, or hear 480",
                    f"star87 agents login {group.agents[0]} --domain {domain}, or *64 at a phone",
                )


def _few(findings: Iterator[Finding], check: str, well: str) -> Iterator[Finding]:
    found = list(findings)
    yield from found[:NAMED_MOST]
    if len(found) > NAMED_MOST:
        yield note(check, f"and {len(found) - NAMED_MOST} more like these", "mend these, and look again")
    if not found:
        yield ok(check, well)
