"""A tenant with one phone of each kind, in which crossings are played one after another; and what they have come to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from tests.support.node import Node
from tests.support.phone import PASSWORD
from tests.support.races.device import Device, End, Offered, Placed, rings
from tests.support.races.moments import Moments

SETTLES_WITHIN_S = 4.0
"""Shorter than the timers by which the node gives a silent device up: nothing here is silent."""
CALLER, CALLEE, SECOND, PICKER, RIVAL, AGENT, FILLER = "201", "101", "102", "103", "104", "301", "202"
UNREACHABLE_AGENT = "302"
"""Logged in, so that callers may wait, and never registered."""
HUNT, TIMED_HUNT, RING_ALL, QUEUE = "700", "701", "702", "800"
SENT = "Call Is Being Sent To You"


def tenant(domain: str, mode: str) -> dict[str, object]:
    """The document's part of one lane."""
    numbers = (CALLER, CALLEE, SECOND, PICKER, RIVAL, AGENT, FILLER, UNREACHABLE_AGENT)
    admits = {"monitored_by": [PICKER, RIVAL]}
    both = {"members": [CALLEE, SECOND], "ring_s": 30}
    groups = [
        {"number": HUNT, "stages": [{"members": [CALLEE], "ring_s": 30}, {"members": [SECOND], "ring_s": 30}]},
        {"number": TIMED_HUNT, "stages": [{"members": [CALLEE], "ring_s": 1}, {"members": [SECOND], "ring_s": 30}]},
        {"number": RING_ALL, "stages": [both]},
    ]
    return {
        "name": domain,
        "settings": {"pickup_mode": mode},
        "extensions": [{"number": n, "password": PASSWORD, **(admits if n == CALLEE else {})} for n in numbers],
        "hunt_groups": [{**group, **admits} for group in groups],
        "agent_groups": [{"number": QUEUE, "agents": [AGENT, UNREACHABLE_AGENT], "wrap_up_s": 0, **admits}],
    }


