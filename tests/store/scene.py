"""A tenant with callers, pickers and phones, as short words over the store."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, cast

import redis

from kemi.accounts.directory import Grants
from kemi.accounts.model import Kind
from kemi.dialogs.record import Caller, CallRecord
from kemi.dialogs.replaced import Confirmed, Early
from kemi.dialogs.tracking import Answer, Device, Parties, Placement
from kemi.pickup.claim import Claim, Outcome, Picked, Rerouted, Wanted
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId, Replaces
from kemi.sip.flow import Flow
from kemi.store import Store, keys
from kemi.store.calls import Calls
from kemi.store.commands import Commands
from kemi.store.links import Word

DOMAIN = "pbx.example.com"
PICKER = "109"
HUNT, EXTENSION, AGENT = Kind.HUNT_GROUP, Kind.EXTENSION, Kind.AGENT_GROUP
OPEN = "open"
"""Permission id of the accounts that let PICKER pick up, unless a test says otherwise."""
ALL = Grants((OPEN,), (OPEN,), (OPEN,))
RING_MS = 60_000
END = '["the callee\'s end"]'
"""The callee's end of a dialog, as an answer tells it."""
SENT_MS = 25_000
"""How long the claim of a call lasts that is sent to its picker's phone."""
SPARE_MS = 10_000
"""How much longer than its calls a line is kept (store/lua/_line.lua)."""
MARK_MS = 5_000


def flow(port: int) -> Flow:
    return Flow("udp", "192.0.2.1", port, "udp:192.0.2.9:5060")


def phone(port: int, *, on_hold: bool | None = False) -> Device:
    return Device(flow(port).device, on_hold)


def caller(dialog: DialogId, number: str = "") -> Caller:
    return Caller(dialog, number, "Zoë", "sip:+15550100@carrier.example", "sip:z@192.0.2.1", flow(5062), (), True)


class Answered(IntEnum):
    """Return codes of answered.lua, which the proxy need not read."""

    UNKNOWN = 0
    DONE = 1
    PICKED_UP = 2


class Awaited:
    """What is posted, asked instead; `answer` is what came."""

    def __init__(self, store: Store) -> None:
        self._commands = store._connection
        self.answer: Any = None

    def post(self, operation: str, key: str, *args: Word) -> bool:
        self.answer = self._commands.fcall(operation, key, *args)
        return True


