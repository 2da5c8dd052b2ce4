"""Calls that ring from this node and that the store has lost: they are entered again, as if it had never been away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.dialogs.own_calls import OwnCall, OwnCalls, Standing, named
from kemi.dialogs.tracking import Placement
from kemi.errors import NotProvisioned, StoreUnavailable
from kemi.sip.dialog import DialogId

EVERY_S = 1.0
"""How often is looked at most, while the store goes and comes."""
REST = 3
"""A look is followed by a pause so many times as long: with many calls, or a store that is full, others come first."""


class ReentryStore(Protocol):
    """But for the first and the last, what it does is awaited, and raises StoreUnavailable."""

    def doubted(self) -> bool:
        """Whether, since this was asked last, something may have been lost that any process of the node recorded."""
        ...

    def settle(self) -> None: ...
    def standings(self, domain: str, keys: Sequence[str]) -> tuple[int, list[Standing]]: ...
    def enter_again(self, call: Placement, at_us: int, early: Sequence[tuple[int, str]]) -> None: ...


class Reentry:
    """Belongs to one process of the node. is_taken: whether a call is somebody's already."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        calls: OwnCalls,
        store: ReentryStore,
        is_taken: Callable[[DialogId], bool],
    ) -> None:
        self._directory = directory
        self._calls = calls
        self._store = store
        self._is_taken = is_taken
        self._is_doubtful = False
        self._looks_at_s = 0.0

    def look(self) -> None:
        """See that the store knows what rings from here, if there is a doubt; else it is asked nothing."""
        if self._store.doubted():
            self._is_doubtful = True
        began_s = time.monotonic()
        if not self._is_doubtful or began_s < self._looks_at_s:
            return
        try:
            # What has been posted is no loss: it is on its way.
            self._store.settle()
            directory = self._directory()
            for domain, names in groupby(sorted(self._calls.names()), key=_domain_of):
                self._in_tenant(directory, domain, [name.removeprefix(f"{domain} ") for name in names])
        except (NotProvisioned, StoreUnavailable):
            return
        self._is_doubtful = False
        ended_s = time.monotonic()
        self._looks_at_s = ended_s + max(EVERY_S, REST * (ended_s - began_s))

    def _in_tenant(self, directory: Directory, domain: str, keys: list[str]) -> None:
        here_us = time.monotonic_ns() // 1000
        there_us, standings = self._store.standings(domain, keys)
        for key, standing in zip(keys, standings, strict=True):
            if standing is Standing.MISSING:
                # The two clocks are compared once for all, lest calls change places.
                self._enter_again(directory, named(domain, key), there_us - here_us)
            elif standing is Standing.OVER:
                self._calls.let_go(named(domain, key))

    def _enter_again(self, directory: Directory, name: str, ahead_us: int) -> None:
        words, early = self._calls.find(name)
        if not words:
            return
        call = OwnCall.unpack(words, early)
        placement = call.placement
        account = directory.account(placement.domain, placement.number)
        if account is None or account.kind is not placement.kind or self._is_taken(placement.caller.dialog):
            # Nobody may pick it up any more, or somebody has, and its caller's phone has yet to end it.
            self._calls.let_go(name)
        else:
            # Who may was perhaps changed since.
            placement = placement._replace(permission_id=account.permission.id)
            self._store.enter_again(placement, call.since_us + ahead_us, call.early)


def _domain_of(name: str) -> str:
    return name.partition(" ")[0]
