"""Which way a claimed call reaches its picker: the caller's device takes him (Replaces), or the call is sent to his."""

from __future__ import annotations

from enum import StrEnum

from kemi.accounts.model import PickupMode
from kemi.pickup.devices import Verdict


class Way(StrEnum):
    REPLACES = "replaces"
    REROUTE = "reroute"


CANNOT_TAKE_MEDIA = (415, 488, 606)
NO_SUCH_DIALOG = 481
ANSWERED_ALREADY = 486
ANOTHER_CALL = (NO_SUCH_DIALOG, ANSWERED_ALREADY, 600, 603)
"""RFC 3891 §3: there is no such call any more, or its human will not have it."""
DOES_NOT_REPLACE = (405, 408, 420, 501)
"""Of a device that answers so, no other Replaces is expected to succeed; 408 is also how tm reports silence."""


def choose(
    mode: PickupMode, verdict: Verdict, *, against_replaces: str, against_reroute: str
) -> tuple[Way | None, str]:
    """The way, or None and what stands in it.

    verdict: whether the caller's device carries a Replaces out. against_…: why a way is barred, '' when it is open.
    """
    replaces_first = mode is PickupMode.REPLACES or (mode is PickupMode.AUTO and verdict is not Verdict.BAD)
    open_ways = [
        way
        for way, obstacle in ((Way.REPLACES, against_replaces), (Way.REROUTE, against_reroute))
        if not obstacle and mode in (PickupMode.AUTO, PickupMode(way.value))
    ]
    if open_ways:
        return open_ways[0 if replaces_first else -1], ""
    return None, against_reroute if mode is PickupMode.REROUTE else against_replaces


def goes_on_by_reroute(status: int) -> bool:
    """Whether a call whose caller's device refused a Replaces with this status is worth being rerouted."""
    return status not in ANOTHER_CALL and status not in CANNOT_TAKE_MEDIA
