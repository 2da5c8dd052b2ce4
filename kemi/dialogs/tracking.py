"""What the proxy tells the store of a call, as small values; the operations are in the store's `Calls`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from kemi.accounts.model import Kind
from kemi.dialogs.record import Caller
from kemi.sip.dialog import DialogId


class Placement(NamedTuple):
    """A call takes its place in the line of the account that it is routed to."""

    domain: str
    kind: Kind
    number: str
    permission_id: str
    caller: Caller
    ringing: tuple[str, ...]
    """Extensions that are rung first."""
    ttl_ms: int
    """Longest that the call can ring there."""
    by_member: bool = False
    """Also find it through each extension that it rings (domain setting directed_includes_group_calls)."""
    agents: tuple[str, ...] = ()
    """Agents of some group that take part, as caller or by being rung: they are not idle."""
    transaction: str = ""
    """`index:label` of its INVITE on this node."""


class Device(NamedTuple):
    """One end of a confirmed dialog; `flow` empty: an end whose hold state nobody asks for (a trunk)."""

    flow: str = ""
    """`udp:192.0.2.1:5060`: where its messages come from."""
    on_hold: bool | None = False
    """Whether it has put the call on hold; None: what it sent says nothing about that."""

    def words(self) -> tuple[str, str]:
        return self.flow, "" if self.on_hold is None else "0" if self.on_hold else "1"


def trunk_party(name: str) -> str:
    """A trunk as one end of a dialog; extension numbers are digits, so that none is taken for one."""
    return f"trunk {name}"


def is_extension(party: str) -> bool:
    return party.isdigit()


class Parties(NamedTuple):
    """Whose ends a confirmed dialog has, and its callee tag: by these a Replaces from outside is judged.

    An extension's number, or `trunk_party`; empty: neither (a forward's target outside).
    """

    caller: str = ""
    callee: str = ""
    callee_tag: str = ""

    def words(self) -> tuple[str, str, str]:
        """For the arguments of the store's functions."""
        return self.caller, self.callee, self.callee_tag


class Answer(NamedTuple):
    """The two ends of a call that was answered, and the agents among them."""

    caller: Device
    callee: Device
    agents: tuple[str, ...] = ()
    """Agents of some group that take part."""
    serves: str = ""
    """The agent who answered a call to his group; empty: it was no such call."""
    wrap_up_s: int = 0
    """How long that agent is not idle after the call."""
    callee_end: str = ""
    """What it takes to end the dialog in the caller's name (FarEnd.pack), if a pickup crosses this answer."""
    parties: Parties = Parties()


class Tracking(Protocol):
    """What routing tells about calls. `ended` and `next_stage` wait for an answer (StoreUnavailable)."""

    def enter(self, call: Placement) -> None: ...
    def ringing(self, domain: str, dialog: DialogId, branch: int, callee_tag: str) -> None: ...
    def branch_failed(self, domain: str, dialog: DialogId, branch: int) -> None: ...
    def answered(self, domain: str, dialog: DialogId, answer: Answer) -> None: ...
    def forget(self, domain: str, dialog: DialogId) -> None: ...
    def ended(self, domain: str, dialog: DialogId) -> str:
        """The caller gave up."""
        ...

    def next_stage(
        self, domain: str, dialog: DialogId, ringing: Iterable[str], ttl_ms: int, agents: Iterable[str]
    ) -> bool: ...
    def renewed(self, domain: str, ends: tuple[DialogId, DialogId], device: Device) -> None: ...
    def over(self, domain: str, ends: tuple[DialogId, DialogId]) -> None: ...
