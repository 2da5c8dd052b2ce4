"""Who lives: each node says so about every second, in a process of its own, and hears of the others."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kemi.errors import StoreUnavailable
from kemi.nodes.peer import Known, Peer
from kemi.settings import Settings

SECRET_BYTES = 32
ENDED_BEATS = 5
AHEAD_STEP_MS = 100
"""Clocks are told apart no finer than that: workers are told anew only when something has changed."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a node hears when it says that it lives."""

    accepted: bool
    """False: another living node has its name."""
    secret: str
    now_us: int
    """By the store's clock."""
    registry_ms: int
    """How long there has been a registry: one that is young has not heard of everybody yet."""
    was_dead: bool
    """Others may have taken this node for dead until now; so does one that has never spoken."""
    living: tuple[Peer, ...]
    dead: tuple[Peer, ...]
    """Nodes that fell silent, or ended, and of which something may be left in the store."""


class NodeStore(Protocol):
    """Awaited; raises StoreUnavailable."""

    def announce(self, peer: Peer, secret: str) -> Announced: ...


class Registry:
    """The part of one process of a node: `beat` again and again.

    publish: tells every worker (Known.pack). forget: removes what dead nodes have left, where all may be removed.
    """

    def __init__(
        self,
        store: NodeStore,
        publish: Callable[[str], None],
        report: Callable[[str], None],
        settings: Settings,
    ) -> None:
        self._store = store
        self._publish = publish
        self._report = report
        self._silence_ms = settings.node_silence_ms
        self._own = Peer(settings.node, settings.boot, settings.peer)
        self._known = Known(secret=secrets.token_hex(SECRET_BYTES))
        self._published = ""
        self._refused = False
        self._gone: dict[Peer, int] = {}
        """Nodes that died lately, and for how many beats more."""
        self.bury: Callable[[Peer], None] = lambda _peer: None
        """Removes what a dead node has left in the store (set by the wiring)."""
        self.ended: Callable[[Peer], None] = lambda _peer: None
        """Ends here what waits for a dead node (set by the wiring)."""
        self.answering: Callable[[Sequence[Peer]], Sequence[Peer]] = lambda _silent: ()
        """Which of the nodes that are silent in the store can be reached all the same (set by the wiring)."""
        self.missed: Callable[[], None] = lambda: None
        """This node was told nothing for a while (set by the wiring)."""

    def beat(self) -> None:
        """Say that this node lives, and learn who else does. Without the store the last known stay."""
        try:
            heard = self._store.announce(self._own, self._known.secret)
        except StoreUnavailable:
            return
        self._tell(heard)
        is_young = heard.registry_ms < self._silence_ms
        if heard.was_dead and not is_young:
            self.missed()
        living = heard.living + self._living_besides(heard, is_young=is_young)
        ahead_ms = heard.now_us // 1000 - time.time_ns() // 1_000_000
        ahead_ms = round(ahead_ms / AHEAD_STEP_MS) * AHEAD_STEP_MS
        self._known = Known(heard.secret, ahead_ms, tuple(sorted(living, key=lambda peer: peer.instance)))
        text = self._known.pack()
        if text != self._published:
            self._publish(text)
            self._published = text
        for peer in heard.dead:
            self._gone[peer] = ENDED_BEATS
            self._bury(peer)
        self._end_what_waits()

    def _living_besides(self, heard: Announced, *, is_young: bool) -> tuple[Peer, ...]:
        """Nodes that lived when this one looked last, and of which the store says nothing, or that they are silent."""
        names, places = {peer.name for peer in heard.living}, {peer.place for peer in heard.living if peer.address}
        lost = tuple(peer for peer in self._known.living if peer.name not in names and peer.place not in places)
        if is_young:
            # The store lost what it had: those who live will say so soon, and until then are taken to.
            return tuple(peer for peer in lost if peer not in heard.dead)
        # One that is cut off from the store: what it held there goes, but calls find their way to its phones.
        return tuple(self.answering([peer for peer in lost if peer.address])) if lost else ()

    def _tell(self, heard: Announced) -> None:
        if not heard.accepted and not self._refused:
            self._report(f"another living node is called {self._own.name!r}: give each node a name of its own (--node)")
        self._refused = not heard.accepted

    def _end_what_waits(self) -> None:
        """For some beats: what has only just been asked of a dead node finds out by itself, or is ended by the next."""
        self._gone = {peer: left - 1 for peer, left in self._gone.items() if left}
        for peer in self._gone:
            self.ended(peer)

    def _bury(self, peer: Peer) -> None:
        try:
            self.bury(peer)
        except StoreUnavailable:
            return
