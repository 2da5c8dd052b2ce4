"""What a ringing call's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from kemi.accounts.model import Kind
from kemi.sip import packed

NAME = "call"


class CallNote(NamedTuple):
    domain: str
    caller_number: str
    device: str
    """Flow of the caller's device."""
    on_hold: bool
    """The caller's own description says hold."""
    kind: Kind = Kind.EXTENSION
    number: str = ""
    """Account that it is routed to now; empty: outside (it is not tracked there)."""
    stage: int = 0
    routed_at_ms: int = 0
    """When it came to that account, by this node's clock: what no_answer.after_s counts from."""
    forwards: int = 0
    """How often it was forwarded: bounds a loop."""
    branches: int = 0
    """Branches that its transaction has used so far."""
    rung: tuple[tuple[int, str], ...] = ()
    """The extensions that ring now, each with the first of its branches."""
    claim: str = ""
    """Token of a picker's claim: it waits in a queue, and rings his device meanwhile."""
    caller_trunk: str = ""
    """Trunk by which it came; empty: an extension's."""
    callee_trunk: str = ""
    """Trunk by which it leaves."""

    def at(self, kind: Kind, number: str) -> CallNote:
        return self._replace(kind=kind, number=number, stage=0, routed_at_ms=now_ms())

    def outside(self) -> CallNote:
        return self._replace(number="", rung=())

    def ringing(self, contacts: Iterable[tuple[str, int]]) -> CallNote:
        """Extensions are about to be rung, each on so many branches."""
        rung, branch = [], self.branches
        for number, count in contacts:
            rung.append((branch, number))
            branch += count
        return self._replace(branches=branch, rung=tuple(rung))

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions that ring now."""
        return tuple(number for _, number in self.rung)

    def extension_on(self, branch: int) -> str:
        """The extension that a branch rings, '' when it rings none."""
        return next((number for first, number in reversed(self.rung) if branch >= first), "")

    def pack(self) -> str:
        return packed.pack(self)

    @classmethod
    def unpack(cls, text: str) -> CallNote:
        values = packed.unpack(text)
        values[_KIND] = _KINDS[values[_KIND]]
        values[_RUNG] = tuple(map(tuple, values[_RUNG]))
        return cls(*values)


_KINDS = {kind.value: kind for kind in Kind}
_KIND, _RUNG = CallNote._fields.index("kind"), CallNote._fields.index("rung")


def now_ms() -> int:
    return time.time_ns() // 1_000_000
