"""The picture of `star87 watch` in a terminal of 80 columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rich.console import Console

from kemi.accounts.model import Kind
from kemi.cli.view import Picture, Shown
from kemi.pickup.event import PickupEvent
from tests.unit.cli.test_rows import CALL, MAY

NOON = datetime(2026, 1, 1, 12, 0, 0)
AT_MS = int(datetime(2026, 1, 1, 11, 59, 30).timestamp() * 1000)


def drawn(picture: Picture, *, columns: int = 80, lines: int = 24, with_domain: bool = False) -> list[str]:
    console = Console(width=columns, height=lines, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(picture.drawn(NOON, lines, with_domain=with_domain))
    return [line.rstrip() for line in capture.get().splitlines()]


def call(age_ms: int, **change: object) -> Shown:
    return Shown(replace(CALL, **change), age_ms, MAY, None, "Sales")  # type: ignore[arg-type]


def pickup(outcome: str = "picked_up", **change: object) -> PickupEvent:
    event = PickupEvent(
        "pbx.example.com",
        "103",
        "",
        outcome,
        200,
        account="700",
        caller="sip:104@pbx.example.com",
        took_ms=12,
        at_ms=AT_MS,
    )
    return replace(event, **change)  # type: ignore[arg-type]


def test_given_calls_and_pickups_when_drawn_then_each_is_one_line_of_80_columns() -> None:
    waits = replace(CALL, kind=Kind.AGENT_GROUP, number="800", ringing=(), waiting=True)
    waiting = Shown(waits, 65_000, MAY, 2)
    lines = drawn(Picture((waiting, call(3_200), call(10, claimed_by="103")), (pickup("not_permitted"), pickup())))
    assert lines == [
        "Star87 12:00:00  2 ring, 1 wait",
        "",
        "age      account           caller            state             may pick up",
        "1:05 min 800               Alice             waits, place 2    10*, 103, not 105",
        "3.2 s    700 Sales         Alice             rings 101 102     10*, 103, not 105",
        "10 ms    700 Sales         Alice             taken by 103      10*, 103, not 105",
        "",
        "when     picker         what came of it      whose call                  took",
        "11:59:30 103            picked up            104 for 700                 12 ms",
        "11:59:30 103            not permitted        104 for 700                 12 ms",
    ]


def test_given_nothing_when_drawn_then_it_says_so() -> None:
    assert drawn(Picture()) == [
        *("Star87 12:00:00  0 ring, 0 wait", "", "no call rings or waits", ""),
        "no pickup was tried yet",
    ]


def test_given_more_than_fits_when_drawn_then_the_oldest_stand_there_and_the_others_are_counted() -> None:
    picture = Picture(tuple(call(100_000 - n) for n in range(50)), tuple(pickup() for _ in range(30)))
    for height in (10, 24, 40):
        lines = drawn(picture, lines=height)
        assert len(lines) <= max(height, 11)
        rows = sum(" Sales " in line for line in lines)
        assert rows >= 1
        assert f"… and {50 - rows} more, younger than these" in lines
        assert sum("picked up   " in line for line in lines) >= 3


def test_given_a_store_that_is_away_when_drawn_then_the_old_picture_stays_and_says_so() -> None:
    lines = drawn(Picture((call(3_200),), (), "connection refused", 12.4))
    assert lines[0] == "Star87 12:00:00  the state store is away for 12 s: what is shown is old"
    assert any(" Sales " in line for line in lines)


def test_given_a_name_that_would_command_the_terminal_when_drawn_then_it_is_only_shown() -> None:
    evil = CALL.caller._replace(display="\x1b[2J\x07 long" * 9)
    lines = drawn(Picture((call(1, caller=evil),), ()), with_domain=True)
    assert "\x1b" not in "".join(lines)
    assert all(len(line) <= 80 for line in lines)
