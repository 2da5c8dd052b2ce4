"""Drawing a call ladder: hosts are columns, SIP messages are arrows in order of time."""

from __future__ import annotations

import string
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

TOLD_HEADERS = ("Replaces", "Require", "Reason", "P-Asserted-Identity", "Warning")
"""Headers that are written out below their message."""
SHORT_FORMS = {"i": "call-id", "f": "from", "t": "to", "v": "via", "k": "supported"}
MARGIN = 14
"""Width of the times and call letters on the left."""
GAP_LEAST, GAP_MOST = 18, 30
NOTE_LEAST = 60


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message as it was captured."""

    at_s: float
    """When, in seconds since 1970."""
    source: str
    """`address:port` that sent it."""
    target: str
    """`address:port` that it was sent to."""
    start_line: str
    headers: tuple[tuple[str, str], ...]
    transport: str = "udp"

    def header(self, name: str) -> str:
        """The first value of a header, in its long or compact form; empty when there is none (RFC 3261 §7.3.3)."""
        wanted = name.lower()
        for given, value in self.headers:
            if SHORT_FORMS.get(given.lower(), given.lower()) == wanted:
                return value
        return ""

    @property
    def call_id(self) -> str:
        return self.header("Call-ID")

    @property
    def is_request(self) -> bool:
        return not self.start_line.startswith("SIP/2.0 ")

    @property
    def label(self) -> str:
        """`INVITE *87101` for a request; `486 Busy Here` for a response, with its method unless that is INVITE."""
        if self.is_request:
            method, _, rest = self.start_line.partition(" ")
            return f"{method} {_whom(rest.partition(' ')[0])}"
        method = self.header("CSeq").partition(" ")[2].strip()
        suffix = "" if method in ("INVITE", "") else f" ({method})"
        return self.start_line.removeprefix("SIP/2.0 ").strip() + suffix


def _whom(uri: str) -> str:
    """The part of a Request-URI that tells most in few letters: its user, else its host and port."""
    place = uri.partition(":")[2].partition(";")[0].partition("?")[0]
    user, at, host = place.rpartition("@")
    return user if at else host


def in_order(messages: Iterable[Message]) -> list[Message]:
    """By time; those of the same moment stay as they were captured."""
    return sorted(messages, key=lambda message: message.at_s)


def retransmitted(messages: Sequence[Message]) -> list[bool]:
    """For each message whether the same bytes went the same way before (RFC 3261 §17); never over TCP."""
    seen: set[tuple[object, ...]] = set()
    marks = []
    for message in messages:
        same = (message.source, message.target, message.start_line, message.headers)
        marks.append(message.transport == "udp" and same in seen)
        seen.add(same)
    return marks


def draw(messages: Iterable[Message], names: Mapping[str, str]) -> str:
    """The ladder as text, one line for each message and one for each header that matters.

    names: what to call `address:port`; several addresses of one name share a column, others stand as they are.
    Times are milliseconds since the first message. A letter tells the calls apart, with its Call-ID below.
    """
    ordered = in_order(messages)
    if not ordered:
        return "no SIP message"
    ends = [
        (names.get(message.source, message.source), names.get(message.target, message.target)) for message in ordered
    ]
    marks = retransmitted(ordered)
    labels = [message.label + (" again" if again else "") for message, again in zip(ordered, marks, strict=True)]
    columns = list(dict.fromkeys(name for pair in ends for name in pair))
    sheet = _Sheet(columns, _gap([*labels, *columns]))
    letters = {call_id: _letter(n) for n, call_id in enumerate(dict.fromkeys(m.call_id for m in ordered))}

    lines = [sheet.heading(), sheet.row("")]
    for message, (source, target), label, again in zip(ordered, ends, labels, marks, strict=True):
        ms = (message.at_s - ordered[0].at_s) * 1000
        lines.append(sheet.arrow(f"{ms:9.1f} {letters[message.call_id]}", source, target, label, dotted=again))
        if not again:
            for name in TOLD_HEADERS:
                value = message.header(name)
                if value:
                    lines += sheet.note(source, target, f"{name}: {value}")
    lines.append("")
    lines += [f"{letter}  Call-ID {call_id}" for call_id, letter in letters.items()]
    return "\n".join(lines)


def _letter(index: int) -> str:
    letters = string.ascii_uppercase
    return letters[index] if index < len(letters) else letters[index // 26 % 26 - 1] + letters[index % 26]


def _gap(texts: Sequence[str]) -> int:
    """Space between two columns: enough for the texts, within reason."""
    return min(max(GAP_LEAST, *(len(text) + 6 for text in texts)), GAP_MOST)


class _Sheet:
    """Columns at fixed places, and rows of text across them."""

    def __init__(self, columns: Sequence[str], gap: int) -> None:
        self._columns = columns
        self._gap = gap
        first = MARGIN + max(2, len(columns[0]) // 2)
        self._at = {name: first + number * gap for number, name in enumerate(columns)}
        self._width = first + (len(columns) - 1) * gap + max(2, len(columns[-1]) // 2) + 1

    def heading(self) -> str:
        row = "       ms".ljust(self._width)
        for name, at in self._at.items():
            start = max(0, at - len(name) // 2)
            row = row[:start] + name + row[start + len(name) :]
        return row.rstrip()

    def row(self, left: str) -> str:
        return "".join(self._cells(left)).rstrip()

    def _cells(self, left: str) -> list[str]:
        cells = list(left.ljust(self._width))
        for at in self._at.values():
            cells[at] = "│"
        return cells

    def arrow(self, left: str, source: str, target: str, label: str, *, dotted: bool) -> str:
        """A row with an arrow from one column to another; a label that is too long for it is cut."""
        cells = self._cells(left)
        start, end = sorted((self._at[source], self._at[target]))
        if start == end:
            return "".join(cells).rstrip()[: start + 1] + f"↺ {label}"
        room = end - start - 1
        shaft = ("╌" if dotted else "─") * room
        text = f" {label} " if len(label) + 4 <= room else f" {label[: room - 5]}… "
        middle = (room - len(text)) // 2
        shaft = shaft[:middle] + text + shaft[middle + len(text) :]
        shaft = shaft[:-1] + "▶" if self._at[target] == end else "◀" + shaft[1:]
        cells[start + 1 : end] = list(shaft)
        return "".join(cells).rstrip()

    def note(self, source: str, target: str, text: str) -> list[str]:
        """Rows with a header's text under its arrow, moved to the left where the room on the right is short."""
        start = min(self._at[source], self._at[target]) + 3
        start = max(MARGIN + 3, min(start, self._width - len(text)))
        room = max(NOTE_LEAST, self._width - start)
        rows = []
        for line in textwrap.wrap(text, room, subsequent_indent="  ", break_on_hyphens=False):
            cells = self._cells("")
            cells[start : start + len(line)] = list(line)
            rows.append("".join(cells).rstrip())
        return rows
