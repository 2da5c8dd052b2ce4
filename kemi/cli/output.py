"""What people read on their terminal. Texts that came over the network are shown, never obeyed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 200
PATIENCE_S = 0.5
T = TypeVar("T")


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


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """For work that may take seconds: a person at a terminal sees, on stderr, what is being done and for how long.

    Yields how to say what is done next.
    """
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    if not bar.console.is_terminal:
        yield lambda _what: None
        return
    with bar:
        task = bar.add_task(what)
        yield lambda next_one: bar.update(task, description=next_one)


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, with a bar on stderr for a person who has waited for them for a while."""
    began = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    shown: TaskID | None = None
    try:
        for number, item in enumerate(items):
            if shown is None and time.monotonic() - began > PATIENCE_S and bar.console.is_terminal:
                bar.start()
                shown = bar.add_task(what, total=len(items))
            if shown is not None:
                bar.update(shown, completed=number)
            yield item
    finally:
        if shown is not None:
            bar.stop()


def seconds(ms: int) -> str:
    """Milliseconds as a person reads a wait: `850 ms`, `12.3 s`."""
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def moment(ms: int) -> str:
    """Milliseconds since 1970 as local date and time."""
    return datetime.fromtimestamp(ms / 1000).isoformat(sep=" ", timespec="milliseconds")
