"""Calls that another node holds: the picker's INVITE goes there by the peer hop, and that node carries the pickup out.

The picker's node searches, claims and keeps the record of refusals, as for any call. The other node takes the claim
over, does what it would do for a picker of its own, and answers what came of it: then the picker's node goes on to the
next call, or tells its picker. The peer hop is no trust by itself: without the claim nothing is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kemi.errors import RequestRefused
from kemi.nodes.hop import HEADER
from kemi.nodes.peers import Peers
from kemi.pickup.attempt import Attempt, Target, now_ms
from kemi.sip import packed
from kemi.sip.ports import Callback, Transaction

PICKUP = "pickup"
"""An instruction: carry a pickup out. Words: tenant, attempt (packed), key and token of the call, ms since it began."""
SILENCE_MS = 1_000
"""How long a node may leave it without any answer: it is asked twice."""
ANSWER_MS = 60_000
"""How long it may take: some early dialogs one after another, or the caller's device rung back."""


class Result(StrEnum):
    SENT = "sent"
    """The call is being sent to the picker's device; whether it takes it, that node records."""
    MEDIA = "media"
    """The caller's device cannot take the picker's media."""
    LOST = "lost"
    """The call could not be had: on to the next."""
    SILENT = "silent"
    """Said by nobody: the node did not answer."""


class NotCarriedOut(RequestRefused):
    """What another node hears, which alone reads on: its picker gets an answer of its own."""

    status, reason = 480, "Not Carried Out"


@dataclass(frozen=True, slots=True)
class Told:
    """What the node that holds a call made of a pickup."""

    result: Result
    obstacle: str = ""
    raced: bool = False
    way: str = ""
    unknown: tuple[str, ...] = ()
    """As in Attempt."""
    once_more: bool = False
    """The call may be had yet, by an early dialog that was not known there."""

    def header(self) -> str:
        words = [self.result, self.obstacle, int(self.raced), self.way, list(self.unknown), int(self.once_more)]
        return f"{HEADER}: {packed.pack(words)}"

    @classmethod
    def parse(cls, value: str) -> Told | None:
        """None: it says nothing."""
        try:
            result, obstacle, raced, way, unknown, once_more = packed.unpack(value)
            return cls(Result(result), obstacle, bool(raced), way, tuple(unknown), bool(once_more))
        except (ValueError, TypeError):
            return None


class Elsewhere:
    def __init__(self, peers: Peers, transaction: Transaction) -> None:
        self._peers = peers
        self._transaction = transaction

    def holds(self, target: Target) -> bool:
        """Whether another node holds the call, or held it."""
        return bool(target.node) and target.node != self._peers.own

    def send(self, attempt: Attempt, uri: str) -> bool:
        """Send the picker's INVITE to the node that holds the call; False when there is none. uri: what was dialled."""
        target = attempt.target
        assert target is not None
        peer = self._peers.find(target.node)
        if peer is None:
            return False
        self._peers.aim(peer, uri)
        self._transaction.call_back(
            reply=Callback.PICKUP_REPLY, failure=Callback.PICKUP_FAILURE, branch=Callback.PICKUP_BRANCH
        )
        self._transaction.set_timers(answer_ms=ANSWER_MS, silence_ms=SILENCE_MS)
        self._peers.expects(peer)
        if self._transaction.relay():
            return True
        self._peers.heard()
        return False

    def dress(self, attempt: Attempt, target: Target) -> None:
        """Write into this branch what the other node is to do."""
        peer = self._peers.find(target.node)
        if peer is not None:
            # The other node counts that it is sent.
            asked = attempt._replace(target=None, tried=(), sent=attempt.sent - 1)
            words = (attempt.domain, asked.pack(), target.key, target.token, str(now_ms() - attempt.started_ms))
            self._peers.instruct(peer, PICKUP, words)

    def over(self) -> None:
        """The other node made the pickup, or the picker gave up: it is waited for no more."""
        self._peers.heard()

    def told(self) -> Told:
        """In a failure callback: what came of it there."""
        self._peers.heard()
        told = Told.parse(self._transaction.final_header(HEADER))
        if told is not None:
            return told
        if self._transaction.is_unanswered:
            return Told(Result.SILENT, "the node that holds the call is silent")
        return Told(Result.LOST, f"the node that holds the call answered {self._transaction.final_status}")

    def asked(self, words: tuple[str, ...], sender: str) -> tuple[Attempt, str, str]:
        """What another node asks: the attempt of its picker, key and token of the call."""
        _, text, key, token, began_ms_ago = words
        attempt = Attempt.unpack(text)
        return attempt._replace(peer=sender, started_ms=now_ms() - int(began_ms_ago)), key, token

    def tell(self, attempt: Attempt, result: Result) -> None:
        """Answer the node that asked."""
        target = attempt.target
        told = Told(
            result,
            attempt.obstacle,
            attempt.raced,
            attempt.way,
            attempt.unknown,
            once_more=target is not None and target.key not in attempt.tried,
        )
        self._transaction.reply(NotCarriedOut.status, NotCarriedOut.reason, (told.header(),))
