"""What the lamp of an account shows, and where that is asked: small values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kemi.dialogs.record import CallRecord


@dataclass(frozen=True, slots=True)
class Talk:
    """A confirmed dialog of an extension."""

    key: str
    """The dialog's name in the store."""
    is_caller: bool


@dataclass(frozen=True, slots=True)
class Lamp:
    """One account at one moment. Calls that a picker has claimed are not in it: they are his."""

    calls: tuple[CallRecord, ...] = ()
    """Those that ring, in their order, then those that wait."""
    talks: tuple[Talk, ...] = ()
    """Of an extension; none of a group."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the store answered."""

    moment: str
    """Of the answer, by the store's clock: what the next look begins from."""
    stamp: str
    """Another than before: the store has forgotten who is watched. Empty: it knows of nobody."""
    lamps: dict[str, Lamp]
    """By the account's number."""
    lasts_ms: dict[str, int]
    """When the first of what a lamp shows expires unless it is renewed: nobody is told of that."""


class LampStore(Protocol):
    """Awaited: both raise StoreUnavailable."""

    def watched(self, domain: str, numbers: Sequence[str]) -> Look:
        """These accounts are watched for the next minute; what all of them show now."""
        ...

    def look(self, domain: str, since: str) -> Look:
        """The watched accounts that may have changed since that moment."""
        ...
