"""Accounts as the proxy knows them: immutable, and already valid (document.py saw to that)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kemi.accounts.permission import Permission


class Kind(StrEnum):
    """What an account is. The order is the order of a general pickup."""

    HUNT_GROUP = "hunt_group"
    EXTENSION = "extension"
    AGENT_GROUP = "agent_group"


class PickupMode(StrEnum):
    """How a pickup is carried out. AUTO: by Replaces where the caller's device does that, else by reroute."""

    AUTO = "auto"
    REPLACES = "replaces"
    REROUTE = "reroute"


@dataclass(frozen=True, slots=True)
class DomainSettings:
    """What a tenant may set; the defaults are the product's."""

    pickup_code: str = "*87"
    pickup_mode: PickupMode = PickupMode.AUTO
    require_hold: bool = True
    completed_elsewhere: bool = True
    directed_includes_group_calls: bool = False
    hide_accounts: bool = False
    agent_login_code: str = "*64"
    agent_logout_code: str = "*65"


@dataclass(frozen=True, slots=True)
class Forward:
    """Where a call goes that is not answered (after_s seconds after it was routed here) or finds busy."""

    to: str
    """A SIP URI."""
    after_s: int = 0


@dataclass(frozen=True, slots=True)
class Extension:
    number: str
    name: str
    ha1: str
    """MD5 of number:domain:password in lower-case hex (RFC 2617 §3.2.2.2)."""
    permission: Permission = Permission()
    no_answer: Forward | None = None
    busy: Forward | None = None
    kind: Kind = field(default=Kind.EXTENSION, init=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """Members that ring at once, for ring_s seconds; 0: as long as the group or timer C allows."""

    members: tuple[str, ...]
    ring_s: int = 0


@dataclass(frozen=True, slots=True)
class HuntGroup:
    number: str
    name: str
    stages: tuple[Stage, ...]
    permission: Permission = Permission()
    no_answer: Forward | None = None
    kind: Kind = field(default=Kind.HUNT_GROUP, init=False)


@dataclass(frozen=True, slots=True)
class AgentGroup:
    number: str
    name: str
    agents: tuple[str, ...]
    strategy: str = "longest_idle"
    ring_s: int = 15
    wrap_up_s: int = 5
    max_wait_s: int = 600
    max_waiting: int = 50
    overflow: str = ""
    permission: Permission = Permission()
    kind: Kind = field(default=Kind.AGENT_GROUP, init=False)


Account = Extension | HuntGroup | AgentGroup


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    settings: DomainSettings
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Trunk:
    name: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    dids: tuple[tuple[str, str], ...]
    """Pairs of dialled number and account (number@domain)."""
    outbound_prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Provisioning:
    """One whole document."""

    domains: tuple[Domain, ...]
    trunks: tuple[Trunk, ...] = ()
