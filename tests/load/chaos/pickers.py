"""Pickups while something fails, in a process of their own: one call every 100 ms that several dial for at once.

Alice calls Bob, whose phone rings. Carol dials `*87101`, Dave `*87`, who both may, and Eve `*87101`, who may not. At
most one gets the call, and it is that one which Alice's phone is told to replace; else Alice gives up.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from tests.support.phone import PASSWORD, Phone
from tests.support.phone_calls import Dialog, Outgoing, replaces_of
from tests.support.sip_text import SipMessage, sdp
from tests.support.talks import Ringing, ring
from tests.support.wire import ConnectionClosed

DOMAIN = "picks.example.com"
EVERY_S = 0.1
TOLD_MOST = 5
OVER_WITHIN_S = 8.0
FAILURES = (AssertionError, ConnectionClosed, OSError)
CALLER, CALLED, RIGHTFUL, STRANGER = "104", "101", ("103", "102"), "105"


@dataclass
class Count:
    """What became of the calls. bad: when a call began whose pickup did not come off, good: of one that did (both by
    the monotonic clock, which is one for all processes)."""

    calls: int = 0
    failed_calls: int = 0
    pickups: int = 0
    pickup_503: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    wrong_pickups: int = 0
    double_answers: int = 0
    slowest_503_ms: float = 0.0
    good: list[float] = field(default_factory=list)
    bad: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def tell(self, what: str) -> None:
        if len(self.told) < TOLD_MOST:
            self.told.append(what)

    def recovered_s(self, ended_at: float) -> float | None:
        """From the end of the fault until calls began that were all picked up; None: that never came."""
        last_bad = max((at for at in self.bad if at >= ended_at), default=ended_at)
        first_good = min((at for at in self.good if at >= last_bad), default=None)
        return None if first_good is None else first_good - ended_at


def tenant() -> dict[str, Any]:
    def extension(number: str, **more: object) -> dict[str, Any]:
        return {"number": number, "name": f"Phone {number}", "password": PASSWORD, **more}

    others = (extension(number) for number in (*RIGHTFUL, CALLER, STRANGER))
    return {"name": DOMAIN, "extensions": [extension(CALLED, monitored_by=list(RIGHTFUL)), *others]}


class Phones:
    def __init__(self, address: str, host: str, repeats: bool) -> None:
        def phone(number: str) -> Phone:
            return Phone(address, number, domain=DOMAIN, host=host, repeats=repeats)

        self.alice, self.bob, self.eve = phone(CALLER), phone(CALLED), phone(STRANGER)
        self.rightful = [phone(number) for number in RIGHTFUL]

    def __enter__(self) -> Phones:
        assert self.bob.registers(contact="*", expires=0).status == 200
        assert self.bob.registers().status == 200
        return self

    def __exit__(self, *_: object) -> None:
        for phone in (self.alice, self.bob, self.eve, *self.rightful):
            phone.close()

    def turn(self, count: Count) -> None:
        """One call, and all that dial for it. Raises one of FAILURES when the call itself is not as it should be."""
        began = time.monotonic()
        count.calls += 1
        call = ring(self.alice, self.bob)
        dialled = [("*87101", self.rightful[0]), ("*87", self.rightful[1]), ("*87101", self.eve)]
        attempts = [phone.dials(code) for code, phone in dialled]
        asked = time.monotonic()
        won = self._see_out(call, attempts, count)
        refused = [attempt.last.status for attempt in attempts if attempt not in [attempt for attempt, _ in won]]
        count.refused.update(refused)
        for attempt, dialog in won[:1]:
            count.pickups += 1
            if attempt.phone is self.eve:
                count.wrong_pickups += 1
                count.tell("Eve, who may not, got the call")
            call.ends()
            dialog.ends(self.alice)
        if len(won) > 1:
            count.double_answers += 1
            count.tell(f"{[attempt.phone.number for attempt, _ in won]} got one call")
        if won:
            count.good.append(began)
            return
        if 503 in refused:
            count.pickup_503 += 1
            count.slowest_503_ms = max(count.slowest_503_ms, (time.monotonic() - asked) * 1000)
        count.bad.append(began)
        call.ends()

    def _see_out(self, call: Ringing, attempts: list[Outgoing], count: Count) -> list[tuple[Outgoing, Dialog]]:
        """Alice's phone takes one Replaces, as RFC 3891 asks; returns who was answered, once all are."""
        taken = False
        won: list[tuple[Outgoing, Dialog]] = []
        open_ = list(attempts)
        deadline = time.monotonic() + OVER_WITHIN_S
        while open_:
            assert time.monotonic() < deadline, f"no final answer for {[attempt.phone.number for attempt in open_]}"
            self.alice.hears()
            for invite in [m for m in self.alice.inbox if m.method == "INVITE" and not m.status and "Replaces" in m]:
                self.alice.inbox.remove(invite)
                if replaces_of(invite)[0] != call.outgoing.call_id:
                    count.wrong_pickups += 1
                    count.tell("Alice is told to replace another's call")
                accepts = not taken
                taken = True
                self.alice.replies(invite, 200 if accepts else 481, tag="replacing", body=sdp() if accepts else "")
            for attempt in list(open_):
                attempt.phone.hears()
                if attempt.is_over:
                    open_.remove(attempt)
                    continue
                answer = _answer_to(attempt)
                if answer is not None:
                    attempt.phone.inbox.remove(answer)
                    won.append((attempt, attempt.dialog(answer)))
                    open_.remove(attempt)
        return won


def go_on(address: str, host: str, repeats: bool, told_to_end: Connection) -> None:
    """Play until something comes by the pipe; then the Count goes back by it. The first thing that goes is `ready`.

    address: of the node. host: of the phones, which repeat what they say where packets are lost.
    """
    count = Count()
    told_to_end.send("ready")
    while not told_to_end.poll():
        try:
            with Phones(address, host, repeats) as phones:
                while True:
                    next_at = time.monotonic() + EVERY_S
                    phones.turn(count)
                    if told_to_end.poll(max(0.0, next_at - time.monotonic())):
                        break
        except FAILURES as failure:
            count.failed_calls += 1
            count.bad.append(time.monotonic())
            count.tell(f"{failure!r}")
    told_to_end.send(count)


def _answer_to(attempt: Outgoing) -> SipMessage | None:
    branch = attempt.via.split("branch=")[1].partition(";")[0]
    return next(
        (m for m in attempt.phone.inbox if m.status == 200 and m.method == "INVITE" and branch in m["Via"]), None
    )
