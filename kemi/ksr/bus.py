"""Contacts are told from node to node by Kamailio's modules dmq and dmq_usrloc; who is a node says the registry.

dmq itself trusts whoever writes to it: so each of its requests carries the seal of the peer hop, over its body too.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import time
from collections.abc import Iterable

import KSR

from kemi.ksr.incoming import text
from kemi.ksr.peers import KamailioPeers
from kemi.nodes.flows import holder_of, mark_of
from kemi.nodes.hop import HEADER
from kemi.nodes.peer import Peer
from kemi.settings import Settings

METHOD = "KDMQ"
KIND = "bus"
"""Of an instruction. Words: digest of the body."""
NODES, CONTACTS = "notification_peer", "usrloc"
"""dmq's own names of who handles what."""
REMOVE, SEND_ALL = 2, 3
"""dmq_usrloc's actions."""
ENDED = "exp"
"""registrar's $ulc of a contact that has ended."""
LOST = 10
"""usrloc's time of expiry of a contact whose connection has ended."""
OF_ONE_CALL = b"@device.invalid"
"""In the addresses of usrloc's other table (kemi/ksr/spiral.py), which dmq_usrloc does not tell apart."""
ONCE_MORE_S = 4.0
WORKER_PAUSE_S = 0.1
"""dmq has taken in by then what it was told; if not, the next beat tries again."""


class KamailioBus:
    """Implements kemi.nodes.peers.Bus."""

    def __init__(self, settings: Settings, peers: KamailioPeers) -> None:
        self._peers = peers
        self._own = Peer(settings.node, settings.boot, settings.peer)
        self._mark = mark_of(self._own.instance)
        self._told: dict[str, Peer] = {}
        self._joined: dict[str, float] = {}
        """When to ask a node once more; it had not heard of this one, perhaps, or of its new start."""

    def beat(self) -> None:
        if not self._own.address:
            return
        others = {p.instance: p for p in self._peers.living() if p.address and p.instance != self._own.instance}
        if others != self._told:
            gone = [peer for instance, peer in self._told.items() if instance not in others]
            self._tell_dmq(others.values(), gone)
            self._told = others
            time.sleep(WORKER_PAUSE_S)
        self._joined = {instance: due for instance, due in self._joined.items() if instance in others}
        for instance, due in self._joined.items():
            if time.monotonic() >= due and self._ask(others[instance]):
                self._joined[instance] = math.inf
        fresh = [peer for instance, peer in others.items() if instance not in self._joined]
        if fresh:
            greeted = [peer for peer in fresh if self._greet(peer)]
            # One pause for all: this process also says that the node lives.
            time.sleep(WORKER_PAUSE_S)
            due = time.monotonic() + ONCE_MORE_S
            self._joined.update((peer.instance, due) for peer in greeted if self._ask(peer))

    def join_again(self) -> None:
        self._joined.clear()

    def seal(self) -> None:
        if KSR.pv.get("$rm") != METHOD:
            return
        body = _body()
        peer = self._peers.at((text("$rd"), int(text("$rp") or 0)))
        if peer is None or _is_of_one_call(body):
            KSR.set_drop()
            return
        self._peers.instruct(peer, KIND, (_digest(body),))

    def take(self) -> bool:
        heard = self._peers.read()
        if heard is None or heard.kind != KIND or heard.words != (_digest(_body()),):
            return False
        if self._peers.is_first(heard):
            KSR.dmq.handle_message()
        else:
            # A repetition of what dmq has or had at hand.
            KSR.sl.send_reply(200, "OK")
        return True

    def contact_ended(self) -> None:
        received, expires = (KSR.pv.get(f"$ulc({ENDED}=>{name})") for name in ("received", "expires"))
        if holder_of(str(received or "")) == self._mark and expires == LOST:
            aor, ruid = (str(KSR.pv.get(f"$ulc({ENDED}=>{name})")) for name in ("aor", "ruid"))
            said = json.dumps({"action": REMOVE, "aor": aor, "ruid": ruid})
            KSR.dmq.bcast_message(CONTACTS, said, "application/json")

    def _greet(self, peer: Peer) -> bool:
        """See that a node that has come has this one on its list."""
        return KSR.dmq.send_message(NODES, _uri(peer), _line(self._own, "active"), "text/plain") > 0

    @staticmethod
    def _ask(peer: Peer) -> bool:
        """Ask a node for all contacts that it knows."""
        return KSR.dmq.send_message(CONTACTS, _uri(peer), json.dumps({"action": SEND_ALL}), "application/json") > 0

    def _tell_dmq(self, living: Iterable[Peer], gone: Iterable[Peer]) -> None:
        """dmq learns nodes from messages only: this node tells itself. A node that is `pending` is told nothing."""
        places = {peer.address for peer in living}
        body = "".join(
            (
                *(_line(peer, "active") for peer in living),
                *(_line(peer, "pending") for peer in gone if peer.address not in places),
            )
        )
        call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
        place = self._own.address.partition(":")[2]
        uri = f"sip:{NODES}@{place}"
        sealed = self._peers.sealed(self._own, KIND, (_digest(body.encode()),), (METHOD, call_id, tag, "1"))
        lines = (
            f"{METHOD} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {place};branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: <{uri}>;tag={tag}",
            f"To: <{uri}>",
            f"Call-ID: {call_id}",
            f"CSeq: 1 {METHOD}",
            "Max-Forwards: 1",
            f"{HEADER}: {sealed}",
            "Content-Type: text/plain",
            f"Content-Length: {len(body)}",
        )
        KSR.corex.sendx(self._own.hop, self._own.address, "\r\n".join((*lines, "", body)))


def _uri(peer: Peer) -> str:
    return f"sip:{peer.address.partition(':')[2]}"


def _line(peer: Peer, status: str) -> str:
    return f"{_uri(peer)};status={status}\r\n"


def _body() -> bytes:
    """As it is: what a phone says of itself (its User-Agent, say) need not be UTF-8."""
    try:
        return str(KSR.pv.get("$rb") or "").encode()
    except UnicodeDecodeError:
        return bytes.fromhex(text("$(rb{s.encode.hexa})"))


def _is_of_one_call(body: bytes) -> bool:
    if OF_ONE_CALL not in body:
        return False
    try:
        # Of several contacts (`multi`) none is: what is asked of usrloc is one table.
        return str(json.loads(body.decode("latin-1")).get("aor", "")).encode().endswith(OF_ONE_CALL)
    except ValueError:
        return False


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
