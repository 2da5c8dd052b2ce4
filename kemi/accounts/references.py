"""What several parts of a provisioning document must agree on.

It walks the plain values, not the validated models, and passes over whatever has no usable shape: a document
with a misspelt key still gets its dangling members named in the same answer. Shape is document.py's task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kemi.accounts.faults import Fault, shown, step_of
from kemi.accounts.formats import domain_fault, is_number

_KINDS = {"extensions": "an extension", "hunt_groups": "a hunt group", "agent_groups": "an agent group"}


@dataclass(slots=True)
class _Domain:
    path: str
    name: str
    paths: dict[str, str] = field(default_factory=dict)
    """Number → path of the account that has it."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Number → key of _KINDS."""
    open: bool = False
    """Some account could not be read: a number that is not found may be that one's."""

    def faults_of_extension(self, path: str, number: object) -> Iterator[Fault]:
        """Say so when a well-formed number is no extension of this domain."""
        if not isinstance(number, str) or not is_number(number) or self.kinds.get(number) == "extensions":
            return
        kind = self.kinds.get(number)
        if kind:
            yield Fault(path, f"{number} is no extension of {self.name} but {_KINDS[kind]}; name extensions only")
        elif not self.open:
            yield Fault(path, f"{number} is no extension of {self.name}; add it there, or remove it here")


def faults_of(document: dict[str, object], spelling: Mapping[str, str]) -> Iterator[Fault]:
    """Every duplicate, every dangling number, every choice between two keys that was not made.

    spelling: path → how a value there was written, as yaml_source tells it.
    """
    domains: dict[str, _Domain] = {}
    all_named = isinstance(document.get("domains"), list)
    for path, entry in _entries("", document, "domains"):
        name = entry.get("name")
        named = isinstance(name, str) and not domain_fault(name)
        domain = _Domain(path, str(name).lower() if named else "this domain")
        yield from _numbers(domain, entry, spelling)
        yield from _accounts(domain, entry)
        if not named:
            all_named = False
            continue
        if domain.name in domains:
            yield Fault(
                f"{path}.name",
                f"{domain.name} is already the name of {domains[domain.name].path}; make one domain of the two",
            )
        else:
            domains[domain.name] = domain
    yield from _trunks(document, domains, all_named)


def _numbers(domain: _Domain, entry: dict[str, object], spelling: Mapping[str, str]) -> Iterator[Fault]:
    for key in _KINDS:
        if key in entry and not isinstance(entry[key], list):
            domain.open = True
        for path, account in _entries(domain.path, entry, key):
            number = account.get("number")
            if isinstance(number, int):
                # Unquoted, which document.py reports; it is still the number its members mean.
                number = spelling.get(f"{path}.number", str(number))
            if not isinstance(number, str):
                domain.open = True
            elif number in domain.paths:
                taken = domain.paths[number]
                yield Fault(f"{path}.number", f"{shown(number)} is already the number of {taken}; give another")
            else:
                domain.paths[number] = path
                domain.kinds[number] = key


def _accounts(domain: _Domain, entry: dict[str, object]) -> Iterator[Fault]:
    for path, extension in _entries(domain.path, entry, "extensions"):
        yield from _permission(domain, path, extension)
        yield from _one_of(path, extension, "password", "ha1")
    for path, group in _entries(domain.path, entry, "hunt_groups"):
        yield from _permission(domain, path, group)
        yield from _one_of(path, group, "stages", "members")
        yield from _members(domain, path, group, "members")
        for stage_path, stage in _entries(path, group, "stages"):
            yield from _members(domain, stage_path, stage, "members")
    for path, group in _entries(domain.path, entry, "agent_groups"):
        yield from _permission(domain, path, group)
        yield from _members(domain, path, group, "agents")


def _permission(domain: _Domain, path: str, account: dict[str, object]) -> Iterator[Fault]:
    for key in ("monitored_by", "monitored_without_pickup"):
        entries = account.get(key)
        if isinstance(entries, list):
            for i, pattern in enumerate(entries):
                yield from domain.faults_of_extension(f"{path}.{key}[{i}]", pattern)


def _members(domain: _Domain, path: str, group: dict[str, object], key: str) -> Iterator[Fault]:
    members = group.get(key)
    if not isinstance(members, list):
        return
    seen: set[str] = set()
    for i, member in enumerate(members):
        yield from domain.faults_of_extension(f"{path}.{key}[{i}]", member)
        if not isinstance(member, str):
            continue
        if member in seen:
            yield Fault(f"{path}.{key}[{i}]", f"{shown(member)} is in this list twice; keep one of the two")
        seen.add(member)


def _one_of(path: str, entry: dict[str, object], first: str, second: str) -> Iterator[Fault]:
    # A key without a value is a key that was not given.
    given = [key for key in (first, second) if entry.get(key) is not None]
    if len(given) == 2:
        yield Fault(path, f"has both {first} and {second}; keep one of the two")
    elif not given:
        yield Fault(path, f"has neither {first} nor {second}; give one of the two")


def _trunks(document: dict[str, object], domains: dict[str, _Domain], all_named: bool) -> Iterator[Fault]:
    names: dict[str, str] = {}
    sources: dict[str, str] = {}
    for path, trunk in _entries("", document, "trunks"):
        name = trunk.get("name")
        if isinstance(name, str):
            if name in names:
                yield Fault(f"{path}.name", f"{shown(name)} is already the name of {names[name]}; give another")
            names.setdefault(name, path)
        listed = trunk.get("sources")
        for i, source in enumerate(listed if isinstance(listed, list) else ()):
            if not isinstance(source, str):
                continue
            if source in sources:
                yield Fault(
                    f"{path}.sources[{i}]",
                    f"{shown(source)} is already {sources[source]}; keep one",
                )
            sources.setdefault(source, f"{path}.sources[{i}]")
        if trunk.get("outbound_prefixes") and not trunk.get("destinations"):
            yield Fault(f"{path}.outbound_prefixes", "leads nowhere: this trunk has no destinations; add them")
        dids = trunk.get("dids")
        for did, target in dids.items() if isinstance(dids, dict) else ():
            if isinstance(target, str):
                yield from _did(f"{path}.dids{step_of(did)}", target, domains, all_named)


def _did(path: str, target: str, domains: dict[str, _Domain], all_named: bool) -> Iterator[Fault]:
    number, at, name = target.partition("@")
    if not at or not is_number(number) or domain_fault(name):
        return
    domain = domains.get(name.lower())
    if domain is None:
        if all_named:
            yield Fault(path, f"{target} is no account: no domain {name.lower()} here; add it, or name another")
    elif number not in domain.paths and not domain.open:
        yield Fault(path, f"{target} is no account: {domain.name} has no number {number}; add it, or name another")


def _entries(path: str, mapping: dict[str, object], key: str) -> Iterator[tuple[str, dict[str, object]]]:
    """The mappings of a list below a key, each with its path."""
    values = mapping.get(key)
    if isinstance(values, list):
        prefix = f"{path}.{key}" if path else key
        for i, value in enumerate(values):
            if isinstance(value, dict):
                yield f"{prefix}[{i}]", value
