"""The provisioning document in force, as this process follows it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from kemi.accounts import snapshot, wire
from kemi.accounts.directory import Directory
from kemi.errors import NotProvisioned, StoreUnavailable
from kemi.store import Store
from kemi.web.asking import Asking

POLL_S = 0.5


class InForce:
    """The directory of the newest document; while the store is away, of the last known.

    folder: for snapshots. All but `follow` and `refresh` is for the event loop's thread alone.
    """

    def __init__(self, asking: Asking, folder: Path) -> None:
        self._asking = asking
        self._folder = folder
        self._stamp = ""
        self._directory: Directory | None = None

    @property
    def directory(self) -> Directory:
        """Raises NotProvisioned while nothing is in force."""
        if self._directory is None:
            raise NotProvisioned("no provisioning document is in force")
        return self._directory

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self.refresh()
            await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Look for a newer document once; raises StoreUnavailable."""
        stamp = await self._asking(lambda store: store.provisioning.stamp())
        if stamp and stamp != self._stamp:
            newer = await self._asking(lambda store: self._written(store, stamp))
            # Now: it is opened at its first question, and by then a newer one may have taken its file away.
            _ = newer.version
            # Not closed: who asked for the older one before he had to wait goes on with it, and it ends with him.
            self._directory, self._stamp = newer, stamp

    def _written(self, store: Store, stamp: str) -> Directory:
        version, document = store.provisioning.fetch()
        path = self._folder / f"directory-{stamp}.sqlite"
        snapshot.write(wire.decode(document), version, str(path))
        for other in self._folder.glob("directory-*.sqlite"):
            if other != path:
                other.unlink()
        return Directory(str(path))
