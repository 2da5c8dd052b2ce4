"""A request that goes by way of this node itself, over a socket that only this host can reach."""

from __future__ import annotations

import secrets

import KSR

from kemi.ksr.incoming import Incoming, header
from kemi.ksr.seal import KEY_BYTES, Seal
from kemi.ksr.transaction import send_over, signed
from kemi.sip import packed
from kemi.sip.flow import Flow
from kemi.sip.ports import Errand

HOST = "127.0.0.1"
TABLE = "device"
"""usrloc's table of devices that a call is to be sent to: entries last for one call of `add_branch`."""
NO_REPLY, MEMORY_ONLY = 0x02, 0x01
NEXT_HOP = "P-Star87-Next-Hop"
"""Header between this node and itself: a sealed flow, since a phone may register the node's own socket as its own."""
ERRAND = "P-Star87-Errand"
"""Header between this node and itself: what a worker is to do, sealed."""
SEALED, SEALED_ERRAND = "next_hop", "errand"
"""In the place of a tenant; no domain is called so."""
NO_CONTACTS = -4
"""Of tsilo, in a transaction that could take some; -1 to -3: it is not there, was cancelled, has its final answer."""
RECEIVED = "$avp(received)"
"""registrar's received_avp: the next hop towards a contact that is saved."""


class KamailioSpiral:
    """Implements kemi.sip.ports.Spiral. port: of the node's own socket (settings.spiral_port)."""

    def __init__(self, port: int) -> None:
        self._port = port
        # Made before the fork: every worker has the same.
        self._seal = Seal(secrets.token_bytes(KEY_BYTES))
        self._uri = f"sip:{HOST}:{port};transport=udp"

    def add_branch(self, transaction: str) -> bool:
        # tsilo adds the contacts of an AoR, so the one device becomes an AoR of its own for a moment.
        aor = f"sip:{secrets.token_hex(8)}@device.invalid"
        index, _, label = transaction.partition(":")
        KSR.pv.sets(RECEIVED, self._uri)
        if KSR.registrar.save_uri(TABLE, MEMORY_ONLY | NO_REPLY, aor) < 0:
            return False
        try:
            return KSR.tsilo.ts_append_to_uri(signed(int(index)), signed(int(label)), TABLE, aor) > 0
        finally:
            KSR.registrar.unregister(TABLE, aor)
            KSR.pv.unset(RECEIVED)

    def is_open(self, transaction: str) -> bool:
        index, _, label = transaction.partition(":")
        # An AoR that nobody is registered for adds nothing; if anything hinders that, it is the transaction's end.
        nobody = f"sip:{secrets.token_hex(8)}@device.invalid"
        return KSR.tsilo.ts_append_to_uri(signed(int(index)), signed(int(label)), TABLE, nobody) == NO_CONTACTS

    def aim(self, uri: str) -> None:
        KSR.pv.sets("$ru", uri)
        KSR.pv.sets("$du", self._uri)

    def begin(self, method: str, uri: str, next_hop: Flow, headers: tuple[str, ...], body: str = "") -> None:
        lines = (
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self._port};branch=z9hG4bK{secrets.token_hex(8)}",
            *headers,
            "Max-Forwards: 70",
            f"{NEXT_HOP}: {self._seal.put(SEALED, str(next_hop))} {next_hop}",
            f"Content-Length: {len(body.encode())}",
        )
        # tm writes no From tag that is given to it; the request that comes round is relayed like a phone's.
        KSR.corex.sendx(self._uri, f"udp:{HOST}:{self._port}", "\r\n".join((*lines, "", body)))

    def send_errand(self, kind: Errand, words: str) -> None:
        words = f"{kind.value} {words}"
        name = secrets.token_hex(8)
        # Its Contact is what add_branch takes; where that branch goes is known when it has come round.
        self.begin(
            "INFO",
            self._uri,
            Flow("udp", HOST, self._port, f"udp:{HOST}:{self._port}"),
            (
                f"From: <sip:errand@device.invalid>;tag={name}",
                "To: <sip:errand@device.invalid>",
                f"Call-ID: {name}@device.invalid",
                "CSeq: 1 INFO",
                "Contact: <sip:errand@device.invalid>",
                f"{ERRAND}: {self._seal.put(SEALED_ERRAND, words)} {words}",
            ),
        )

    def answer(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        self.send_errand(Errand.ANSWER, packed.pack((call_id, cseq, status, reason)))

    def errand(self) -> tuple[Errand, str] | None:
        sealed, _, words = header(ERRAND).partition(" ")
        if self._seal.check(sealed, words) != SEALED_ERRAND:
            return None
        kind, _, words = words.partition(" ")
        return Errand(kind), words

    def end_branch(self, status: int, reason: str) -> None:
        message = Incoming()
        lines = (
            f"SIP/2.0 {status} {reason}",
            *(f"Via: {via}" for via in message.header_values("Via")),
            f"From: {message.header('From')}",
            f"To: {message.header('To')}",
            f"Call-ID: {message.call_id}",
            f"CSeq: {message.cseq} INVITE",
            "Content-Length: 0",
        )
        # tm cannot drop a positive final answer, nor make another of it: it is given one that it takes.
        KSR.corex.sendx(self._uri, f"udp:{HOST}:{self._port}", "\r\n".join((*lines, "", "")))

    def goes_on(self) -> bool:
        value = KSR.hdr.get(NEXT_HOP)
        if value is None:
            return False
        KSR.hdr.remove(NEXT_HOP)
        sealed, _, flow = str(value).partition(" ")
        if self._seal.check(sealed, flow) != SEALED:
            return False
        send_over(Flow.parse(flow))
        return True

    def is_return(self) -> bool:
        return KSR.pv.get("$Rp") == self._port and KSR.is_myself(f"sip:{KSR.pv.get('$si')}:{KSR.pv.get('$sp')}")

    def is_from_here(self) -> bool:
        return KSR.pv.get("$sp") == self._port and KSR.pv.get("$si") == HOST
