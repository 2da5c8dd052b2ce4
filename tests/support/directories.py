"""Directories as workers read them, for tests: a real snapshot of a few accounts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.model import (
    Account,
    AgentGroup,
    Domain,
    DomainSettings,
    Extension,
    Forward,
    HuntGroup,
    Provisioning,
    Stage,
    Trunk,
)
from kemi.accounts.permission import Permission
from tests.support.fake_sip import DOMAIN


def directory_of(
    folder: Path, *accounts: Account, settings: DomainSettings | None = None, trunks: tuple[Trunk, ...] = ()
) -> Directory:
    """A directory of one domain with these accounts, and of these trunks."""
    path = folder / "directory.sqlite"
    snapshot.write(Provisioning((Domain(DOMAIN, settings or DomainSettings(), accounts),), trunks), 1, str(path))
    return Directory(str(path))


def extension(
    number: str,
    name: str = "",
    *,
    monitored_by: tuple[str, ...] = (),
    seen_by: tuple[str, ...] = (),
    no_answer: Forward | None = None,
    busy: Forward | None = None,
) -> Extension:
    """An extension whose password is `change-me`."""
    ha1 = hashlib.md5(f"{number}:{DOMAIN}:change-me".encode()).hexdigest()
    return Extension(number, name, ha1, permission(monitored_by, seen_by), no_answer, busy)


def hunt_group(
    number: str,
    *stages: Stage,
    name: str = "Sales",
    monitored_by: tuple[str, ...] = (),
    no_answer: Forward | None = None,
) -> HuntGroup:
    return HuntGroup(number, name, stages, permission(monitored_by), no_answer)


def agent_group(number: str, *agents: str, monitored_by: tuple[str, ...] = (), overflow: str = "") -> AgentGroup:
    """Rings each agent for 15 s, who then has 5 s of wrap-up."""
    return AgentGroup(number, "Support", agents, permission=permission(monitored_by), overflow=overflow)


def permission(monitored_by: tuple[str, ...], seen_by: tuple[str, ...] = ()) -> Permission:
    return Permission(frozenset(monitored_by), frozenset(seen_by))
