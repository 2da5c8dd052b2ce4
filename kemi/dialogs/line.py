"""Where a caller stands in line, as a person is told."""

from __future__ import annotations

from collections.abc import Iterable

from kemi.dialogs.record import CallRecord


def positions(calls: Iterable[CallRecord]) -> dict[str, int]:
    """Position in its account's queue (1: next) of each call of a domain that waits there, by the call's key.

    A call that a picker has claimed stands in no line; it is back at its place when the claim is given back.
    """
    found: dict[str, int] = {}
    counted: dict[str, int] = {}
    for call in sorted(calls, key=lambda call: (call.routed_at_us, call.key)):
        if call.waiting and not call.claimed_by:
            found[call.key] = counted[call.number] = counted.get(call.number, 0) + 1
    return found
