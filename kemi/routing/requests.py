"""Every request that comes in, in the order of RFC 3261 §16.3: checks first, then where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.errors import NoSuchDialog, NotAuthorized, RequestRefused
from kemi.lamps.watching import Watching
from kemi.nodes.peers import Bus, FromPeer, Peers
from kemi.pickup.reroute import Reroute
from kemi.routing.admission import Admission
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog
from kemi.routing.initial import InitialRequests
from kemi.sip import packed
from kemi.sip.ports import Callback, Errand, Message, Spiral, Transaction

BUS = "KDMQ"
"""Method of requests by which nodes tell one another of their contacts."""


class Proxy(Protocol):
    """Duties towards every message."""

    def has_hops_left(self) -> bool: ...
    def is_sane(self) -> bool: ...
    def is_retransmission(self) -> bool: ...
    def tenant_of_record_route(self) -> str: ...
    def answer_to_source(self) -> None: ...


class TooManyHops(RequestRefused):
    status, reason = 483, "Too Many Hops"


class Requests:
    def __init__(
        self,
        directory: Callable[[], Directory],
        proxy: Proxy,
        admission: Admission,
        transaction: Transaction,
        identity: Identity,
        in_dialog: InDialog,
        reroute: Reroute,
        spiral: Spiral,
        watching: Watching,
        peers: Peers,
        bus: Bus,
        initial: InitialRequests,
    ) -> None:
        self._directory = directory
        self._proxy = proxy
        self._admission = admission
        self._transaction = transaction
        self._identity = identity
        self._in_dialog = in_dialog
        self._reroute = reroute
        self._spiral = spiral
        self._watching = watching
        self._peers = peers
        self._bus = bus
        self._initial = initial
        self.by_peer: dict[str, FromPeer] = {}
        """What other nodes may ask, by the kind of their instruction (set by the wiring)."""
        self.errands: dict[Errand, Callable[[str], None]] = {Errand.ANSWER: self._answer_another}
        """What this node asks of itself (more is set by the wiring)."""

    def route(self, message: Message) -> None:
        """Answer or relay one request; raises RequestRefused with the answer that it ends with."""
        self._proxy.answer_to_source()
        if self._spiral.is_return():
            self._returned(message)
            return
        if self._peers.is_peer(message.source):
            if message.method == BUS:
                self._heard_on_bus()
                return
        elif not self._admission.admits(message):
            return
        try:
            self._heard(message)
        except UnicodeDecodeError:
            self._admission.strike(message)
            raise

    def _heard_on_bus(self) -> None:
        if not self._bus.take():
            raise NotAuthorized("this is between nodes")

    def _heard(self, message: Message) -> None:
        if not self._proxy.has_hops_left():
            raise TooManyHops
        if not self._proxy.is_sane():
            self._admission.strike(message)
            return
        method = message.method
        if method == "CANCEL":
            if self._peers.is_peer(message.source):
                self._cancelled_by_peer(message)
            else:
                self._in_dialog.cancel(message)
            return
        if method == BUS:
            # From a node that this worker has not heard of yet, if not from a stranger.
            self._heard_on_bus()
            return
        if method != "ACK" and self._proxy.is_retransmission():
            return
        if message.to_tag and method == "SUBSCRIBE" and self._watching.holds(message):
            watcher = self._identity.caller(message, self._directory())
            if watcher is not None:
                self._watching.renew(message, watcher)
        elif message.to_tag:
            self._in_dialog.request(message)
        elif method == "ACK":
            # RFC 3261 §17.1.1.3: without a dialog it can only be for a negative answer of ours.
            if self._transaction.is_known:
                self._transaction.relay()
        elif not self._is_of_peer(message):
            self._initial.begin(message)

    def _returned(self, message: Message) -> None:
        """A request by way of this node itself: only pickups and lamps send any."""
        if message.method == "INVITE":
            # A caller's own, whose headers say nothing of where it goes.
            if not self._proxy.is_retransmission():
                self._reroute.arrived(message, self._proxy.tenant_of_record_route())
        elif errand := self._spiral.errand():
            kind, words = errand
            self.errands[kind](words)
        elif self._spiral.goes_on() or self._belongs(message):
            if message.method == "NOTIFY":
                self._transaction.call_back(reply=None, failure=Callback.LAMP_FAILURE)
            if not self._transaction.relay() and message.method == "NOTIFY":
                self._watching.lose(message)

    def _answer_another(self, words: str) -> None:
        self._transaction.answer_another(*packed.unpack(words))

    def _cancelled_by_peer(self, message: Message) -> None:
        """It ends a branch of another node's: what it says of the call, that node knows."""
        if self._transaction.cancels != message.call_id:
            raise NoSuchDialog("no such transaction")
        self._transaction.relay()

    def _is_of_peer(self, message: Message) -> bool:
        """Carry out what another node asked. It has checked who sent the request, and written its Record-Route."""
        instruction = self._peers.arrived() if self._peers.is_peer(message.source) else None
        if instruction is None:
            return False
        carry_out = self.by_peer.get(instruction.kind)
        if carry_out is None:
            raise NotAuthorized(f"this node knows no {instruction.kind!r}")
        carry_out(message, instruction)
        return True

    def _belongs(self, message: Message) -> bool:
        """An ACK of a negative answer, or a CANCEL, whose INVITE is known."""
        return self._transaction.is_known if message.method == "ACK" else bool(self._transaction.cancels)
