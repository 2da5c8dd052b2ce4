"""The subscriptions of this node, in a SQLite file that its processes share: they outlive them, and the state store."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, fields

from kemi.lamps.subscription import Subscription

FORMAT = 1
_COLUMNS = tuple(field.name for field in fields(Subscription))
_COUNTS = ("cseq", "version")
_TABLE = (
    f"CREATE TABLE IF NOT EXISTS subscription ({', '.join(_COLUMNS)}, gone INTEGER DEFAULT 0, due INTEGER DEFAULT 1,"
    " PRIMARY KEY (key)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS due ON subscription (due) WHERE due = 1",
)
BUSY_MS = 200


class Book:
    """The file is opened at the first use in a process, so a Book may be made before a fork."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._process = 0
        self._connection: sqlite3.Connection | None = None

    def find(self, key: str) -> Subscription | None:
        row = self._db().execute(f"SELECT {', '.join(_COLUMNS)} FROM subscription WHERE key = ? AND gone = 0", (key,))
        found = row.fetchone()
        return None if found is None else Subscription(*found)

    def begin(self, subscription: Subscription) -> None:
        """A watcher is to be told from now on."""
        marks = ", ".join("?" * len(_COLUMNS))
        self._db().execute(
            f"INSERT OR REPLACE INTO subscription ({', '.join(_COLUMNS)}) VALUES ({marks})", astuple(subscription)
        )

    def renew(self, subscription: Subscription) -> None:
        """He has subscribed once more. What has been told him by now stays."""
        names = [name for name in _COLUMNS if name not in _COUNTS and name != "key"]
        values = [getattr(subscription, name) for name in names]
        self._db().execute(
            f"UPDATE subscription SET due = 1, {', '.join(f'{name} = ?' for name in names)} WHERE key = ?",
            (*values, subscription.key),
        )

    def lose(self, key: str) -> None:
        """He does not take what he is told."""
        self._db().execute("UPDATE subscription SET due = 1, gone = 1 WHERE key = ?", (key,))

    def everybody(self) -> list[Subscription]:
        """Every subscription, as it was left."""
        rows = self._db().execute(f"SELECT {', '.join(_COLUMNS)} FROM subscription WHERE gone = 0")
        return [Subscription(*row) for row in rows]

    def news(self) -> list[tuple[Subscription, bool]]:
        """Those who have subscribed, or were lost (true), since it was last asked."""
        database = self._db()
        if database.execute("SELECT 1 FROM subscription WHERE due = 1 LIMIT 1").fetchone() is None:
            return []
        rows = database.execute(
            f"UPDATE subscription SET due = 0 WHERE due = 1 RETURNING {', '.join(_COLUMNS)}, gone"
        ).fetchall()
        return [(Subscription(*row[:-1]), bool(row[-1])) for row in rows]

    def told(self, told: Iterable[Subscription], over: Iterable[str]) -> None:
        """The counts of those who were told something, and whose subscriptions are over (keys)."""
        database = self._db()
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany(
                "UPDATE subscription SET cseq = ?, version = ? WHERE key = ?",
                [(one.cseq, one.version, one.key) for one in told],
            )
            # Unless he has just subscribed once more.
            database.executemany("DELETE FROM subscription WHERE key = ? AND (due = 0 OR gone)", [(k,) for k in over])
        finally:
            database.execute("COMMIT")

    def _db(self) -> sqlite3.Connection:
        process = os.getpid()
        if self._connection is None or self._process != process:
            # Nothing is lost with the host that its restart would not bring anew: no write waits for a disk.
            # Whose lamps glow is nobody else's business; SQLite would let all users read it.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(
                self._path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                connection.execute("DROP TABLE IF EXISTS subscription")
                connection.execute(f"PRAGMA user_version = {FORMAT}")
            for statement in _TABLE:
                connection.execute(statement)
            self._connection, self._process = connection, process
        return self._connection
