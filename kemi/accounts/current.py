"""The directory that is in force: what the workers of a node read, and the process that keeps it up to date."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

from kemi.accounts import snapshot, wire
from kemi.accounts.directory import Directory
from kemi.accounts.model import Trunk
from kemi.errors import NotProvisioned, StoreUnavailable


class CurrentDirectory:
    """A worker's view. `look` once for each message, and everything about that message is judged by one document."""

    def __init__(self, published: Callable[[], str]) -> None:
        self._published = published
        self._path = ""
        self._directory: Directory | None = None

    def look(self) -> None:
        """Go over to the document that the node's follower has published, if it is another."""
        path = self._published()
        if path and path != self._path:
            previous, self._directory, self._path = self._directory, Directory(path), path
            if previous is not None:
                previous.close()

    def __call__(self) -> Directory:
        """The directory in force when this worker looked last; raises NotProvisioned while there is none."""
        if self._directory is None:
            self.look()
            if self._directory is None:
                raise NotProvisioned
        return self._directory


class DocumentStore(Protocol):
    """Where the document in force is kept; raises StoreUnavailable."""

    def stamp(self) -> str: ...
    def fetch(self) -> tuple[int, str]: ...


Reindex = Callable[[str, str, str], int]
"""(domain, number, permission id): lets the calls that ring at an account follow its changed permission."""

Install = Callable[[Sequence[Trunk]], None]
"""Lets this node's SIP stack send calls to the destinations of these trunks, and of no others."""


class Follower:
    """Brings each new document into force on this node: a snapshot file, the trunks, then its path for all workers.

    While the store is away the node goes on with the last one.
    """

    def __init__(
        self,
        store: DocumentStore,
        reindex: Reindex,
        install: Install,
        publish: Callable[[str], None],
        folder: str,
        report: Callable[[str], None],
    ) -> None:
        self._store = store
        self._reindex = reindex
        self._install = install
        self._publish = publish
        self._folder = folder
        self._report = report
        self._stamp = ""
        self._path = ""
        self._waiting = False

    def follow(self) -> None:
        """Ask once whether a newer document is in force, and apply it."""
        try:
            stamp = self._store.stamp()
            if not stamp:
                self._wait_for_first()
            elif stamp != self._stamp:
                self._apply(stamp, *self._store.fetch())
                self._stamp = stamp
        except StoreUnavailable:
            return

    def _wait_for_first(self) -> None:
        if not self._path and not self._waiting:
            self._waiting = True
            self._report("no provisioning document is in force yet: requests get 503 until `star87 apply`")

    def _apply(self, stamp: str, version: int, document: str) -> None:
        path = os.path.join(self._folder, f"directory-{stamp}.sqlite")
        provisioning = wire.decode(document)
        snapshot.write(provisioning, version, path)
        self._install(provisioning.trunks)
        older = self._path
        self._publish(path)
        if older and older != path:
            self._follow_permissions(older, path)
        # Only now: a follower whom the store left half way begins anew from where he was.
        self._path = path
        # A worker may be about to open the last one; those before it nobody needs.
        for name in os.listdir(self._folder):
            if name.startswith("directory-") and os.path.join(self._folder, name) not in (path, older):
                os.unlink(os.path.join(self._folder, name))
        self._report(f"provisioning version {version} is in force")

    def _follow_permissions(self, older: str, newer: str) -> None:
        before, after = Directory(older), Directory(newer)
        try:
            for change in after.changed_permissions(before):
                self._reindex(change.domain, change.number, change.new_id)
        finally:
            before.close()
            after.close()
