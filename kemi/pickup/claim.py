"""What a picker asks the store for, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kemi.accounts.directory import Grants
from kemi.accounts.model import Kind
from kemi.dialogs.record import CallRecord
from kemi.dialogs.tracking import Device
from kemi.pickup.event import PickupEvent
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId


@dataclass(frozen=True, slots=True)
class Wanted:
    """One search. The permission ids in `grants` are all that the search can reach: deny by default."""

    picker: Aor
    token: str
    """Names this attempt; only its holder can give the claim back."""
    grants: Grants
    number: str = ""
    """Account to pick up from; empty: general."""
    kind: Kind | None = None
    device: str = ""
    """Flow of the picker's device, when an unheld call of it forbids the pickup; else empty."""
    tried: tuple[str, ...] = ()
    """Keys of calls that this attempt has tried already."""
    includes_group_calls: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A ringing call, reserved for the holder of `token` until it is released or has ended."""

    token: str
    call: CallRecord


@dataclass(frozen=True, slots=True)
class Picked:
    """The caller's device accepted the picker."""

    key: str
    """The call that was claimed, and the claim's token."""
    token: str
    dialog: DialogId
    """The new one, between picker and caller."""
    picker: Device
    caller: Device
    agents: tuple[str, ...] = ()
    """Agents of some group that take part in it."""
    group: str = ""
    """The agent group whose caller it was; empty: another account's."""


class PickupStore(Protocol):
    """The store's operations that a pickup needs; the awaited one is `claim`."""

    def claim(self, wanted: Wanted) -> Claim | None: ...
    def release(self, domain: str, key: str, token: str) -> None: ...
    def picked(self, domain: str, picked: Picked) -> None: ...


class PickupRecord(Protocol):
    """Where the outcome of every attempt is written down."""

    def write(self, event: PickupEvent) -> None: ...
