"""The destinations of trunks, in Kamailio's dispatcher: which of them are there, and which is next."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence

import KSR

from kemi.accounts.model import Trunk
from kemi.accounts.trunks import set_ids

IN_ORDER = 8
"""dispatcher's algorithm that takes the destination of the highest priority first."""
NO_FLAGS = 0


class KamailioGateways:
    """Implements kemi.routing.trunks.Gateways.

    path: the file that kamailio.cfg names as dispatcher's list_file. One line a destination:
    `set-id URI flags priority`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._written: str | None = None

    def prepare(self) -> None:
        """Leave an empty list: dispatcher does not start without one, and the trunks of a run before are history."""
        with contextlib.suppress(FileNotFoundError):
            self._write("")

    def install(self, trunks: Sequence[Trunk]) -> None:
        """Bring these trunks' destinations into force for every worker; raises OSError and leaves what was in force.

        A list that has not changed is left alone: with a new one dispatcher forgets which destinations are down.
        """
        text = _list(trunks)
        if text == self._written:
            return
        self._write(text)
        if KSR.dispatcher.ds_reload() < 0:
            raise OSError(f"{self._path}: dispatcher did not take the list of destinations")
        self._written = text

    def first(self, set_id: int) -> str:
        # Without the next hop of an earlier choice dispatcher chooses.
        KSR.resetdsturi()
        return _chosen() if KSR.dispatcher.ds_select_dst(set_id, IN_ORDER) > 0 else ""

    def next(self) -> str:
        return _chosen() if KSR.dispatcher.ds_next_dst() > 0 else ""

    def mark_down(self) -> None:
        KSR.dispatcher.ds_mark_dst()

    def _write(self, text: str) -> None:
        """The whole file or none of it."""
        folder, name = os.path.split(os.path.abspath(self._path))
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
            os.replace(temporary, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _list(trunks: Sequence[Trunk]) -> str:
    ids = set_ids(trunks)
    return "".join(
        f"{ids[trunk.name]} {destination} {NO_FLAGS} {len(trunk.destinations) - place}\n"
        for trunk in trunks
        for place, destination in enumerate(trunk.destinations)
    )


def _chosen() -> str:
    return str(KSR.pv.get("$du") or "")