class Lane:
    """The phones of one tenant. Every message lets those who wait look again."""

    def __init__(self, node: Node, domain: str) -> None:
        self.domain = domain
        self.loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[bool]]] = []
        self._planned = 0

        def device(number: str) -> Device:
            return Device(node.address, number, domain=domain, noticed=self.look)

        self.caller, self.callee, self.second = device(CALLER), device(CALLEE), device(SECOND)
        self.picker, self.rival = device(PICKER), device(RIVAL)
        self.agent, self.filler = device(AGENT), device(FILLER)
        self.pickers = (self.picker, self.rival)
        self.called = (self.callee, self.second, self.agent)
        self.devices = (self.caller, *self.called, *self.pickers, self.filler)
        self.call: Placed
        for one in self.called:
            assert one.registers().status == 200
        for one in self.devices:
            one.listens()

    def close(self) -> None:
        for device in self.devices:
            device.close()

    def begins(self, moments: Moments) -> None:
        """Forget the run before; the phones take as long to act as the moments say."""
        for device in self.devices:
            device.forgets()
        self.caller.when_rung = partial(self._is_replaced, moments)
        self.caller.ends_second_answers = moments.ends_second_answers
        for device in self.pickers:
            device.when_rung = partial(self._takes, moments)

    async def until(self, holds: Callable[[], bool], within_s: float = SETTLES_WITHIN_S) -> bool:
        """Whether it has come to hold in time."""
        if holds():
            return True
        future: asyncio.Future[bool] = self.loop.create_future()
        entry = (holds, future)
        self._waiting.append(entry)
        timer = self.loop.call_later(within_s, _runs_out, future)
        try:
            return await future
        finally:
            timer.cancel()
            self._waiting.remove(entry)

    def look(self) -> None:
        for holds, future in self._waiting:
            if not future.done() and holds():
                future.set_result(True)

    def at(self, after_ms: float, act: Callable[[], object]) -> None:
        """Plan something; nothing has settled before it is done."""
        self._planned += 1

        def acts() -> None:
            self._planned -= 1
            act()
            self.look()

        if after_ms <= 0:
            acts()
        else:
            self.loop.call_later(after_ms / 1000, acts)

    def race(self, pickup: Callable[[], object], other: Callable[[], object], offset_ms: float) -> None:
        """Two things: the other so many ms after the pickup, or before it."""
        self.at(-offset_ms, pickup)
        self.at(offset_ms, other)

    async def poised(self, device: Device, dialled: str) -> Placed:
        """A call that can be made at any moment: its challenge has come."""
        call = device.calls(dialled)
        assert await self.until(lambda: call.proof is not None), f"{device.number} was not challenged"
        return call

    async def rings(self, dialled: str, called: Device | None) -> None:
        """The caller calls; one phone rings, or with None he waits in a queue."""
        self.call = await self.poised(self.caller, dialled)
        self.call.goes()
        came = await self.until(
            lambda: bool(self.call.early_tag) and (called is None or self._rung_by(called, self.call.early_tag))
        )
        assert came, f"{self.domain}: the call to {dialled} did not ring"

    async def talks(self, device: Device, called: Device) -> Placed:
        """A call that has been answered."""
        call = await self.poised(device, called.number)
        called.when_rung = lambda offer: offer.answers()
        call.goes()
        assert await self.until(lambda: bool(call.dialogs) and bool(called.ends_of_dialogs))
        called.when_rung = rings
        return call

    # What it has come to

    @property
    def far_ends(self) -> list[End]:
        """The dialogs with the caller, as the other phones believe."""
        return [end for d in (*self.called, *self.pickers) for end in d.ends_of_dialogs]

    @property
    def near_ends(self) -> list[End]:
        """The dialogs that the caller's phone believes to have."""
        return self.caller.ends_of_dialogs

    @property
    def winner(self) -> Device | None:
        """Who has the call, when one phone has."""
        found = [d for d in (*self.called, *self.pickers) if d.ends_of_dialogs]
        return found[0] if len(found) == 1 else None

    @property
    def ringing(self) -> list[Offered]:
        return [offer for device in self.devices for offer in device.offered if offer.rings]

    @property
    def rings_on(self) -> bool:
        """Nobody has the call, nobody has ended it, and a phone rings."""
        return self.call.is_open and not self.call.is_replaced and not self.call.gives_up

    @property
    def has_settled(self) -> bool:
        """Nothing is under way; at most the call rings on, at the phones that are called, with nobody going to act."""
        if self._planned or any(offer.awaits_ack for device in self.devices for offer in device.offered):
            return False
        if any(call.is_open for device in (*self.pickers, self.filler) for call in device.placed):
            return False
        if Counter(self.near_ends) != Counter(self.far_ends) or len(self.near_ends) > 1:
            return False
        if not self.rings_on:
            return not self.call.is_open and not self.ringing
        rung = {offer.device for offer in self.ringing}
        return bool(rung) and rung <= set(self.called) and not self.promises_in_vain

    @property
    def promises_in_vain(self) -> list[Device]:
        """Pickers who were told that the call is being sent to them, and got no call."""
        return [
            device
            for device in self.pickers
            if any(call.reason == SENT for call in device.placed)
            and not any(offer.incoming.call_id == self.call.out.call_id for offer in device.offered)
        ]

    def statuses(self) -> list[int]:
        """What the pickers' INVITEs were answered with."""
        return [call.status for device in self.pickers for call in device.placed]

    def told(self) -> str:
        """All that was said, in order."""
        lines = [(at, d.number, way, what) for d in self.devices for at, way, what in d.said]
        start = min((line[0] for line in lines), default=0.0)
        return "\n".join(f"{(at - start) * 1000:9.2f} ms  {n} {way} {what}" for at, n, way, what in sorted(lines))

    def _rung_by(self, called: Device, tag: str) -> bool:
        return any(offer.incoming.tag == tag for offer in called.offered)

    # How the phones act

    def _is_replaced(self, moments: Moments, offer: Offered) -> None:
        if moments.rings_first:
            offer.incoming.answers(100)
        self.at(moments.accepts_after_ms, lambda: self._accepts(moments, offer))

    def _accepts(self, moments: Moments, offer: Offered) -> None:
        """RFC 3891 §3, as PJSIP does it: it knows the early dialog alone of which it was told last."""
        call = self.call
        wanted = f"{call.out.call_id};to-tag={call.out.tag};from-tag={call.early_tag};early-only"
        gone = call.gives_up and not moments.accepts_after_giving_up
        if offer.replaces != wanted or call.is_replaced or gone or call.status >= 300:
            offer.answers(481)
        elif call.status:
            offer.answers(486)
        else:
            offer.answers(200)
            call.is_replaced = offer.status == 200
            if call.is_replaced:
                self.at(moments.cancels_after_ms, self._gives_old_call_up)

    def _gives_old_call_up(self) -> None:
        gave_up = self.call.gives_up
        self.call.cancels()
        # It is the phone that cancels: its human has not gone.
        self.call.gives_up = gave_up

    def _takes(self, moments: Moments, offer: Offered) -> None:
        """A picker's device answers by itself what is sent to it, unless its human has gone."""
        if moments.rings_first:
            rings(offer)
        placed = offer.device.placed
        self.at(moments.takes_after_ms, lambda: offer.answers(486 if any(call.gives_up for call in placed) else 200))


def _runs_out(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
