"""What people read on their terminal. Texts that came over the network are shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 200


def printable(text: str) -> str:
    """The text without control characters (escape sequences of a caller's display name, say)."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout, as wide as the terminal, or wide enough for most when there is none."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)
    console.print(table)


def seconds(ms: int) -> str:
    """Milliseconds as a person reads a wait: `850 ms`, `12.3 s`."""
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def moment(ms: int) -> str:
    """Milliseconds since 1970 as local date and time."""
    return datetime.fromtimestamp(ms / 1000).isoformat(sep=" ", timespec="milliseconds")
