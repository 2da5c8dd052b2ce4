"""What is played every 100 ms while something fails, by phones that see for themselves who got what.

A race: Alice calls Bob; Carol dials `*87101`, Dave `*87`, who both may, and Eve `*87101`, who may not. At most one gets
the call. An order: Olga calls the queue first, then Alice Bob; Dave's `*87` gets Alice's call (extensions come before
agent groups), Carol's `*87800` Olga's. A talk: Alice calls Bob, who answers. Who is not picked up gives up.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.phone import PASSWORD, Phone
from tests.support.phone_calls import Dialog, Incoming, Outgoing, replaces_of
from tests.support.sip_text import SipMessage, sdp
from tests.support.talks import Ringing, ring, talk
from tests.support.until import until

DOMAIN = "picks.example.com"
KNOWN_ELSEWHERE_S = 0.05
"""By then another node knows of a call that rings (store/outbox.py)."""
TOLD_MOST = 5
OVER_WITHIN_S = 8.0
CALLED, CAROL, DAVE, CALLER, STRANGER, AGENT, WAITING, QUEUE = "101", "103", "102", "104", "105", "106", "107", "800"


@dataclass
class Count:
    """What became of the calls. bad: when a turn began whose pickup did not come off, and what its pickers heard; good:
    when one did (both by the monotonic clock, which is one for all processes)."""

    calls: int = 0
    failed_calls: int = 0
    pickups: int = 0
    pickup_503: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    wrong_pickups: int = 0
    double_answers: int = 0
    slowest_503_ms: float = 0.0
    good: list[float] = field(default_factory=list)
    bad: list[tuple[float, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def tell(self, what: str) -> None:
        if len(self.told) < TOLD_MOST:
            self.told.append(what)

    def wrong(self, what: str) -> None:
        self.wrong_pickups += 1
        self.tell(what)

    def recovered_s(self, ended_at: float) -> float | None:
        """From the end of the fault until calls began that were all picked up; None: that never came."""
        last_bad = max((at for at, _ in self.bad if at >= ended_at), default=ended_at)
        first_good = min((at for at in self.good if at >= last_bad), default=None)
        return None if first_good is None else first_good - ended_at

    def told_of_bad(self, ended_at: float) -> list[str]:
        """The turns after a fault that were bad."""
        return [f"{at - ended_at:.3f} s after the fault: {heard}" for at, heard in self.bad if at >= ended_at]


def tenant() -> dict[str, Any]:
    def extension(number: str, **more: object) -> dict[str, Any]:
        return {"number": number, "name": f"Phone {number}", "password": PASSWORD, **more}

    watched = {"monitored_by": [CAROL, DAVE]}
    others = (extension(number) for number in (CAROL, DAVE, CALLER, STRANGER, AGENT, WAITING))
    queue = {"number": QUEUE, "name": "Support", "agents": [AGENT], "ring_s": 30, "wrap_up_s": 0, **watched}
    return {"name": DOMAIN, "extensions": [extension(CALLED, **watched), *others], "agent_groups": [queue]}


@dataclass
class Got:
    """Who was answered, and whose call that is; caller: None when nobody was told to replace one."""

    attempt: Outgoing
    dialog: Dialog
    caller: Phone | None


class Phones:
    """Calls go through one node, pickers dial at the other or the same. Registers Bob and the agent."""

    def __init__(self, address: str, picks_at: str, host: str, repeats: bool, transport: str) -> None:
        def phone(number: str, node: str) -> Phone:
            return Phone(node, number, domain=DOMAIN, host=host, repeats=repeats, transport=transport)

        self._known_in_s = KNOWN_ELSEWHERE_S if picks_at != address else 0.0
        self.alice, self.bob = phone(CALLER, address), phone(CALLED, address)
        self.olga, self.agent = phone(WAITING, address), phone(AGENT, address)
        self.carol, self.dave, self.eve = (phone(number, picks_at) for number in (CAROL, DAVE, STRANGER))
        self._offers: dict[str, Incoming] = {}

    def __enter__(self) -> Phones:
        for phone in (self.bob, self.agent):
            assert phone.registers(contact="*", expires=0).status == 200
            assert phone.registers().status == 200
        return self

    def __exit__(self, *_: object) -> None:
        for phone in (self.alice, self.bob, self.olga, self.agent, self.carol, self.dave, self.eve):
            phone.close()

    def race(self, count: Count) -> None:
        """Raises AssertionError, as each of these, when the call itself is not as it should be."""
        began = self._begin(count)
        call = ring(self.alice, self.bob)
        time.sleep(self._known_in_s)
        # Who may not asks first: were it the last, another would have the call already.
        dialled = [("*87101", self.eve), ("*87101", self.carol), ("*87", self.dave)]
        got = self._pick_up([call.outgoing], dialled, count)
        if any(one.attempt.phone is self.eve for one in got):
            count.wrong("Eve, who may not, got the call")
        self._end(call, got)
        self._note(count, began, bool(got))

    def order(self, count: Count) -> None:
        began = self._begin(count, calls=2)
        waits = self._enters_queue()
        call = ring(self.alice, self.bob)
        time.sleep(self._known_in_s)
        both = [call.outgoing, waits]
        general = self._pick_up(both, [("*87", self.dave)], count)
        if any(one.caller is self.olga for one in general):
            count.wrong("`*87` got a queue's call while an extension's rang")
        self._end(call, [one for one in general if one.caller is not self.olga])
        directed = self._pick_up([waits], [("*87800", self.carol)], count)
        self._leaves_queue(waits, [*directed, *(one for one in general if one.caller is self.olga)])
        self._note(count, began, bool(general and directed))

    def talk(self, count: Count) -> None:
        self._begin(count)
        talk(self.alice, self.bob)[0].ends(self.bob)

    def _begin(self, count: Count, calls: int = 1) -> float:
        count.calls += calls
        self._heard: list[str] = []
        return time.monotonic()

    def _note(self, count: Count, began: float, came_off: bool) -> None:
        if came_off:
            count.good.append(began)
        else:
            count.bad.append((began, ", ".join(self._heard)))

    def _pick_up(self, calls: Sequence[Outgoing], dialled: Sequence[tuple[str, Phone]], count: Count) -> list[Got]:
        attempts = [phone.dials(code) for code, phone in dialled]
        asked = time.monotonic()
        got = _see_out({call.call_id: call.phone for call in calls}, attempts, count)
        answered = [one.attempt for one in got]
        refused = [attempt.last.status for attempt in attempts if attempt not in answered]
        count.refused.update(refused)
        for (code, phone), attempt in zip(dialled, attempts, strict=True):
            self._heard.append(f"{phone.number} {code} {200 if attempt in answered else attempt.last.status}")
        count.pickups += len(got)
        for caller in {call.phone for call in calls}:
            by = [one.attempt.phone.number for one in got if one.caller is caller]
            if len(by) > 1:
                count.double_answers += 1
                count.tell(f"{by} got one call")
        if 503 in refused and not got:
            count.pickup_503 += 1
            count.slowest_503_ms = max(count.slowest_503_ms, (time.monotonic() - asked) * 1000)
        return got

    def _end(self, call: Ringing, got: Sequence[Got]) -> None:
        call.ends()
        for one in got:
            one.dialog.ends(one.caller or self.alice)

    def _enters_queue(self) -> Outgoing:
        """Olga hears that she waits, or that an agent's phone rings; without the store agents are rung at once."""
        waits = self.olga.dials(QUEUE)

        def hears() -> bool:
            self._agent_rings()
            self.olga.hears()
            return any(m.status in (180, 182) and m["Call-ID"] == waits.call_id for m in self.olga.inbox)

        until(hears, what=lambda: f"180 or 182 for who calls the queue; it was {[m.start for m in self.olga.inbox]}")
        self.olga.inbox = [m for m in self.olga.inbox if m.status not in (180, 182)]
        return waits

    def _leaves_queue(self, waits: Outgoing, got: Sequence[Got]) -> None:
        assert waits.cancels().status == 200

        def is_over() -> bool:
            self._agent_rings()
            self.olga.hears()
            return waits.is_over

        until(is_over, what="487 for who waited")
        assert waits.last.status == 487
        until(lambda: not self._agent_rings(), what="the agent's phone to ring no more")
        for one in got:
            one.dialog.ends(one.caller or self.olga)

    def _agent_rings(self) -> bool:
        """Say so for new calls, and answer what cancels the others; returns whether one is left."""
        self.agent.hears()
        for message in [m for m in self.agent.inbox if not m.status]:
            call_id = message["Call-ID"]
            if message.method == "INVITE":
                self._offers[call_id] = Incoming(self.agent, message)
                self._offers[call_id].answers(180)
            elif message.method == "CANCEL" and call_id in self._offers:
                offer = self._offers.pop(call_id)
                self.agent.replies(message, 200, tag=offer.tag)
                offer.answers(487)
            elif message.method != "ACK":
                continue
            self.agent.inbox.remove(message)
        return bool(self._offers)


