"""The picture of `star87 watch`: the calls that ring and wait and the last pickups, within a terminal's width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kemi.accounts.permission import Permission
from kemi.cli.calls import may_pick_up
from kemi.cli.output import printable, seconds
from kemi.dialogs.record import CallRecord
from kemi.pickup.event import PICKED_UP, PickupEvent
from kemi.sip.uri import user_and_host

LONG_MS = 30_000
"""A call that is older is shown so that it catches the eye."""
CHROME = 6
"""Lines that are no row: title, two headings, two blank ones, and one for what is left out."""
PICKUPS_LEAST = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """One call: its age in ms, the permission that a pickup of it is judged by, its place in a queue."""

    call: CallRecord
    age_ms: int
    permission: Permission
    position: int | None
    account_name: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to see at one moment. `away`: why the state store does not answer, empty when it does."""

    calls: tuple[Shown, ...] = ()
    pickups: tuple[PickupEvent, ...] = ()
    away: str = ""
    away_s: float = 0.0
    """For how long it has been away; what is shown is so old."""

    def drawn(self, now: datetime, height: int, *, with_domain: bool = False) -> RenderableType:
        """As a terminal shows it in `height` lines. with_domain: the calls are of several tenants."""
        room = max(2 + PICKUPS_LEAST, height - CHROME)
        pickups = self.pickups[-max(PICKUPS_LEAST, room - len(self.calls)) :]
        most = max(1, room - len(pickups))
        shown, left = self.calls[:most], len(self.calls) - most
        parts: list[RenderableType] = [self._title(now), Text()]
        parts.append(_calls(shown, with_domain) if shown else Text("no call rings or waits", style="dim"))
        if left > 0:
            parts.append(Text(f"… and {left} more, younger than these", style="dim"))
        parts.append(Text())
        parts.append(_pickups(pickups, with_domain) if pickups else Text("no pickup was tried yet", style="dim"))
        return Group(*parts)

    def _title(self, now: datetime) -> Text:
        title = Text(no_wrap=True, overflow="ellipsis")
        title.append("Star87 ", style="bold")
        title.append(now.strftime("%H:%M:%S"))
        if self.away:
            title.append(f"  the state store is away for {self.away_s:.0f} s: what is shown is old", style="bold red")
            return title
        waiting = sum(shown.call.waiting for shown in self.calls)
        title.append(f"  {len(self.calls) - waiting} ring, {waiting} wait")
        return title


def _calls(calls: Sequence[Shown], with_domain: bool) -> Table:
    table = _table("age", ("account", 3), ("caller", 3), ("state", 3), ("may pick up", 3))
    for shown in calls:
        call = shown.call
        account = f"{call.number} {shown.account_name}".rstrip()
        table.add_row(
            Text(seconds(shown.age_ms) if shown.age_ms < 60_000 else _minutes(shown.age_ms), style=_style(shown)),
            _text(f"{account} @{call.domain}" if with_domain else account),
            _text(call.caller.shown),
            _text(_state(shown)),
            _text(may_pick_up(shown.permission)),
        )
    return table


def _pickups(pickups: Sequence[PickupEvent], with_domain: bool) -> Table:
    table = _table("when", ("picker", 2), ("what came of it", 3), ("whose call", 4), ("took", 1))
    for event in reversed(pickups):
        caller = user_and_host(event.caller)[0] or event.caller
        call = f"{caller} for {event.account}" if event.account else event.dialled or "any"
        table.add_row(
            datetime.fromtimestamp(event.at_ms / 1000).strftime("%H:%M:%S"),
            _text(f"{event.picker} @{event.domain}" if with_domain else event.picker),
            Text(printable(event.outcome.replace("_", " ")), style="green" if event.outcome == PICKED_UP else "yellow"),
            _text(call),
            seconds(event.took_ms) if event.took_ms else "-",
        )
    return table


def _table(first: str, *others: tuple[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", expand=True)
    table.add_column(first, no_wrap=True, min_width=8)
    for name, ratio in others:
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=ratio)
    return table


def _text(text: str) -> Text:
    return Text(printable(text), no_wrap=True, overflow="ellipsis")


def _state(shown: Shown) -> str:
    call = shown.call
    if call.claimed_by:
        return f"taken by {call.claimed_by}"
    if call.waiting:
        return f"waits, place {shown.position}"
    return f"rings {' '.join(call.ringing)}" if call.early_tags else "is routed"


def _style(shown: Shown) -> str:
    return "bold red" if shown.age_ms >= LONG_MS else ""


def _minutes(ms: int) -> str:
    """`1:05 min`"""
    return f"{ms // 60_000}:{ms // 1000 % 60:02d} min"
