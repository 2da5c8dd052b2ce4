"""What is known of the dialog that a Replaces header from outside names (RFC 3891 §3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from kemi.dialogs.record import CallRecord
from kemi.sip.dialog import Replaces


class Standing(IntEnum):
    """How a sender stands to a confirmed dialog; the numbers are replaced.lua's."""

    STRANGER = 0
    PARTY = 1
    """One of its ends is the sender's own account."""
    SENT = 2
    """The sender is in another confirmed dialog with a device of it: transferred by who is at that device."""


@dataclass(frozen=True, slots=True)
class Early:
    """It rings or waits."""

    call: CallRecord


@dataclass(frozen=True, slots=True)
class Confirmed:
    """It was answered."""

    stays: str
    """The party whose end gets the Replaces (Parties: an extension number or a trunk), '' for one that is neither."""
    routed_to: str
    """Account by which that party was called; '' when it is the caller, or was picked up."""
    standing: Standing


class ReplacedDialogs(Protocol):
    def replaced(self, domain: str, replaces: Replaces, sender: str) -> Early | Confirmed | None:
        """What the header names in this tenant, None when it is nothing. sender: as in Parties.

        An early dialog by the caller's tag and a live callee tag, a confirmed one by both its tags, in either order.
        Awaited: raises StoreUnavailable, so that nobody passes unchecked.
        """
        ...
