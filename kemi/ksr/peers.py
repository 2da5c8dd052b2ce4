"""The other nodes of the deployment, as Kamailio's workers see them, and the requests between nodes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import KSR

from kemi.ksr.incoming import text
from kemi.ksr.table import entries, locked
from kemi.nodes.hop import HEADER, Envelope, Instruction, opened, seal
from kemi.nodes.peer import Known, Peer, instance_of
from kemi.settings import Settings
from kemi.sip.flow import Flow

VARIABLE = "nodes"
SEEN = "hops"
"""htable of seals that were seen."""
ASKED = "asked"
"""htable of the INVITEs that other nodes have in hand."""
BETWEEN = "::"
HAS_BEEN_HEARD_MS = 2_000
"""What a node has had for so long it has answered provisionally; else the picker has gone on by himself."""
DIED_STATUS, DIED_REASON = 480, "No Call To Pick Up"
LOOK_EVERY_S = 0.25
"""How old a worker's picture of the others may be, beyond that of its node."""
NONCE_BYTES = 9


def publish_nodes(words: str) -> None:
    """Tell every worker of the node who lives (Known.pack)."""
    KSR.pvx.shv_sets(VARIABLE, words)


class KamailioPeers:
    """Implements kemi.nodes.peers.Peers."""

    def __init__(self, settings: Settings) -> None:
        self._own = instance_of(settings.node, settings.boot)
        self._socket = settings.peer
        self._text = ""
        self._known = Known()
        self._look_at_s = 0.0

    @property
    def own(self) -> str:
        return self._own

    def is_peer(self, source: tuple[str, int]) -> bool:
        return source in self._now().places

    def find(self, instance: str) -> Peer | None:
        peer = self._now().by_instance.get(instance)
        return peer if peer is not None and peer.address else None

    def living(self) -> tuple[Peer, ...]:
        return self._now().living

    def flow_to(self, peer: Peer) -> Flow:
        return Flow("udp", *peer.place, self._socket)

    def aim(self, peer: Peer, uri: str) -> None:
        KSR.pv.sets("$ru", uri)
        KSR.pv.sets("$du", peer.hop)
        if self._socket:
            KSR.pv.sets("$fs", self._socket)

    def expects(self, peer: Peer) -> None:
        KSR.htable.sht_sets(ASKED, _waiting(), f"{peer.instance} {_now_ms()}")

    def heard(self) -> None:
        KSR.htable.sht_rm(ASKED, _waiting())

    def end_what_waits_for(self, peer: Peer, answer: Callable[[str, str, int, str], None]) -> None:
        """A node has died: whoever has waited for its answer for a while hears that there is none.

        answer: an INVITE of this node, named by Call-ID and CSeq, with a status and a reason.
        """
        for name in _waiting_for(peer):
            call_id, _, cseq = name.rpartition(BETWEEN)
            answer(call_id, cseq, DIED_STATUS, DIED_REASON)
            KSR.htable.sht_rm(ASKED, name)

    @property
    def mark(self) -> str:
        """Of the deployment (Known.mark)."""
        return self._now().mark

    def at(self, place: tuple[str, int]) -> Peer | None:
        """The living node that is reached there."""
        return self._now().at(place) or self._look()._known.at(place)

    def sealed(self, peer: Peer, kind: str, words: tuple[str, ...], message: tuple[str, str, str, str]) -> str:
        """Value of the header for a message of this method, Call-ID, From tag and CSeq number."""
        return seal(
            self._now(),
            Envelope(*message),
            kind,
            words,
            sender=self._own,
            to=peer.instance,
            now_ms=_now_ms(),
            nonce=secrets.token_urlsafe(NONCE_BYTES),
        )

    def instruct(self, peer: Peer, kind: str, words: tuple[str, ...]) -> None:
        envelope = _envelope()
        message = envelope.method, envelope.call_id, envelope.from_tag, envelope.cseq
        value = self.sealed(peer, kind, words, message)
        # What a phone may have written there would come before.
        KSR.hdr.remove(HEADER)
        KSR.hdr.append(f"{HEADER}: {value}\r\n")

    def arrived(self) -> Instruction | None:
        instruction = self.read()
        return instruction if instruction is not None and self.is_first(instruction) else None

    def read(self) -> Instruction | None:
        """As `arrived`, of a request that may be a repetition."""
        value = KSR.hdr.get(HEADER)
        if value is None:
            return None
        KSR.hdr.remove(HEADER)
        source = text("$si"), int(text("$sp"))
        if not self.is_peer(source) and not self._look().is_peer(source):
            return None
        return opened(self._now(), _envelope(), str(value), to=self._own, now_ms=_now_ms())

    @staticmethod
    def is_first(instruction: Instruction) -> bool:
        return _is_first(instruction.nonce)

    def _look(self) -> KamailioPeers:
        """See at once what this worker would see a moment later: a node that has just come, it may be."""
        self._look_at_s = 0.0
        self._now()
        return self

    def _now(self) -> Known:
        """What this node knows of the others. A deployment of one node pays a look at the clock."""
        now_s = time.monotonic()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + LOOK_EVERY_S
            said = str(KSR.pv.get(f"$shv({VARIABLE})") or "")
            if said != self._text:
                self._text, self._known = said, Known.unpack(said)
        return self._known


def _waiting() -> str:
    return f"{text('$ci')}{BETWEEN}{text('$cs')}"


def _waiting_for(peer: Peer) -> list[str]:
    found: list[str] = []
    for name, value in entries(ASKED):
        instance, _, since_ms = value.partition(" ")
        if instance == peer.instance and _now_ms() - int(since_ms) > HAS_BEEN_HEARD_MS:
            found.append(name)
    return found


def _envelope() -> Envelope:
    return Envelope(text("$rm"), text("$ci"), text("$ft"), text("$cs"))


def _is_first(nonce: str) -> bool:
    with locked(SEEN, nonce):
        if KSR.htable.sht_get(SEEN, nonce) is not None:
            return False
        return KSR.htable.sht_sets(SEEN, nonce, "1") > 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
