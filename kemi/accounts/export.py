"""A provisioning as the document that an operator could have written: the inverse of `document.parse`."""

from __future__ import annotations

from typing import Any

from kemi.accounts.model import Account, AgentGroup, Domain, Extension, Forward, HuntGroup, Kind, Provisioning, Trunk
from kemi.accounts.wire import settings_body

ROOMS = {Kind.EXTENSION: "extensions", Kind.HUNT_GROUP: "hunt_groups", Kind.AGENT_GROUP: "agent_groups"}


def document_of(provisioning: Provisioning) -> dict[str, Any]:
    """Plain values, of which `parse` makes the same provisioning again; HA1s stand in the place of passwords."""
    return {
        "version": 1,
        "domains": [_domain(domain) for domain in provisioning.domains],
        "trunks": [_trunk(trunk) for trunk in provisioning.trunks],
    }


def _domain(domain: Domain) -> dict[str, Any]:
    body: dict[str, Any] = {"name": domain.name, "settings": settings_body(domain.settings)}
    for kind, room in ROOMS.items():
        body[room] = [_account(account) for account in domain.accounts if account.kind is kind]
    return body


def _account(account: Account) -> dict[str, Any]:
    body = {
        "number": account.number,
        "name": account.name or None,
        "monitored_by": sorted(account.permission.monitored_by),
        "monitored_without_pickup": sorted(account.permission.monitored_without_pickup),
        **_kind_of(account),
    }
    # An entry that is not set is not there.
    return {key: value for key, value in body.items() if value is not None}


def _kind_of(account: Account) -> dict[str, Any]:
    if isinstance(account, Extension):
        busy = {"to": account.busy.to} if account.busy else None
        return {"ha1": account.ha1, "no_answer": _no_answer(account.no_answer), "busy": busy}
    if isinstance(account, HuntGroup):
        return {
            "stages": [_stage(s.members, s.ring_s) for s in account.stages],
            "no_answer": _no_answer(account.no_answer),
        }
    assert isinstance(account, AgentGroup)
    return {
        "agents": list(account.agents),
        "strategy": account.strategy,
        "ring_s": account.ring_s,
        "wrap_up_s": account.wrap_up_s,
        "max_wait_s": account.max_wait_s,
        "max_waiting": account.max_waiting,
        "overflow": account.overflow or None,
    }


def _stage(members: tuple[str, ...], ring_s: int) -> dict[str, Any]:
    return {"members": list(members), **({"ring_s": ring_s} if ring_s else {})}


def _no_answer(forward: Forward | None) -> dict[str, Any] | None:
    return {"after_s": forward.after_s, "to": forward.to} if forward else None


def _trunk(trunk: Trunk) -> dict[str, Any]:
    return {
        "name": trunk.name,
        "sources": list(trunk.sources),
        "destinations": list(trunk.destinations),
        "dids": dict(trunk.dids),
        "outbound_prefixes": list(trunk.outbound_prefixes),
    }
