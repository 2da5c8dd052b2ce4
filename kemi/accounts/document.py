"""The provisioning document: YAML that an operator writes, taken as a whole or refused as a whole.

`parse` goes three times over a document and gathers every fault: yaml_source reads the text, shape the
keys and values of each entry, references checks what entries must agree on. Passwords become HA1 here and go
no further.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kemi.accounts import model, references, shape, yaml_source
from kemi.accounts.faults import DocumentInvalid, Fault, path_of, shown
from kemi.accounts.permission import Permission

__all__ = ["DocumentInvalid", "Fault", "parse"]


def parse(text: str) -> model.Provisioning:
    """Read a provisioning document and validate all of it.

    Domain names and HA1s come back in lower case, a password as its HA1, `members` as one Stage.
    Raises DocumentInvalid with every fault; a syntax error hides the faults behind it.
    """
    # The values of 100,000 accounts make the collector walk all of them again and again, for no garbage.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _parse(text)
    finally:
        if collecting:
            gc.enable()


def _parse(text: str) -> model.Provisioning:
    source = yaml_source.read(text)
    if not source.complete:
        raise DocumentInvalid(source.faults)
    if not isinstance(source.value, dict):
        fault = Fault("document", 'must be a mapping; begin with "version: 1" and "domains:"')
        raise DocumentInvalid([*source.faults, fault])
    faults = [*source.faults, *references.faults_of(source.value, source.spelling)]
    document = None
    try:
        document = shape.Document.model_validate(source.value)
    except ValidationError as invalid:
        faults += [_fault(error, source.spelling) for error in invalid.errors(include_url=False)]
    if document is None or faults:
        raise DocumentInvalid(faults)
    return _provisioning(document)


def _fault(error: ErrorDetails, spelling: Mapping[str, str]) -> Fault:
    steps = error["loc"]
    if steps[-1] == "[key]":
        steps = steps[:-1]
    value = error["input"]
    match error["type"]:
        case "missing":
            message = "is missing; give it"
        case "extra_forbidden":
            known = ", ".join(shape.keys_at(steps[:-1]))
            message = f"is no key of this place; correct or remove it (known: {known})"
        case "string_type" if isinstance(value, int | float) and not isinstance(value, bool):
            written = shown(spelling.get(path_of(steps), str(value)))
            message = f"quote it: write {written}; YAML drops the leading zeros of a bare number"
        case "literal_error" | "enum":
            message = f"must be {error['ctx']['expected'].replace(chr(39), '')}; correct it"
        case "string_too_short":
            message = "is empty; write something between the quotes"
        case other:
            message = _TYPES.get(other, error["msg"])
    return Fault(path_of(steps), message)


_TYPES = {
    "string_type": "must be text; write it in quotes",
    "int_type": "must be a whole number; write digits without quotes",
    "int_from_float": "must be a whole number; write it without a fraction",
    "bool_type": "must be true or false; write it without quotes",
    "list_type": "must be a list; write it as [...], [] for none",
    "dict_type": "must be a mapping; write it as {key: value, ...}, {} for none",
    "model_type": "must be a mapping; write it as {key: value, ...}",
}


def _provisioning(document: shape.Document) -> model.Provisioning:
    permissions: dict[Permission, Permission] = {}

    def permission(account: shape.Account) -> Permission:
        lists = Permission(frozenset(account.monitored_by), frozenset(account.monitored_without_pickup))
        return permissions.setdefault(lists, lists)

    domains = []
    for entry in document.domains:
        name = entry.name.lower()
        accounts: list[model.Account] = [
            model.Extension(
                e.number,
                e.name or e.number,
                _ha1(e, name),
                permission(e),
                _no_answer(e.no_answer),
                _busy(e.busy),
            )
            for e in entry.extensions
        ]
        accounts += [
            model.HuntGroup(g.number, g.name or g.number, _stages(g), permission(g), _no_answer(g.no_answer))
            for g in entry.hunt_groups
        ]
        accounts += [_agent_group(g, permission(g)) for g in entry.agent_groups]
        settings = model.DomainSettings(**entry.settings.model_dump())
        domains.append(model.Domain(name, settings, tuple(accounts)))
    return model.Provisioning(tuple(domains), tuple(_trunk(trunk) for trunk in document.trunks))


def _ha1(extension: shape.Extension, domain: str) -> str:
    """RFC 2617 §3.2.2.2, with the domain as realm."""
    if extension.ha1 is not None:
        return extension.ha1.lower()
    text = f"{extension.number}:{domain}:{extension.password}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _no_answer(forward: shape.NoAnswer | None) -> model.Forward | None:
    return model.Forward(forward.to, forward.after_s) if forward else None


def _busy(forward: shape.Busy | None) -> model.Forward | None:
    return model.Forward(forward.to) if forward else None


def _stages(group: shape.HuntGroup) -> tuple[model.Stage, ...]:
    if group.members is not None:
        return (model.Stage(tuple(group.members)),)
    return tuple(model.Stage(tuple(stage.members), stage.ring_s or 0) for stage in group.stages or ())


def _agent_group(group: shape.AgentGroup, permission: Permission) -> model.AgentGroup:
    return model.AgentGroup(
        number=group.number,
        name=group.name or group.number,
        agents=tuple(group.agents),
        strategy=group.strategy,
        ring_s=group.ring_s,
        wrap_up_s=group.wrap_up_s,
        max_wait_s=group.max_wait_s,
        max_waiting=group.max_waiting,
        overflow=group.overflow or "",
        permission=permission,
    )


def _trunk(trunk: shape.Trunk) -> model.Trunk:
    return model.Trunk(
        name=trunk.name,
        sources=tuple(trunk.sources),
        destinations=tuple(trunk.destinations),
        dids=tuple((did, _lower_domain(account)) for did, account in trunk.dids.items()),
        outbound_prefixes=tuple(trunk.outbound_prefixes),
    )


def _lower_domain(account: str) -> str:
    number, _, domain = account.partition("@")
    return f"{number}@{domain.lower()}"
