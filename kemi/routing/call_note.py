"""What a ringing call's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace

from kemi.accounts.model import Kind

NAME = "call"


@dataclass(frozen=True, slots=True)
class CallNote:
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

    def at(self, kind: Kind, number: str) -> CallNote:
        return replace(self, kind=kind, number=number, stage=0, routed_at_ms=now_ms())

    def outside(self) -> CallNote:
        return replace(self, number="")

    def pack(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def unpack(cls, text: str) -> CallNote:
        values = json.loads(text)
        return cls(**{**values, "kind": Kind(values["kind"])})


def now_ms() -> int:
    return time.time_ns() // 1_000_000