def _see_out(calls: Mapping[str, Phone], attempts: Sequence[Outgoing], count: Count) -> list[Got]:
    """Callers' phones take every Replaces, as PJSIP does until the old call is over: it is the node that must tell one
    picker only. calls: by Call-ID. Returns who was answered, once all are."""
    callers: dict[str, Phone] = {}
    got: list[Got] = []
    open_ = list(attempts)
    deadline = time.monotonic() + OVER_WITHIN_S
    while open_:
        assert time.monotonic() < deadline, f"no final answer for {[attempt.phone.number for attempt in open_]}"
        for caller in set(calls.values()):
            caller.hears()
            for invite in [m for m in caller.inbox if m.method == "INVITE" and not m.status and "Replaces" in m]:
                caller.inbox.remove(invite)
                if calls.get(replaces_of(invite)[0]) is not caller:
                    count.wrong(f"{caller.number} is told to replace another's call")
                callers[invite["Call-ID"]] = caller
                caller.replies(invite, 200, tag="replacing", body=sdp())
        for attempt in list(open_):
            attempt.phone.hears()
            if attempt.is_over:
                open_.remove(attempt)
                continue
            answer = _answer_to(attempt)
            if answer is not None:
                attempt.phone.inbox.remove(answer)
                got.append(Got(attempt, attempt.dialog(answer), callers.get(attempt.call_id)))
                open_.remove(attempt)
    return got


def _answer_to(attempt: Outgoing) -> SipMessage | None:
    branch = attempt.via.split("branch=")[1].partition(";")[0]
    return next(
        (m for m in attempt.phone.inbox if m.status == 200 and m.method == "INVITE" and branch in m["Via"]), None
    )
