"""The provisioning in force, as one SQLite file on each node.

Every worker of the node reads the same file (directory.py), which outlives the loss of the state store and a
restart. A file is never changed: a newer document is a newer file under the same name.

    snapshot          one row: format, version
    domain            name, settings
    account           domain, number, kind, permission_id, body           a lookup is one step in one B-tree
    permission        domain, kind, permission_id, lists                  each distinct one once
    permission_entry  domain, entry, kind, permission_id, without_pickup  the lists turned round: entry → permissions
    trunk             body, in the document's order
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator

from kemi.accounts import wire
from kemi.accounts.model import Provisioning
from kemi.accounts.permission import Permission

FORMAT = 1
"""Changes with the tables and with wire.py's bodies."""

_TABLES = """
CREATE TABLE snapshot (format INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE domain (name TEXT PRIMARY KEY, settings TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE account (
    domain TEXT NOT NULL, number TEXT NOT NULL, kind TEXT NOT NULL, permission_id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (domain, number)
) WITHOUT ROWID;
CREATE INDEX account_kind ON account (domain, kind) WHERE kind = 'agent_group';
CREATE TABLE permission (
    domain TEXT NOT NULL, kind TEXT NOT NULL, permission_id TEXT NOT NULL, lists TEXT NOT NULL,
    PRIMARY KEY (domain, kind, permission_id)
) WITHOUT ROWID;
CREATE TABLE permission_entry (
    domain TEXT NOT NULL, entry TEXT NOT NULL, kind TEXT NOT NULL, permission_id TEXT NOT NULL,
    without_pickup INTEGER NOT NULL,
    PRIMARY KEY (domain, entry, kind, permission_id, without_pickup)
) WITHOUT ROWID;
CREATE TABLE trunk (position INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""


def write(provisioning: Provisioning, version: int, path: str) -> None:
    """Put a snapshot at `path`, whole or not at all: what was there stays until the new file is complete.

    version: number of the document in force (at most 63 bits). The file may be read by its owner alone, for
    it holds HA1s. Raises OSError when it cannot be written, ValueError for a document that names one thing twice.
    """
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=folder)
    os.close(handle)
    try:
        _fill(temporary, provisioning, version)
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync(folder)


def _fill(path: str, provisioning: Provisioning, version: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # Nobody reads this file yet and a crash discards it: neither journal nor a sync for each page.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
        connection.executescript(_TABLES)
        connection.execute("BEGIN")
        connection.execute("INSERT INTO snapshot VALUES (?, ?)", (FORMAT, version))
        _insert(connection, provisioning)
        connection.execute("COMMIT")
    except sqlite3.IntegrityError as error:
        raise ValueError(f"the document names something twice: {error}") from error
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error
    finally:
        connection.close()


def _insert(connection: sqlite3.Connection, provisioning: Provisioning) -> None:
    permissions: dict[tuple[str, str, str], Permission] = {}
    connection.executemany(
        "INSERT INTO domain VALUES (?, ?)",
        ((domain.name, json.dumps(wire.settings_body(domain.settings))) for domain in provisioning.domains),
    )
    connection.executemany("INSERT INTO account VALUES (?, ?, ?, ?, ?)", _accounts(provisioning, permissions))
    connection.executemany(
        "INSERT INTO permission VALUES (?, ?, ?, ?)",
        ((*key, json.dumps(wire.permission_body(permission))) for key, permission in permissions.items()),
    )
    connection.executemany("INSERT INTO permission_entry VALUES (?, ?, ?, ?, ?)", _entries(permissions))
    connection.executemany(
        "INSERT INTO trunk VALUES (?, ?)",
        ((i, json.dumps(wire.trunk_body(trunk))) for i, trunk in enumerate(provisioning.trunks)),
    )


def _accounts(
    provisioning: Provisioning, permissions: dict[tuple[str, str, str], Permission]
) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of `account`; gathers the distinct permissions on the way."""
    ids: dict[Permission, str] = {}
    for domain in provisioning.domains:
        for account in sorted(domain.accounts, key=lambda account: account.number):
            permission = account.permission
            permission_id = ids.get(permission) or ids.setdefault(permission, permission.id)
            permissions.setdefault((domain.name, account.kind.value, permission_id), permission)
            body = json.dumps(wire.account_body(account), separators=(",", ":"))
            yield domain.name, account.number, account.kind.value, permission_id, body


def _entries(permissions: dict[tuple[str, str, str], Permission]) -> Iterator[tuple[str, str, str, str, int]]:
    for (domain, kind, permission_id), permission in permissions.items():
        for entry in permission.monitored_by:
            yield domain, entry, kind, permission_id, 0
        for entry in permission.monitored_without_pickup:
            yield domain, entry, kind, permission_id, 1


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
