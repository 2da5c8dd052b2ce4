"""A provisioning document as it travels through the state store: JSON, with each permission written once."""

from __future__ import annotations

import json
from typing import Any

from kemi.accounts.model import (
    Account,
    AgentGroup,
    Domain,
    DomainSettings,
    Extension,
    Forward,
    HuntGroup,
    Kind,
    PickupMode,
    Provisioning,
    Stage,
    Trunk,
)
from kemi.accounts.permission import Permission

FORMAT = 1
"""Changes whenever a node of an older release could not read what is written here."""


def encode(provisioning: Provisioning) -> str:
    """ASCII JSON; equal documents give equal text."""
    permissions: dict[Permission, int] = {}
    domains = [
        {
            "name": domain.name,
            "settings": settings_body(domain.settings),
            "accounts": [
                [permissions.setdefault(account.permission, len(permissions)), account_body(account)]
                for account in domain.accounts
            ],
        }
        for domain in provisioning.domains
    ]
    whole = {
        "format": FORMAT,
        "domains": domains,
        "permissions": [permission_body(permission) for permission in permissions],
        "trunks": [trunk_body(trunk) for trunk in provisioning.trunks],
    }
    return json.dumps(whole, separators=(",", ":"))


def decode(text: str) -> Provisioning:
    """What encode() was given. Raises ValueError for any other text, and for another release's format."""
    whole = json.loads(text)
    try:
        if whole["format"] != FORMAT:
            raise ValueError(f"provisioning has format {whole['format']}, this release reads {FORMAT}")
        permissions = [permission_of(body) for body in whole["permissions"]]
        return Provisioning(
            tuple(
                Domain(
                    domain["name"],
                    settings_of(domain["settings"]),
                    tuple(account_of(body, permissions[i]) for i, body in domain["accounts"]),
                )
                for domain in whole["domains"]
            ),
            tuple(trunk_of(body) for body in whole["trunks"]),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no encoded provisioning: {error!r}") from error


def settings_body(settings: DomainSettings) -> dict[str, Any]:
    return {
        "pickup_code": settings.pickup_code,
        "pickup_mode": settings.pickup_mode.value,
        "require_hold": settings.require_hold,
        "completed_elsewhere": settings.completed_elsewhere,
        "directed_includes_group_calls": settings.directed_includes_group_calls,
        "hide_accounts": settings.hide_accounts,
        "agent_login_code": settings.agent_login_code,
        "agent_logout_code": settings.agent_logout_code,
    }


def settings_of(body: dict[str, Any]) -> DomainSettings:
    return DomainSettings(**{**body, "pickup_mode": PickupMode(body["pickup_mode"])})


def permission_body(permission: Permission) -> list[list[str]]:
    return [sorted(permission.monitored_by), sorted(permission.monitored_without_pickup)]


def permission_of(body: list[list[str]]) -> Permission:
    monitored_by, monitored_without_pickup = body
    return Permission(frozenset(monitored_by), frozenset(monitored_without_pickup))


def account_body(account: Account) -> dict[str, Any]:
    """Everything of an account but its permission; account_of() is its inverse."""
    body: dict[str, Any] = {"kind": account.kind.value, "number": account.number, "name": account.name}
    if isinstance(account, Extension):
        return body | {
            "ha1": account.ha1,
            "no_answer": _forward_body(account.no_answer),
            "busy": _forward_body(account.busy),
        }
    if isinstance(account, HuntGroup):
        return body | {
            "stages": [[stage.members, stage.ring_s] for stage in account.stages],
            "no_answer": _forward_body(account.no_answer),
        }
    return body | {
        "agents": account.agents,
        "strategy": account.strategy,
        "ring_s": account.ring_s,
        "wrap_up_s": account.wrap_up_s,
        "max_wait_s": account.max_wait_s,
        "max_waiting": account.max_waiting,
        "overflow": account.overflow,
    }


def account_of(body: dict[str, Any], permission: Permission) -> Account:
    kind = body["kind"]
    if kind == Kind.EXTENSION:
        return Extension(
            body["number"],
            body["name"],
            body["ha1"],
            permission,
            _forward_of(body["no_answer"]),
            _forward_of(body["busy"]),
        )
    if kind == Kind.HUNT_GROUP:
        stages = tuple(Stage(tuple(members), ring_s) for members, ring_s in body["stages"])
        return HuntGroup(body["number"], body["name"], stages, permission, _forward_of(body["no_answer"]))
    if kind == Kind.AGENT_GROUP:
        return AgentGroup(
            number=body["number"],
            name=body["name"],
            agents=tuple(body["agents"]),
            strategy=body["strategy"],
            ring_s=body["ring_s"],
            wrap_up_s=body["wrap_up_s"],
            max_wait_s=body["max_wait_s"],
            max_waiting=body["max_waiting"],
            overflow=body["overflow"],
            permission=permission,
        )
    raise ValueError(f"no kind of account: {kind!r}")


def trunk_body(trunk: Trunk) -> dict[str, Any]:
    return {
        "name": trunk.name,
        "sources": trunk.sources,
        "destinations": trunk.destinations,
        "dids": trunk.dids,
        "outbound_prefixes": trunk.outbound_prefixes,
    }


def trunk_of(body: dict[str, Any]) -> Trunk:
    return Trunk(
        name=body["name"],
        sources=tuple(body["sources"]),
        destinations=tuple(body["destinations"]),
        dids=tuple((did, account) for did, account in body["dids"]),
        outbound_prefixes=tuple(body["outbound_prefixes"]),
    )


def _forward_body(forward: Forward | None) -> list[Any] | None:
    return [forward.to, forward.after_s] if forward else None


def _forward_of(body: list[Any] | None) -> Forward | None:
    if body is None:
        return None
    to, after_s = body
    return Forward(to, after_s)
