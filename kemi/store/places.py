"""How a call that rings comes to its place in line, and comes back there when the store has lost it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kemi.dialogs.own_calls import Standing
from kemi.dialogs.tracking import Placement
from kemi.pickup import devices
from kemi.settings import Settings
from kemi.store import keys
from kemi.store.commands import Commands
from kemi.store.links import Word

Standings = Callable[[str, Sequence[str]], tuple[int, list[Standing]]]
"""The store's time (µs since 1970) when it was asked, and where each of a tenant's calls (keys) stands."""


def place(call: Placement, instance: str) -> tuple[Word, ...]:
    """How the functions are told of a call that was routed to an account (lua/_place.lua)."""
    caller = call.caller
    return (
        caller.dialog.key,
        call.ttl_ms,
        keys.KIND_CODES[call.kind],
        call.number,
        call.permission_id,
        caller.number,
        caller.pack(),
        " ".join(call.ringing),
        "1" if call.by_member else "",
        " ".join(call.agents),
        instance,
        call.transaction,
        devices.name_of(caller.contact, caller.user_agent),
    )


class Reentries:
    """Implements kemi.dialogs.reentry.ReentryStore for one node."""

    def __init__(self, connection: Commands, standings: Standings, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings
        self.standings = standings
        self.doubted, self.settle = connection.doubted, connection.settle

    def enter_again(self, call: Placement, at_us: int, early: Sequence[tuple[int, str]]) -> None:
        """A call that rings is in line where it would be that was routed at that time; nothing, if it is or is over.

        early: branch and To tag of its live early dialogs, the one that was relayed last at the end. Posted.
        """
        lines = "\n".join(f"{branch} {tag}" for branch, tag in early)
        words = place(call, self._settings.instance)
        self._redis.post("enter_again", keys.tenant(call.domain), *words, at_us, lines)
