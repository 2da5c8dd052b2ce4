"""The accounts of every tenant, as a worker looks them up: one SQLite file, read-only, behind bounded caches."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from kemi.accounts import snapshot, wire
from kemi.accounts.model import Account, AgentGroup, DomainSettings, Extension, Kind, Trunk
from kemi.accounts.trunks import TrunkTable
from kemi.errors import NotProvisioned

V = TypeVar("V")

_CACHED = 4096
_NOBODY = json.dumps(wire.account_body(Extension("1" * 5, "Nobody", "0" * 32))), "[[], []]"
LONGEST_NAME = 255
"""Longer than any domain or number in a document."""


@dataclass(frozen=True, slots=True)
class Grants:
    """Permission ids, sorted, by the kind of account that has them; true when there is any."""

    hunt_groups: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    agent_groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.hunt_groups or self.extensions or self.agent_groups)


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """An account that a newer document gives another permission."""

    domain: str
    kind: Kind
    number: str
    new_id: str


class Directory:
    """One version of the provisioning.

    The file is opened at the first question that a process asks, so a Directory may be made before a fork. A
    file that is replaced afterwards changes nothing here: make a new Directory to see it.

    Any string may be asked for: what cannot be a number or a domain is simply not found. Domains are compared
    without regard to case (RFC 3261 §19.1.4). Every question raises NotProvisioned when there is no snapshot,
    or none that this release can read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._process = 0
        self._connection: sqlite3.Connection | None = None
        self._inherited: list[sqlite3.Connection] = []
        self._version = 0
        self._trunk_table: TrunkTable | None = None
        self._forget()

    @property
    def version(self) -> int:
        self._open()
        return self._version

    def settings(self, domain: str) -> DomainSettings | None:
        """What a tenant has set, or None when the domain is not served here."""
        self._open()
        domain = domain.lower()
        known = self._settings.get(domain)
        if known is None and domain.isascii():
            row = self._row("SELECT settings FROM domain WHERE name = ?", domain)
            if row:
                known = self._settings[domain] = wire.settings_of(json.loads(row[0]))
        return known

    def account(self, domain: str, number: str) -> Account | None:
        """The account of that number, or None when the domain is not served or has none."""
        self._open()
        domain = domain.lower()
        known = self._accounts.get((domain, number))
        # What is not found is remembered apart, lest a scan of numbers drive out the real ones, and costs as much as
        # what is, lest time tell them apart.
        if known is None and not self._missing.get((domain, number)) and _can_be(domain, number):
            row = self._row(
                "SELECT body, lists FROM account JOIN permission USING (domain, kind, permission_id)"
                " WHERE domain = ? AND number = ?",
                domain,
                number,
            )
            found = _account(*(row or _NOBODY))
            if row:
                known = self._accounts[domain, number] = found
            else:
                self._missing[domain, number] = True
        return known

    def grants(self, domain: str, picker: str) -> Grants:
        """The permissions with which an extension may pick up; none for whoever is no extension of the domain."""
        self._open()
        domain = domain.lower()
        known = self._grants.get((domain, picker))
        if known is None:
            if not isinstance(self.account(domain, picker), Extension):
                return Grants()
            known = self._grants[domain, picker] = self._granted(domain, picker)
        return known

    def permission_ids(self, domain: str) -> Grants:
        """Every permission that some account of the domain has, whomever it admits."""
        self._open()
        domain = domain.lower()
        known = self._permission_ids.get(domain)
        if known is None:
            if self.settings(domain) is None:
                return Grants()
            rows = self._rows("SELECT kind, permission_id FROM permission WHERE domain = ?", domain)
            known = self._permission_ids[domain] = _by_kind(rows)
        return known

    def domains(self) -> tuple[str, ...]:
        """All domains, sorted."""
        return tuple(name for (name,) in self._rows("SELECT name FROM domain ORDER BY name"))

    def accounts(self, domain: str) -> Iterator[Account]:
        """The accounts of a domain by number (as text); read as they are asked for, none is remembered."""
        if domain.isascii():
            rows = self._rows(
                "SELECT body, lists FROM account JOIN permission USING (domain, kind, permission_id)"
                " WHERE domain = ? ORDER BY number",
                domain.lower(),
            )
            for body, lists in rows:
                yield _account(body, lists)

    def agent_groups(self, domain: str) -> tuple[AgentGroup, ...]:
        """The agent groups of a domain, by number."""
        self._open()
        domain = domain.lower()
        known = self._agent_groups.get(domain)
        if known is None:
            if self.settings(domain) is None:
                return ()
            rows = self._rows(
                "SELECT body, lists FROM account JOIN permission USING (domain, kind, permission_id)"
                " WHERE domain = ? AND kind = ? ORDER BY number",
                domain,
                Kind.AGENT_GROUP.value,
            )
            groups = (_account(*row) for row in rows)
            known = self._agent_groups[domain] = tuple(g for g in groups if isinstance(g, AgentGroup))
        return known

    def agents(self, domain: str) -> frozenset[str]:
        """The extensions of a domain that are agents of some group."""
        domain = domain.lower()
        known = self._agents.get(domain)
        if known is None:
            known = frozenset(agent for group in self.agent_groups(domain) for agent in group.agents)
            if self.settings(domain) is not None:
                self._agents[domain] = known
        return known

    def trunks(self) -> tuple[Trunk, ...]:
        """All trunks, in the document's order."""
        rows = self._rows("SELECT body FROM trunk ORDER BY position")
        return tuple(wire.trunk_of(json.loads(body)) for (body,) in rows)

    def trunk_table(self) -> TrunkTable:
        """The trunks as routing asks for them."""
        self._open()
        if self._trunk_table is None:
            self._trunk_table = TrunkTable(self.trunks())
        return self._trunk_table

    def changed_permissions(self, older: Directory) -> Iterator[PermissionChange]:
        """Accounts of both versions, of one kind in both, whose permission differs; by domain and number.

        Ask `older` for its version before its file is replaced: it opens the file only when it is asked something.
        """
        before = older._permissions()
        old = next(before, None)
        for new in self._permissions():
            while old is not None and old[:2] < new[:2]:
                old = next(before, None)
            if old is not None and old[:3] == new[:3] and old[3] != new[3]:
                domain, number, kind, permission_id = new
                yield PermissionChange(domain, Kind(kind), number, permission_id)

    def close(self) -> None:
        """Give the file back. A later question opens it again, whatever version it is by then."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._process = None, 0
        self._forget()

    def _forget(self) -> None:
        self._settings: _Recent[DomainSettings] = _Recent(_CACHED)
        self._accounts: _Recent[Account] = _Recent(_CACHED)
        self._missing: _Recent[bool] = _Recent(_CACHED)
        self._grants: _Recent[Grants] = _Recent(_CACHED)
        self._permission_ids: _Recent[Grants] = _Recent(_CACHED)
        self._agent_groups: _Recent[tuple[AgentGroup, ...]] = _Recent(_CACHED)
        self._agents: _Recent[frozenset[str]] = _Recent(_CACHED)
        self._trunk_table = None

    def _open(self) -> None:
        """Connect, unless this process has done so: SQLite forbids a connection that was made before a fork."""
        process = os.getpid()
        if self._process == process:
            return
        # Under this path there may be a newer version than the parent's: what the parent remembers goes too.
        self._forget()
        if self._connection is not None:
            self._inherited.append(self._connection)  # not even to be closed here (sqlite.org/howtocorrupt §2.6)
            self._connection = None
        uri = f"file:{quote(os.path.abspath(self._path))}?mode=ro&immutable=1"
        try:
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise NotProvisioned(f"{self._path} cannot be opened: {error}") from error
        try:
            found, self._version = connection.execute("SELECT format, version FROM snapshot").fetchone()
            if found != snapshot.FORMAT:
                raise NotProvisioned(f"{self._path} has format {found}, this release reads {snapshot.FORMAT}")
        except (sqlite3.Error, TypeError) as error:
            connection.close()
            raise NotProvisioned(f"{self._path} is no provisioning snapshot: {error}") from error
        except NotProvisioned:
            connection.close()
            raise
        self._connection, self._process = connection, process

    def _rows(self, query: str, *parameters: str) -> Iterator[tuple[Any, ...]]:
        self._open()
        assert self._connection is not None
        try:
            yield from self._connection.execute(query, parameters)
        except sqlite3.Error as error:
            raise NotProvisioned(f"{self._path} cannot be read: {error}") from error

    def _row(self, query: str, *parameters: str) -> tuple[Any, ...] | None:
        return next(self._rows(query, *parameters), None)

    def _permissions(self) -> Iterator[tuple[Any, ...]]:
        return self._rows("SELECT domain, number, kind, permission_id FROM account ORDER BY domain, number")

    def _granted(self, domain: str, picker: str) -> Grants:
        # Every entry that permission.matches() finds to cover this picker, by name: no list is gone through.
        entries = [picker, *(picker[:length] + "*" for length in range(len(picker) + 1))]
        rows = self._rows(
            "SELECT kind, permission_id FROM permission_entry"
            f" WHERE domain = ? AND entry IN ({', '.join('?' * len(entries))})"
            " GROUP BY kind, permission_id HAVING max(without_pickup) = 0",
            domain,
            *entries,
        )
        return _by_kind(rows)


class _Recent(Generic[V]):
    """The last questions and their answers: at most twice `size`, dropped half at a time, the unused first."""

    __slots__ = ("_before", "_now", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._now: dict[object, V] = {}
        self._before: dict[object, V] = {}

    def get(self, key: object) -> V | None:
        found = self._now.get(key)
        if found is None and self._before:
            found = self._before.get(key)
            if found is not None:
                self[key] = found
        return found

    def __setitem__(self, key: object, value: V) -> None:
        if len(self._now) >= self._size:
            self._before, self._now = self._now, {}
        self._now[key] = value


def _by_kind(rows: Iterable[tuple[Any, ...]]) -> Grants:
    ids: dict[str, list[str]] = {kind: [] for kind in Kind}
    for kind, permission_id in rows:
        ids[kind].append(permission_id)
    return Grants(
        tuple(sorted(ids[Kind.HUNT_GROUP])),
        tuple(sorted(ids[Kind.EXTENSION])),
        tuple(sorted(ids[Kind.AGENT_GROUP])),
    )


def _can_be(domain: str, number: str) -> bool:
    return domain.isascii() and number.isascii() and len(domain) <= LONGEST_NAME and len(number) <= LONGEST_NAME


def _account(body: str, lists: str) -> Account:
    return wire.account_of(json.loads(body), wire.permission_of(json.loads(lists)))
