"""One `*87` on its way: what the picker's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from kemi.accounts.model import Kind
from kemi.dialogs.record import CallRecord

NAME = "pickup"


@dataclass(frozen=True, slots=True)
class Target:
    """The call that is claimed now, as far as the callbacks need it."""

    key: str
    token: str
    kind: Kind
    number: str
    shown_for: str
    """What the call was for, to show: name of the account, else its number."""
    caller_number: str
    """The caller's extension; empty: from outside."""
    display: str
    uri: str
    contact: str
    flow: str
    routes: tuple[str, ...]
    call_id: str
    caller_tag: str
    callee_tags: tuple[str, ...]
    """To tags of early dialogs to offer, the next one first."""
    waited_ms: int

    @classmethod
    def of(cls, call: CallRecord, token: str, shown_for: str, now_us: int) -> Target:
        caller = call.caller
        return cls(
            key=call.key,
            token=token,
            kind=call.kind,
            number=call.number,
            shown_for=shown_for,
            caller_number=caller.number,
            display=caller.shown,
            uri=caller.uri,
            contact=caller.contact,
            flow=str(caller.flow),
            routes=caller.routes,
            call_id=caller.dialog.call_id,
            caller_tag=caller.dialog.caller_tag,
            # A phone may know only the last tag that was relayed to it: that one goes first.
            callee_tags=tuple(reversed(call.early_tags)),
            waited_ms=call.waited_ms(now_us),
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    domain: str
    picker: str
    picker_name: str
    dialled: str
    """Number after the code; empty: general."""
    device: str
    """Flow of the picker's device."""
    on_hold: bool
    """The picker's own description says hold."""
    started_ms: int
    tried: tuple[str, ...] = ()
    """Keys of the calls that it was sent after, or that it could not be sent after."""
    sent: int = 0
    """How many calls it was sent after."""
    obstacle: str = ""
    """Why the last call could not be had: goes into the Warning of the final answer."""
    raced: bool = False
    """A caller's device said that the call had been answered."""
    target: Target | None = None
    """The call that it is after; when it has ended, the last one that it was after."""
    done: bool = False

    def after(self, target: Target) -> Attempt:
        return replace(self, target=target, tried=(*self.tried, target.key))

    def lost(self, obstacle: str, *, raced: bool = False) -> Attempt:
        return replace(self, obstacle=obstacle, raced=self.raced or raced)

    def pack(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def unpack(cls, text: str) -> Attempt:
        values = json.loads(text)
        target = values.pop("target")
        if target is not None:
            target = Target(
                **{
                    **target,
                    "kind": Kind(target["kind"]),
                    "routes": tuple(target["routes"]),
                    "callee_tags": tuple(target["callee_tags"]),
                }
            )
        return cls(**{**values, "tried": tuple(values["tried"]), "target": target})
