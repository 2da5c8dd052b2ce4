"""Who takes part in a load: phones that are called, callers, pickers, and a trunk.

They are invented, for a node of one's own, with the document that makes them; or read from an operator's
provisioning document; or from a CSV of users.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kemi.accounts import document
from kemi.accounts.permission import Permission
from tests.support.load.bad_input import BadInput

PASSWORD = "change-me"
DOMAIN = "load.example.com"
QUEUE, QUEUE_DID = "800", "+1800"
COLUMNS = ("number", "password", "did", "picks_up")


@dataclass(frozen=True, slots=True)
class Person:
    number: str
    password: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A picker and the extension whose calls he takes. No picker and no extension is in two pairs."""

    account: str
    picker: Person


@dataclass(frozen=True, slots=True)
class People:
    domain: str
    extensions: tuple[Person, ...]
    """All whose password is known."""
    pairs: tuple[Pair, ...] = ()
    dids: Mapping[str, str] = field(default_factory=dict)
    """By the number of the extension: what a trunk dials for it."""
    sources: tuple[str, ...] = ()
    """ADDRESS:PORT from which that trunk may call."""
    pickup_code: str = "*87"
    agents: tuple[Person, ...] = ()
    """Those of the queue 800, which a trunk reaches by +1800."""

    def person(self, number: str) -> Person:
        return next(person for person in self.extensions if person.number == number)


def invented(count: int, sources: Sequence[str], *, agents: int = 0) -> tuple[People, str]:
    """So many extensions with a picker and a DID each, a trunk with these sources; and the document for a node.

    agents: how many agents the queue 800 has; 0: there is none.
    """
    called = [Person(str(10_000 + index), PASSWORD) for index in range(count)]
    pickers = [Person(str(50_000 + index), PASSWORD) for index in range(count)]
    staff = [Person(str(80_000 + index), PASSWORD) for index in range(agents)]
    dids = {person.number: f"+1{person.number}" for person in called}
    tenant: dict[str, Any] = {
        "name": DOMAIN,
        "extensions": [
            *(_extension(who, "Phone", monitored_by=[p.number]) for who, p in zip(called, pickers, strict=True)),
            *(_extension(who, "Picker") for who in pickers),
            *(_extension(who, "Agent") for who in staff),
        ],
    }
    if staff:
        group = {"number": QUEUE, "name": "Support", "agents": [who.number for who in staff], "max_waiting": 10_000}
        tenant["agent_groups"] = [{**group, "ring_s": 15, "wrap_up_s": 0}]
    leads = {did: f"{number}@{DOMAIN}" for number, did in dids.items()} | (
        {QUEUE_DID: f"{QUEUE}@{DOMAIN}"} if staff else {}
    )
    trunk = {"name": "load", "sources": list(sources), "dids": leads}
    people = People(
        DOMAIN,
        tuple(called + pickers),
        tuple(Pair(who.number, picker) for who, picker in zip(called, pickers, strict=True)),
        dids,
        tuple(sources),
        agents=tuple(staff),
    )
    return people, str(yaml.safe_dump({"version": 1, "domains": [tenant], "trunks": [trunk]}, sort_keys=False))


def _extension(who: Person, name: str, **more: object) -> dict[str, object]:
    return {"number": who.number, "name": f"{name} {who.number}", "password": who.password, **more}


