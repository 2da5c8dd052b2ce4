"""What became of each call, from SIPp's short message log (-trace_shortmsg).

A line is `date TAB time TAB seconds since 1970 TAB S|R TAB Call-ID TAB CSeq:… TAB first line`. SIPp's own response
times would do, were their steps not those of the kernel's tick (4 ms).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHALLENGES = ("401", "407")


@dataclass(slots=True)
class Call:
    """A call that a player began, by the first INVITE that it sent under a Call-ID. Moments in seconds since 1970."""

    begun_at: float
    asked_at: float
    """When the INVITE with credentials was sent; without a challenge as begun_at."""
    cseq: str
    rang_at: float | None = None
    answered_at: float | None = None
    replaced_at: float | None = None
    """When an INVITE reached the caller in his turn: a pickup."""
    refused: str = ""
    """Final status when it was no 2xx; 401 or 407: the credentials were refused."""
    ended_at: float | None = None
    """When his BYE was answered, or he answered one."""

    @property
    def post_dial_ms(self) -> float | None:
        """From the INVITE to the first sign of ringing; to the answer when none came before."""
        heard = [at for at in (self.rang_at, self.answered_at) if at is not None]
        return (min(heard) - self.begun_at) * 1000 if heard else None

    @property
    def answer_ms(self) -> float | None:
        """From the INVITE to the answer."""
        return None if self.answered_at is None else (self.answered_at - self.begun_at) * 1000

    @property
    def admitted_answer_ms(self) -> float | None:
        """From the INVITE with credentials to the answer."""
        return None if self.answered_at is None else (self.answered_at - self.asked_at) * 1000

    @property
    def is_complete(self) -> bool:
        return self.ended_at is not None and (self.answered_at is not None or self.replaced_at is not None)


def read_calls(path: Path) -> list[Call]:
    """The calls of a log, in the order in which they began."""
    with path.open(errors="replace") as file:
        return calls_of(file)


def calls_of(lines: Iterable[str]) -> list[Call]:
    calls: dict[str, Call] = {}
    byes: set[tuple[str, str]] = set()
    for at, sent, call_id, cseq, first in _messages(lines):
        number, _, method = cseq.partition(" ")
        call = calls.get(call_id)
        if sent and method == "INVITE" and first.startswith("INVITE "):
            if call is None:
                calls[call_id] = Call(at, at, number)
            elif number != call.cseq and call.replaced_at is None:
                call.cseq, call.asked_at = number, at
        elif call is not None:
            _note(call, byes, at, sent, call_id, number, method, first)
    return list(calls.values())


def _note(
    call: Call, byes: set[tuple[str, str]], at: float, sent: bool, call_id: str, number: str, method: str, first: str
) -> None:
    status = first[8:11] if first.startswith("SIP/2.0 ") else ""
    if method == "BYE":
        if not status:
            byes.add((call_id, number))
        elif status == "200" and (call_id, number) in byes and call.ended_at is None:
            call.ended_at = at
    elif method == "INVITE" and not sent and not status:
        call.replaced_at = call.replaced_at or at
    elif method == "INVITE" and not sent and number == call.cseq:
        if status[0] == "1":
            if status != "100" and call.rang_at is None:
                call.rang_at = at
        elif status[0] == "2":
            call.answered_at = call.answered_at or at
        elif not (status in CHALLENGES and call.asked_at == call.begun_at) and not (
            status == "487" and call.replaced_at
        ):
            call.refused = call.refused or status


def _messages(lines: Iterable[str]) -> Iterator[tuple[float, bool, str, str, str]]:
    for line in lines:
        cells = line.rstrip("\n").split("\t")
        # What is half written, and commands between players (their CSeq is empty), are none of a call's.
        if len(cells) == 7 and cells[5] != "CSeq:" and cells[3] in "SR":
            yield float(cells[2]), cells[3] == "S", cells[4], cells[5].removeprefix("CSeq:").strip(), cells[6]
