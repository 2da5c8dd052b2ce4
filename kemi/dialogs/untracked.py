"""Calls that nobody tracks: the setting `tracking` is 0, to see what tracking costs."""

# ruff: noqa: ARG002 - it takes what Tracking takes

from __future__ import annotations

from collections.abc import Iterable

from kemi.dialogs.tracking import Answer, Device, Placement
from kemi.sip.dialog import DialogId


class Untracked:
    """Implements Tracking and remembers nothing: every `*87` finds no call."""

    def enter(self, call: Placement) -> None: ...
    def ringing(self, domain: str, dialog: DialogId, branch: int, callee_tag: str) -> None: ...
    def branch_failed(self, domain: str, dialog: DialogId, branch: int) -> None: ...
    def answered(self, domain: str, dialog: DialogId, answer: Answer) -> None: ...
    def forget(self, domain: str, dialog: DialogId) -> None: ...
    def ended(self, domain: str, dialog: DialogId) -> str:
        return ""

    def next_stage(
        self, domain: str, dialog: DialogId, ringing: Iterable[str], ttl_ms: int, agents: Iterable[str]
    ) -> bool:
        return True

    def renewed(self, domain: str, ends: tuple[DialogId, DialogId], device: Device) -> None: ...
    def over(self, domain: str, ends: tuple[DialogId, DialogId]) -> None: ...