def read_people(path: Path, domain: str = "") -> People:
    """From a provisioning document (.yaml, .yml) or a CSV of users. domain: which; needed for a CSV.

    Raises BadInput.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"USERS={path}: cannot be read ({error}); give a CSV of users or a provisioning document"
        ) from None
    if path.suffix in (".yaml", ".yml"):
        return from_document(text, str(path), domain)
    if not domain:
        raise BadInput(f"USERS={path}: a CSV does not say whose these users are; add DOMAIN=pbx.example.com")
    return from_csv(text, str(path), domain)


def from_document(text: str, place: str, domain: str = "") -> People:
    """The people of one domain of a provisioning document, as far as it tells their passwords. Raises BadInput."""
    try:
        document.parse(text)
    except document.DocumentInvalid as invalid:
        raise BadInput(f"{place}: {invalid.faults[0]}; `star87 check {place}` names all of it") from None
    content = yaml.safe_load(text)
    names = [found["name"] for found in content["domains"]]
    if not domain and len(names) != 1:
        raise BadInput(f"{place}: has {len(names)} domains; choose one with DOMAIN=, of {', '.join(names[:5])}")
    tenant = next((found for found in content["domains"] if found["name"] == (domain or names[0])), None)
    if tenant is None:
        raise BadInput(f"{place}: has no domain {domain}; there are {', '.join(names[:5])}")
    name = tenant["name"]
    accounts = tenant.get("extensions") or []
    known = tuple(Person(a["number"], a["password"]) for a in accounts if "password" in a)
    if not known:
        raise BadInput(f"{place}: no extension of {name} has its `password` there, only `ha1`; give USERS=users.csv")
    dids, sources = _trunk_to(content, name, {person.number for person in known})
    code = (tenant.get("settings") or {}).get("pickup_code", "*87")
    return People(name, known, _pairs(accounts, known), dids, sources, code)


def _trunk_to(content: Mapping[str, Any], domain: str, numbers: set[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Of the first trunk with DIDs of these extensions: what it dials for each, and its sources."""
    for trunk in content.get("trunks") or []:
        found: dict[str, str] = {}
        for did, target in (trunk.get("dids") or {}).items():
            number, _, of = target.partition("@")
            if of == domain and number in numbers:
                found.setdefault(number, did)
        if found:
            return found, tuple(trunk["sources"])
    return {}, ()


def _pairs(accounts: Sequence[Mapping[str, Any]], known: Sequence[Person]) -> tuple[Pair, ...]:
    """A picker for as many extensions as have one to themselves, the first that may and is free."""
    pairs: list[Pair] = []
    called: set[str] = set()
    picking: set[str] = set()
    free = {person.number: person for person in known}
    for account in accounts:
        number = account["number"]
        may = Permission(
            frozenset(account.get("monitored_by") or ()), frozenset(account.get("monitored_without_pickup") or ())
        )
        if number not in free or number in picking:
            continue
        picker = next(
            (p for p in known if p.number not in called | picking | {number} and may.may_pick_up(p.number)), None
        )
        if picker is not None:
            pairs.append(Pair(number, picker))
            called.add(number)
            picking.add(picker.number)
    return tuple(pairs)


def from_csv(text: str, place: str, domain: str) -> People:
    """Users as `number,password[,did][,picks_up]`, one a line, under a line with these names. Raises BadInput.

    did: what the trunk dials for this extension. picks_up: the extension whose calls this one takes.
    """
    first, _, _ = text.partition("\n")
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in first else ",")
    names = [name.strip() for name in rows.fieldnames or ()]
    if not {"number", "password"} <= set(names) or not set(names) <= set(COLUMNS):
        raise BadInput(f"{place}:1: must name the columns, of {', '.join(COLUMNS)}; number and password are needed")
    rows.fieldnames = names
    people: dict[str, Person] = {}
    dids: dict[str, str] = {}
    takes: list[tuple[int, str, str]] = []
    for row in rows:
        line = rows.line_num
        cells = {name: (value or "").strip() for name, value in row.items() if isinstance(value, str) or value is None}
        number, password = cells["number"], cells["password"]
        if not number or not password or None in row:
            raise BadInput(f"{place}:{line}: needs {', '.join(names)}, in this order")
        if any(mark in number + password for mark in '[];"'):
            raise BadInput(
                f'{place}:{line}: SIPp can use no number or password with one of [ ] ; "; choose another user'
            )
        if number in people:
            raise BadInput(f"{place}:{line}: {number} stands here a second time; take one line out")
        people[number] = Person(number, password)
        if cells.get("did"):
            dids[number] = cells["did"]
        if cells.get("picks_up"):
            takes.append((line, number, cells["picks_up"]))
    if not people:
        raise BadInput(f"{place}: has no users; add a line for each: number,password")
    pairs: list[Pair] = []
    for line, number, account in takes:
        if account not in people or account in {pair.account for pair in pairs} or account == number:
            raise BadInput(
                f"{place}:{line}: picks_up must be another user of this file, in one line only; not {account}"
            )
        pairs.append(Pair(account, people[number]))
    return People(domain, tuple(people.values()), tuple(pairs), dids)
