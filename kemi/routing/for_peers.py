"""What this node does for other nodes: it carries pickups of its calls out, and reaches the devices that are at it."""

from __future__ import annotations

from typing import Protocol

from kemi.nodes.hop import REACH, Instruction
from kemi.nodes.peers import FromPeer
from kemi.pickup.elsewhere import PICKUP
from kemi.settings import Settings
from kemi.sip.flow import Flow
from kemi.sip.ports import Callback, Message, Transaction


class CarriesOut(Protocol):
    def carry_out(self, words: tuple[str, ...], sender: str) -> None: ...


class Path(Protocol):
    def record_route(self, tenant: str, *, edge: bool = False) -> None: ...


class ForPeers:
    def __init__(self, path: Path, transaction: Transaction, pickup: CarriesOut, settings: Settings) -> None:
        self._path = path
        self._silence_ms = settings.phone_silence_ms
        self._transaction = transaction
        self._pickup = pickup

    def kinds(self) -> dict[str, FromPeer]:
        """By the kind of an instruction, who carries it out."""
        return {PICKUP: self.pick_up, REACH: self.reach}

    def pick_up(self, message: Message, asked: Instruction) -> None:
        """The INVITE is that of a picker at another node, for a call that this one holds."""
        message.remove_header("Route")
        self._path.record_route(asked.words[0])
        self._pickup.carry_out(asked.words, asked.sender)

    def reach(self, message: Message, asked: Instruction) -> None:
        """The request is for a device at this node; the other has done all else with it."""
        domain, uri, flow, answer_ms, *routes = asked.words
        message.remove_header("Route")
        self._path.record_route(domain, edge=True)
        for route in routes:
            message.append_header(f"Route: {route}")
        self._transaction.call_back(reply=Callback.PASSED_REPLY, failure=None, branch=Callback.REACHED_BRANCH)
        self._transaction.set_timers(answer_ms=int(answer_ms), silence_ms=min(int(answer_ms), self._silence_ms))
        self._transaction.aim(uri, Flow.parse(flow))
        if not self._transaction.relay():
            self._transaction.relay_failed()
