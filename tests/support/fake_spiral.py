"""Doubles of a request's way by the node itself, and of the marks of late answers: strict, and recording."""

from __future__ import annotations

from typing import Protocol

from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.ports import Errand

HERE = Flow("udp", "127.0.0.1", 5059, "udp:127.0.0.1:5059")
"""By which a request goes that is aimed by way of the node itself."""


class Aims(Protocol):
    def aim(self, uri: str, flow: Flow | None = None) -> None: ...


class FakeSpiral:
    """Implements kemi.sip.ports.Spiral; what is aimed by this way is seen in the transaction as sent over HERE."""

    def __init__(self, transaction: Aims) -> None:
        self._transaction = transaction
        self.branched: list[str] = []
        """The transactions that a branch to the Contact at hand was asked for."""
        self.adds = True
        self.over: set[str] = set()
        """Transactions that have ended."""
        self.begun: list[tuple[str, str, Flow, tuple[str, ...]]] = []
        """Method, URI, next hop and header lines of each request of the node's own."""
        self.returned = False
        """The request at hand comes from this node itself."""
        self.begun_here = False
        """It is one that `begin` sent."""
        self.answers_from_here = False
        """The reply at hand answers what went by way of this node."""

        self.errands: list[tuple[Errand, str]] = []
        self.answered: list[tuple[str, str, int, str]] = []
        """INVITEs that a worker is to answer: Call-ID, CSeq, status, reason."""
        self.brings: tuple[Errand, str] | None = None
        """The errand that the request at hand brings."""
        self.bodies: list[str] = []
        """Of what was sent with one, in the order of `begun`."""
        self.ended: list[tuple[int, str]] = []
        """What the transactions of refused answers saw instead."""

    def add_branch(self, transaction: str) -> bool:
        assert transaction, "no transaction is named"
        self.branched.append(transaction)
        return self.adds

    def is_open(self, transaction: str) -> bool:
        return transaction not in self.over

    def aim(self, uri: str) -> None:
        self._transaction.aim(uri, HERE)

    def begin(self, method: str, uri: str, next_hop: Flow, headers: tuple[str, ...], body: str = "") -> None:
        assert method in ("ACK", "BYE", "NOTIFY"), method
        assert (method == "NOTIFY") == bool(body), body
        assert uri, f"{method} to nowhere"
        assert not any({"\r", "\n"} & set(line) for line in headers), headers
        assert any(line.startswith("CSeq: ") for line in headers), headers
        self.begun.append((method, uri, next_hop, headers))
        if body:
            self.bodies.append(body)

    def send_errand(self, kind: Errand, words: str) -> None:
        assert words.isascii(), words
        assert not {"\r", "\n"} & set(words), words
        self.errands.append((kind, words))

    def answer(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        self.answered.append((call_id, cseq, status, reason))

    def errand(self) -> tuple[Errand, str] | None:
        assert self.returned, "only this node itself brings errands"
        return self.brings

    def end_branch(self, status: int, reason: str) -> None:
        assert 300 <= status < 700, status
        self.ended.append((status, reason))

    def is_return(self) -> bool:
        return self.returned

    def goes_on(self) -> bool:
        assert self.returned, "only what comes from this node goes on"
        return self.begun_here

    def is_from_here(self) -> bool:
        return self.answers_from_here

    @property
    def methods(self) -> list[str]:
        return [method for method, *_ in self.begun]


class FakeMarks:
    """Implements kemi.dialogs.late_answers.Marks."""

    def __init__(self) -> None:
        self.refused: list[tuple[DialogId, str]] = []
        """Dialog and the winner's To tag of each call that is taken."""
        self.refused_one: list[tuple[DialogId, str]] = []
        self.contested: dict[DialogId, str] = {}
        """The winner's To tag of each call that two devices may answer, '' while none has."""
        self.kept: dict[tuple[DialogId, str], str] = {}
        self._seen: set[tuple[DialogId, str]] = set()

    def refuse(self, dialog: DialogId, winner: str) -> None:
        self.refused.append((dialog, winner))

    def refuse_one(self, dialog: DialogId, callee_tag: str) -> None:
        assert callee_tag, "an answer has a To tag"
        self.refused_one.append((dialog, callee_tag))

    def is_first(self, dialog: DialogId, callee_tag: str) -> bool:
        first = (dialog, callee_tag) not in self._seen
        self._seen.add((dialog, callee_tag))
        return first

    def contest(self, dialog: DialogId) -> None:
        self.contested[dialog] = ""

    def wins(self, dialog: DialogId, callee_tag: str) -> bool:
        if not self.contested[dialog]:
            self.contested[dialog] = callee_tag
        return self.contested[dialog] == callee_tag

    def is_taken(self, dialog: DialogId, besides: str) -> bool:
        winners = [
            self.contested.get(dialog, ""),
            *(winner or "-" for refused, winner in self.refused if refused == dialog),
        ]
        return any(winner not in ("", besides) for winner in winners)

    def open(self, dialog: DialogId, callee_tag: str) -> None:
        if self.contested.get(dialog) in ("", callee_tag):
            del self.contested[dialog]

    def keep(self, dialog: DialogId, callee_tag: str, note: str) -> None:
        assert (dialog, callee_tag) not in self.kept
        self.kept[dialog, callee_tag] = note

    def take(self, dialog: DialogId, callee_tag: str) -> str:
        return self.kept.pop((dialog, callee_tag), "")
