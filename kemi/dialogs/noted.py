"""Tracking of which the node keeps a note of its own: what rings is known here, too."""

from __future__ import annotations

import time
from collections.abc import Iterable

from kemi.dialogs import own_calls
from kemi.dialogs.own_calls import OwnCall, OwnCalls
from kemi.dialogs.tracking import Answer, Placement, Tracking
from kemi.sip.dialog import DialogId


class Noted:
    """Implements Tracking by another. What ends a call is noted first: no note outlasts what the store is told."""

    def __init__(self, tracking: Tracking, calls: OwnCalls) -> None:
        self._tracking, self._calls = tracking, calls
        self.renewed, self.over = tracking.renewed, tracking.over

    def enter(self, call: Placement) -> None:
        words = OwnCall(call, time.monotonic_ns() // 1000).pack()
        self._calls.note(own_calls.named(call.domain, call.caller.dialog.key), words)
        self._tracking.enter(call)

    def ringing(self, domain: str, dialog: DialogId, branch: int, callee_tag: str) -> None:
        self._calls.relay(own_calls.named(domain, dialog.key), own_calls.relayed(branch, callee_tag))
        self._tracking.ringing(domain, dialog, branch, callee_tag)

    def branch_failed(self, domain: str, dialog: DialogId, branch: int) -> None:
        self._calls.fail(own_calls.named(domain, dialog.key), branch)
        self._tracking.branch_failed(domain, dialog, branch)

    def next_stage(
        self, domain: str, dialog: DialogId, ringing: Iterable[str], ttl_ms: int, agents: Iterable[str]
    ) -> bool:
        ringing, agents = tuple(ringing), tuple(agents)
        name = own_calls.named(domain, dialog.key)
        words, _ = self._calls.find(name)
        if words:
            call = OwnCall.unpack(words)
            placement = call.placement._replace(ringing=ringing, ttl_ms=ttl_ms, agents=agents)
            self._calls.renew(name, OwnCall(placement, call.since_us).pack())
        return self._tracking.next_stage(domain, dialog, ringing, ttl_ms, agents)

    def answered(self, domain: str, dialog: DialogId, answer: Answer) -> None:
        self.taken(domain, dialog)
        self._tracking.answered(domain, dialog, answer)

    def forget(self, domain: str, dialog: DialogId) -> None:
        self.taken(domain, dialog)
        self._tracking.forget(domain, dialog)

    def ended(self, domain: str, dialog: DialogId) -> str:
        self.taken(domain, dialog)
        return self._tracking.ended(domain, dialog)

    def taken(self, domain: str, dialog: DialogId) -> None:
        """It rings no more, and the store has been told by who has it."""
        self._calls.let_go(own_calls.named(domain, dialog.key))