@dataclass
class Scene:
    """What happens in one tenant. Every word of it returns when the store has done it."""

    store: Store
    redis: redis.Redis
    domain: str = DOMAIN
    placed: dict[DialogId, Placement] = field(default_factory=dict)
    _serial: itertools.count[int] = field(default_factory=itertools.count)

    def dialog(self) -> DialogId:
        """Another call's name."""
        return DialogId(f"call-{next(self._serial)}@192.0.2.1", "alice")

    def ring(
        self,
        number: str = "101",
        kind: Kind = EXTENSION,
        *,
        permit: str = OPEN,
        dialog: DialogId | None = None,
        calls_from: str = "",
        members: Sequence[str] = (),
        by_member: bool = False,
        ttl_ms: int = RING_MS,
        agents: Sequence[str] = (),
    ) -> DialogId:
        """A call is routed to an account. calls_from: the caller's extension number, empty for one from outside."""
        dialog = dialog or self.dialog()
        ringing = tuple(members) or (number,)
        placement = Placement(
            self.domain, kind, number, permit, caller(dialog, calls_from), ringing, ttl_ms, by_member, tuple(agents)
        )
        self.placed[dialog] = placement
        self.store.calls.enter(placement)
        self.store.settle()
        return dialog

    def rings_again(self, dialog: DialogId, rang_ms: int = 0, early: Sequence[tuple[int, str]] = ()) -> None:
        """The node tells of a call that was placed once, and has rung for so long."""
        self.store.reentries.enter_again(self.placed[dialog], self.now_us() - rang_ms * 1000, early)
        self.store.settle()

    def pick(
        self,
        number: str = "",
        kind: Kind = EXTENSION,
        *,
        picker: str = PICKER,
        grants: Grants = ALL,
        token: str = "token",
        device: str = "",
        tried: Sequence[DialogId] = (),
        includes_group_calls: bool = False,
        only: DialogId | None = None,
    ) -> Claim | None:
        """PICKER dials *87 (with a number: *87<number>)."""
        wanted = Wanted(
            picker=Aor(picker, self.domain),
            token=token,
            grants=grants,
            number=number,
            kind=kind if number else None,
            device=device,
            tried=tuple(dialog.key for dialog in tried),
            includes_group_calls=includes_group_calls,
            only=only.key if only else "",
        )
        return self.store.calls.claim(wanted)

    def picked_up(self, number: str = "", kind: Kind = EXTENSION, **more: object) -> DialogId | None:
        """As `pick`, but only which call it was."""
        claim = self.pick(number, kind, **more)  # type: ignore[arg-type]
        return claim.call.caller.dialog if claim else None

    def rings(self, dialog: DialogId, branch: int, tag: str) -> None:
        self.store.calls.ringing(self.domain, dialog, branch, tag)
        self.store.settle()

    def branch_failed(self, dialog: DialogId, branch: int) -> None:
        self.store.calls.branch_failed(self.domain, dialog, branch)
        self.store.settle()

    def answered(
        self,
        dialog: DialogId,
        calling: Device | None = None,
        called: Device | None = None,
        *,
        agents: Sequence[str] = (),
        serves: str = "",
        wrap_up_s: int = 0,
        parties: Parties | None = None,
        callee_end: str = "",
    ) -> Answered:
        ends = calling or Device(), called or Device()
        answer = Answer(*ends, tuple(agents), serves, wrap_up_s, callee_end, parties or Parties())
        awaited = Awaited(self.store)
        Calls(cast(Commands, awaited), self.store.calls._settings).answered(self.domain, dialog, answer)
        return Answered(awaited.answer)

    def ended(self, dialog: DialogId) -> str:
        return self.store.calls.ended(self.domain, dialog)

    def stage(
        self, dialog: DialogId, members: Sequence[str], ttl_ms: int = RING_MS, agents: Sequence[str] = ()
    ) -> bool:
        return self.store.calls.next_stage(self.domain, dialog, members, ttl_ms, agents)

    def release(self, dialog: DialogId, token: str = "token") -> None:
        self.store.calls.release(self.domain, dialog.key, token)
        self.store.settle()

    def disclaims(self, token: str = "token") -> None:
        self.store.calls.disclaim(self.domain, token)
        self.store.settle()

    def picked(
        self,
        old: DialogId,
        token: str = "token",
        *,
        picker: Device | None = None,
        new: DialogId | None = None,
        called: Device | None = None,
        agents: Sequence[str] = (),
        group: str = "",
        parties: Parties | None = None,
    ) -> DialogId:
        """The caller's phone accepted the picker; returns the new dialog."""
        new = new or self.dialog()
        self.connected(old, token, new, picker=picker, called=called, agents=agents, group=group, parties=parties)
        return new

    def connected(
        self,
        old: DialogId,
        token: str = "token",
        new: DialogId | None = None,
        *,
        picker: Device | None = None,
        called: Device | None = None,
        agents: Sequence[str] = (),
        group: str = "",
        parties: Parties | None = None,
    ) -> tuple[Outcome, str]:
        """Picker and caller are connected. Without a new dialog the picker's phone answered the caller's own INVITE."""
        ends = picker or Device(), called or Device()
        picked = Picked(old.key, token, new or old, *ends, tuple(agents), group, parties or Parties())
        return self.store.calls.picked(self.domain, picked)

    def reroute(
        self, dialog: DialogId, token: str = "token", *, ttl_ms: int = SENT_MS, offer: str = "offer"
    ) -> Rerouted:
        return self.store.calls.reroute(self.domain, dialog.key, token, ttl_ms=ttl_ms, offer=offer)

    def rerouted(self, dialog: DialogId) -> str:
        return self.store.calls.rerouted(self.domain, dialog)

    def replaced(self, call_id: str, to_tag: str, from_tag: str, sender: str) -> Early | Confirmed | None:
        """What a Replaces header from outside names."""
        return self.store.dialogs.replaced(self.domain, Replaces(call_id, to_tag, from_tag), sender)

    def renewed(self, ends: tuple[DialogId, DialogId], device: Device) -> None:
        self.store.calls.renewed(self.domain, ends, device)
        self.store.settle()

    def over(self, ends: tuple[DialogId, DialogId]) -> None:
        self.store.calls.over(self.domain, ends)
        self.store.settle()

    def reindex(self, number: str, permit: str) -> int:
        return self.store.calls.reindex(self.domain, number, permit)

    def seen(self, *permits: str) -> dict[DialogId, CallRecord]:
        """What a survey shows, by call, in its order."""
        ids = permits or (OPEN,)
        survey = self.store.calls.survey(self.domain, Grants(ids, ids, ids))
        return {call.caller.dialog: call for call in survey.calls}

    def left(self) -> dict[str, int]:
        """What is left in Redis: names without the tenant's prefix, with their time to live in ms (-1: for ever)."""
        found = cast(list[bytes], self.redis.keys("*"))
        prefix = keys.tenant(self.domain)
        return {
            name.decode("utf-8", "surrogateescape").removeprefix(prefix): cast(int, self.redis.pttl(name))
            for name in found
        }

    def lasting(self) -> set[str]:
        """What is left but for the marks of calls that are over, which hold nothing else and are gone within 5 s."""
        found = set(self.left())
        for name in [name for name in found if name.startswith(keys.SUFFIXES["call"])]:
            key = f"{keys.tenant(self.domain)}{name}"
            fields = set(cast(list[bytes], self.redis.hkeys(key)))
            if b"gone" in fields:
                assert fields <= {b"gone", b"o", b"h"}, f"{name} is over and still has {fields}"
                ttl_ms = cast(int, self.redis.pttl(key))
                assert ttl_ms == -2 or 0 <= ttl_ms <= MARK_MS, f"{name} is no mark that expires: {ttl_ms} ms"
            if b"gone" in fields or not fields:
                found.remove(name)
        return found

    def ends_with(self, call: DialogId) -> set[str]:
        """What lasts once the dialog of a call is over as well."""
        self.over((call, DialogId(call.call_id, "callee")))
        return self.lasting()

    def now_us(self) -> int:
        """The store's clock, in µs since 1970."""
        seconds, microseconds = cast(tuple[int, int], self.redis.time())
        return seconds * 1_000_000 + microseconds

    def set_routed_at(self, dialog: DialogId, routed_at_us: int) -> None:
        """Move a call in time, as if it had been routed then (µs since 1970)."""
        prefix = keys.tenant(self.domain)
        self.redis.hset(f"{prefix}{keys.SUFFIXES['call']}{dialog.key}", "t", str(routed_at_us))
        for name in cast(list[bytes], self.redis.keys("*:ring:*") + self.redis.keys("*:wait:*")):  # type: ignore[operator]
            self.redis.zadd(name, {dialog.key: routed_at_us}, xx=True)

    def lose_record(self, dialog: DialogId) -> None:
        """The call's record expires while it still stands in line: a ghost."""
        self.redis.delete(f"{keys.tenant(self.domain)}{keys.SUFFIXES['call']}{dialog.key}")
