"""What a picker asks the store for, and what it gets."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from kemi.accounts.directory import Grants
from kemi.accounts.model import Kind
from kemi.dialogs.record import CallRecord
from kemi.dialogs.tracking import Device, Parties
from kemi.pickup.devices import Verdict
from kemi.pickup.event import PickupEvent
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId


class Wanted(NamedTuple):
    """One search. The permission ids in `grants` are all that the search can reach: deny by default."""

    picker: Aor
    token: str
    """Names this attempt; only its holder can give the claim back."""
    grants: Grants
    number: str = ""
    """Account to pick up from; empty: general."""
    kind: Kind | None = None
    device: str = ""
    """Flows of the picker's devices, blank-separated, when an unheld call of one forbids the pickup; else empty."""
    tried: tuple[str, ...] = ()
    """Keys of calls that this attempt has tried already."""
    includes_group_calls: bool = False
    only: str = ""
    """Key of the one call that is wanted, if it is still routed to `number`; empty: whichever is first."""


class Claim(NamedTuple):
    """A ringing call, reserved for the holder of `token` until it is released or has ended."""

    token: str
    call: CallRecord
    learnt: Verdict = Verdict.UNKNOWN
    """What is remembered of the caller's device."""


class Picked(NamedTuple):
    """Picker and caller are connected: the caller's device took the picker's INVITE, or the picker's the caller's."""

    key: str
    """The call that was claimed, and the claim's token."""
    token: str
    dialog: DialogId
    """The one between picker and caller: a new one, or the call's own."""
    picker: Device
    caller: Device
    agents: tuple[str, ...] = ()
    """Agents of some group that take part in it."""
    group: str = ""
    """The agent group whose caller it was; empty: another account's."""
    parties: Parties = Parties()


class Outcome(IntEnum):
    """What `picked` found."""

    LOST = 0
    """The old call had ended, or the claim had expired."""
    DONE = 1
    CROSSED = 3
    """The callee's answer had reached the caller, whose device took the picker all the same."""


class Rerouted(IntEnum):
    """Whether a call can still be sent to the picker's device."""

    GONE = 0
    DONE = 1
    GIVEN_UP = 2
    """The caller's device has ended its call for the picker, and has not taken him yet."""


class PickupStore(Protocol):
    """The store's operations that a pickup needs; all but `release` are awaited and raise StoreUnavailable."""

    def claim(self, wanted: Wanted) -> Claim | None: ...
    def denied(self, picker: Aor) -> None: ...
    def entrust(self, domain: str, key: str, token: str) -> Claim | None: ...
    def release(self, domain: str, key: str, token: str, *, is_over: bool = False) -> None: ...
    def reroute(self, domain: str, key: str, token: str, *, ttl_ms: int, offer: str) -> Rerouted: ...
    def rerouted(self, domain: str, dialog: DialogId) -> str: ...
    def picked(self, domain: str, picked: Picked) -> tuple[Outcome, str]: ...
    def remember_device(self, domain: str, device: str, verdict: Verdict) -> None: ...


class PickupRecord(Protocol):
    """Where the outcome of every attempt is written down."""

    def write(self, event: PickupEvent) -> None: ...
