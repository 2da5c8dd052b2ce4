"""A Redis Cluster: each operation goes to the primary that has the slot of its key.

The keys of a tenant have one hash tag and with it one slot, so one operation is one node's. Where the slots are is
asked when it is not known, and when a node fails or says that it has them no more.

While a slot is being moved, some of its keys are on either node, and an operation, which names no single key, would see
but one half (ASK): it is refused, and done by none of them. That lasts as long as the move of this one slot.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from kemi.errors import StoreUnavailable
from kemi.store import functions
from kemi.store.arrears import AT_ONCE, Arrears
from kemi.store.breaker import Report, unreported
from kemi.store.cluster_node import Node
from kemi.store.failures import Refused
from kemi.store.links import Word
from kemi.store.slots import Slots, slot_of
from kemi.store.urls import Place, Target
from kemi.store.wire import words_of

LOOK_AGAIN_S = 0.1
"""How often it is asked at most where the slots are."""
SHARE = 2
"""A node that is asked so may take half of the time that is left."""
KEY_OF_FCALL = 3


class Cluster:
    """Commands to a Cluster; the same words as Connection's, and the same bound for each."""

    def __init__(self, target: Target, *, timeout_ms: int, retry_ms: int, report: Report = unreported) -> None:
        self._target = target
        self._options: dict[str, int] = {"timeout_ms": timeout_ms, "retry_ms": retry_ms}
        self._timeout_s = timeout_ms / 1000
        self._report = report
        self._nodes: dict[Place, Node] = {}
        self._slots = Slots()
        self._is_doubtful = True
        """Something does not go with what is known of the slots."""
        self._look_not_before_s = 0.0
        self._looks = 0
        self._arrears = Arrears()
        self.doubt, self.doubted = self._arrears.doubt, self._arrears.doubted
        self._pay_not_before_s = 0.0

    def call(self, *words: Word) -> Any:
        """Send a command and await its answer; one without a key goes to every primary. Raises StoreUnavailable."""
        if len(words) < 2:
            return [node.call(*words) for node in self._every_primary()][-1]
        return self._at(str(words[1]), lambda node: node.call(*words))

    def decide(self, operation: str, key: str, *args: Word) -> Any:
        """As Connection.decide."""
        return self._at(key, lambda node: node.decide(operation, key, *args))

    def fcall(self, operation: str, key: str, *args: Word) -> Any:
        """As Connection.fcall."""
        # What it owes is no node's: another one may have the slot when its failure is over.
        words = (
            "FCALL_RO" if operation in functions.READ_ONLY else "FCALL",
            functions.name_of(operation),
            1,
            key,
            *args,
        )
        try:
            return self._at(key, lambda node: node.call(*words))
        except StoreUnavailable:
            self._arrears.add(operation, key, args)
            raise

    def post(self, operation: str, key: str, *args: Word) -> bool:
        """As Connection.post."""
        words = ("FCALL", functions.name_of(operation), 1, key, *args)
        try:
            self._at(key, lambda node: node.post_words(words))
        except StoreUnavailable:
            self._arrears.add(operation, key, args)
            return False
        return True

    @property
    def is_resting(self) -> bool:
        """Each of its nodes rests by itself."""
        return False

    def hold(self, command: bytes) -> None:
        """As Connection.hold."""
        words = words_of(command)
        place = None if self._is_doubtful else self._slots.owner(slot_of(words[KEY_OF_FCALL]))
        if place is None:
            # Where it belongs is found out as for any other.
            self.post(functions.operation_of(words[1]), words[KEY_OF_FCALL], *words[KEY_OF_FCALL + 1 :])
        else:
            self._node(place).hold(command)

    def pay(self) -> None:
        """As Connection.pay."""
        self._pay(time.monotonic() + self._timeout_s)

    def settle(self) -> None:
        """As Connection.settle, at every node, whichever of them fail."""
        until_s = time.monotonic() + self._timeout_s
        failures: list[StoreUnavailable] = []
        for node in tuple(self._nodes.values()):
            try:
                if node.owes:
                    node.settle()
            except StoreUnavailable as failure:
                # Whoever only posts finds out by this that others may have its slots.
                self._is_doubtful = True
                failures.append(failure)
            if self._send_on(node, until_s):
                self.settle()
        if failures:
            raise failures[0]

    def load_functions(self) -> None:
        """Put the function library in place at every primary; raises StoreUnavailable."""
        for node in self._every_primary():
            node.load_functions()

    def close(self) -> None:
        for node in self._nodes.values():
            node.close()
        self._nodes.clear()
        self._is_doubtful = True
        self._look_not_before_s = 0.0

    def _at(self, key: str, act: Callable[[Node], Any], until_s: float = 0.0) -> Any:
        """Do something where the key is; once more when it turns out to be elsewhere.

        until_s: when it must have ended, by the monotonic clock; 0: a time-out from now.
        """
        now_s = time.monotonic()
        is_late = until_s > 0
        until_s = until_s or now_s + self._timeout_s
        slot = slot_of(key)
        if self._is_doubtful:
            is_late = True
            if now_s >= self._pay_not_before_s:
                self._pay(until_s)
            if now_s >= self._look_not_before_s:
                self._look(until_s)
        place = self._slots.owner(slot)
        if place is None:
            raise StoreUnavailable(f"no primary of the cluster has slot {slot}")
        node = self._node(place)
        try:
            answer = node.within(until_s, lambda: act(node)) if is_late else act(node)
        except StoreUnavailable as failure:
            other = self._instead_of(place, slot, failure, until_s)
            # What was posted before goes first.
            self._send_on(node, until_s)
            if other is None:
                raise
            answer = other.within(until_s, lambda: act(other))
        if node.displaced:
            self._send_on(node, until_s)
        return answer

    def _pay(self, until_s: float) -> None:
        """What ended while a primary was away is recorded, where it can be yet."""
        # All of it is tried once; what fails again is kept for the next time.
        kept: list[tuple[Word, ...]] = []
        self._pay_not_before_s = time.monotonic() + LOOK_AGAIN_S
        for _ in range(AT_ONCE):
            words = self._arrears.take()
            if words is None:
                break
            key = str(words[KEY_OF_FCALL])
            try:
                # No longer than the operation that it goes before.
                self._at(key, lambda node, words=words: node.call(*words), until_s)  # type: ignore[misc]
            except StoreUnavailable:
                kept.append(words)
        for words in kept:
            self._arrears.put_back(words)

    def _instead_of(self, place: Place, slot: int, failure: StoreUnavailable, until_s: float) -> Node | None:
        """The node to try after another failed; None when there is none, or no time."""
        self._is_doubtful = True
        if isinstance(failure, Refused):
            if failure.moved_to is None:
                return None
            host, port = failure.moved_to
            self._slots.learn(slot, (host or place[0], port))
            # All that is known may be old: the next operation asks.
            self._look_not_before_s = 0.0
        else:
            now_s = time.monotonic()
            if now_s < self._look_not_before_s or now_s >= until_s or not self._look(until_s):
                return None
        now_at = self._slots.owner(slot)
        return self._node(now_at) if now_at is not None and now_at != place else None

    def _send_on(self, node: Node, until_s: float) -> bool:
        """Post again, where it belongs now, what a node refused for want of the slot. False: there was nothing.

        A slot that nobody else is known to have is looked for first.
        """
        again = node.displaced.copy()
        node.displaced.clear()
        slots = [slot_of(str(words[KEY_OF_FCALL])) for words in again]
        if any(self._node_of(slot) is node for slot in slots):
            self._look(until_s)
        for words, slot in zip(again, slots, strict=True):
            other = self._node_of(slot)
            if other is None:
                self._arrears.add_command(words)
                self._report("the state store lost a record: its slot has no primary")
                continue
            try:
                other.within(until_s, lambda words=words, other=other: other.post_words(words))  # type: ignore[misc]
            except StoreUnavailable as failure:
                self._arrears.add_command(words)
                self._report(f"the state store lost a record: {failure}")
        return bool(again)

    def _node_of(self, slot: int) -> Node | None:
        place = self._slots.owner(slot)
        return self._node(place) if place is not None else None

    def _node(self, place: Place) -> Node:
        node = self._nodes.get(place)
        if node is None:
            name = f"{place[0]}:{place[1]}"
            node = self._nodes[place] = Node(
                self._target.link(place),
                self._arrears,
                **self._options,
                report=lambda line: self._report(f"{line} [{name}]"),
            )
        return node

    def _every_primary(self) -> Iterator[Node]:
        until_s = time.monotonic() + self._timeout_s
        if not self._look(until_s):
            raise StoreUnavailable("no node of the cluster says where its slots are")
        if not self._slots.is_whole:
            raise StoreUnavailable("some slots of the cluster have no primary")
        yield from [self._node(place) for place in self._slots.primaries()]

    def _look(self, until_s: float) -> bool:
        """Ask where the slots are, one node after the other. False: nobody said."""
        known = [place for place in self._nodes if not self._nodes[place].is_failing]
        places = list(dict.fromkeys((*known, *self._target.places, *self._nodes)))
        # Not always the same one: it may be behind the others.
        self._looks += 1
        first = self._looks % len(known) if known else 0
        for place in (*places[first:], *places[:first]):
            now_s = time.monotonic()
            if now_s >= until_s:
                break
            node = self._node(place)
            try:
                answer = node.within(
                    now_s + (until_s - now_s) / SHARE,
                    lambda node=node: node.call("CLUSTER", "SLOTS"),  # type: ignore[misc]
                )
            except StoreUnavailable:
                continue
            self._slots.read(answer, place)
            self._is_doubtful = not self._slots.is_whole
            self._look_not_before_s = time.monotonic() + LOOK_AGAIN_S
            self._send_on(node, until_s)
            self._drop_strangers(until_s)
            return True
        self._look_not_before_s = time.monotonic() + LOOK_AGAIN_S
        return False

    def _drop_strangers(self, until_s: float) -> None:
        """Who has no slot any more is not asked; what was posted to it, and refused, goes to those who have."""
        primaries = self._slots.primaries()
        for place in [place for place in self._nodes if place not in primaries]:
            node = self._nodes.pop(place)
            if node.owes:
                with contextlib.suppress(StoreUnavailable):
                    node.within(until_s, node.settle)
            self._send_on(node, until_s)
            node.close()
            if node.is_failing:
                self._report(f"the state store is back: others have the slots of {place[0]}:{place[1]}")
