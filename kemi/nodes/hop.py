"""The peer hop: a request that one node sends another, sealed so that nobody else can make it, or make it again.

The seal is of the message that carries it, of both nodes, of the moment and of what is asked. It is good for one
message, at one node, for a few seconds; what a node asks of another is worth something only together with a claim in
the state store, too.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from kemi.nodes.peer import Known
from kemi.sip import packed

HEADER = "P-Star87-Peer"
REACH = "reach"
"""An instruction: send this request to a URI over a flow of yours. Words: tenant, URI, flow, longest wait for an
answer in ms, and the Route set from there on."""
WITHIN_MS = 8_000
"""How far sender and receiver may be apart: a request is repeated no longer by whoever has not been answered."""
REMEMBERED_S = 20
"""How long a seal that was seen is remembered: longer than it is good for, either way (kamailio.cfg: htable `hops`)."""
SEAL_BYTES = 16


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a node asks of another."""

    kind: str
    words: tuple[str, ...] = ()
    sender: str = ""
    """Instance of the node that asks (Peer.instance)."""
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The message that carries an instruction, as far as the seal binds it."""

    method: str
    call_id: str
    from_tag: str
    cseq: str


def seal(
    known: Known, envelope: Envelope, kind: str, words: Sequence[str], *, sender: str, to: str, now_ms: int, nonce: str
) -> str:
    """The value of the header. now_ms: of this host's clock. sender, to: instances."""
    said = packed.pack([sender, to, now_ms + known.ahead_ms, nonce, kind, *words])
    return f"{_mark(known.secret, envelope, said)} {said}"


def opened(known: Known, envelope: Envelope, value: str, *, to: str, now_ms: int) -> Instruction | None:
    """What was sealed for this very message and node; None for anything else. It may have been seen before."""
    mark, _, said = value.partition(" ")
    if not known.secret or not hmac.compare_digest(_bytes(mark), _mark(known.secret, envelope, said).encode()):
        return None
    sender, its_to, sent_ms, nonce, kind, *words = packed.unpack(said)
    if its_to != to or abs(now_ms + known.ahead_ms - sent_ms) > WITHIN_MS:
        return None
    return Instruction(kind, tuple(words), sender, nonce)


def _mark(secret: str, envelope: Envelope, said: str) -> str:
    bound = packed.pack([envelope.method, envelope.call_id, envelope.from_tag, envelope.cseq, said])
    return hashlib.blake2b(_bytes(bound), key=_bytes(secret), digest_size=SEAL_BYTES).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
