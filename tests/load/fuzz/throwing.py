"""The source of damaged messages: phones, a trunk's gateway, connections and WebSockets, in one thread.

It is never far ahead of the node: after every few messages one OPTIONS must be answered. Calls that come back are
answered somehow, and every challenge gives the credentials for a later message.
"""

from __future__ import annotations

import re
import secrets
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from random import Random

from tests.load.fuzz.mutations import mutated
from tests.load.fuzz.recording import DOMAIN, HOST
from tests.support.phone import PASSWORD, Phone
from tests.support.sip_text import SipMessage, credentials
from tests.support.wire import Datagrams, handshake

AT_ONCE = 32
AT_ONCE_BYTES = 60_000
"""A socket of the node holds some 500 KB, with what the kernel adds; what is lost there would be others' as well."""
ANSWER_WITHIN_S = 10.0
ON_ONE_CONNECTION = 25
STREAM_SHARE, WEBSOCKET_SHARE = 0.25, 0.04
TRUNK_SHARE = 0.1
BRANCH, NONCE = re.compile(rb"branch=z9hG4bK[0-9a-f]+"), re.compile(rb'nonce="([A-Za-z0-9+/=]+)"')
CALL_ID = re.compile(rb"(?m)^Call-ID: ([^\r\n]+)")
CREDENTIALS = re.compile(rb'(?m)^((?:Proxy-)?Authorization): Digest username="([^"]+)".*?uri="([\x20-\x7e]*?)".*\r\n')
STATUSES = (b"100", b"180", b"183", b"200", b"302", b"401", b"407", b"481", b"486", b"500", b"503", b"603", b"699")


FINAL = STATUSES[3:]


class Silent(AssertionError):
    """The node answers nothing any more."""


class Thrower:
    """phones, gateway: whose sockets it speaks from, all at HOST. per_s: messages a second, at most about so many."""

    def __init__(
        self,
        rng: Random,
        corpus: Sequence[bytes],
        address: str,
        websocket: str,
        phones: Sequence[Phone],
        gateway: Phone,
        per_s: int,
    ) -> None:
        self._per_s = per_s
        self._ahead_bytes = 0
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self._rng, self._corpus = rng, corpus
        self._node, self._websocket = _place(address), _place(websocket)
        wires = [phone.wire for phone in (*phones, gateway)]
        assert all(isinstance(wire, Datagrams) for wire in wires)
        self._sockets = [wire.socket for wire in wires if isinstance(wire, Datagrams)]
        self._nonces: deque[bytes] = deque(maxlen=200)
        self._stream: socket.socket | None = None
        self._on_stream = 0
        self._last_was = b""

    def throws(self, count: int) -> None:
        """Send so many; raises Silent when the node stays silent."""
        began, first = time.monotonic(), self.sent
        while self.sent < first + count:
            self._ahead_bytes = 0
            for _ in range(AT_ONCE):
                if self._ahead_bytes > AT_ONCE_BYTES:
                    break
                drawn = self._rng.random()
                if drawn < WEBSOCKET_SHARE:
                    self._by_websocket()
                elif drawn < WEBSOCKET_SHARE + STREAM_SHARE:
                    self._by_stream()
                else:
                    self._by_datagram()
            self._listens()
            self._fence()
            ahead_s = began + (self.sent - first) / self._per_s - time.monotonic()
            if ahead_s > 0:
                select.select(self._sockets, [], [], ahead_s)

    def close(self) -> None:
        if self._stream:
            self._stream.close()

    # What is said

    def _message(self) -> bytes:
        raw = self._rng.choice(self._corpus)
        if self._rng.random() < 0.85:
            raw = _renewed(raw)
        raw = self._proven(raw)
        self.sent += 1
        self._last_was = mutated(self._rng, raw)
        return self._last_was

    def _proven(self, raw: bytes) -> bytes:
        """With credentials that are good now, where it had some."""
        found = CREDENTIALS.search(raw)
        if not found or not self._nonces:
            return raw
        name, user, uri = found.groups()
        nonce = f'nonce="{self._nonces.popleft().decode()}"'
        asked, status = ("WWW-Authenticate", 401) if name == b"Authorization" else ("Proxy-Authenticate", 407)
        challenge = SipMessage(f"SIP/2.0 {status} Prove It", ((asked, nonce),), "")
        method = raw.partition(b" ")[0].decode()
        _, value = credentials(
            challenge, user=user.decode(), password=PASSWORD, realm=DOMAIN, method=method, uri=uri.decode()
        )
        return CREDENTIALS.sub(lambda m: m[1] + b": " + value.encode() + b"\r\n", raw, count=1)

    # How it is sent

    def _by_datagram(self) -> None:
        by_trunk = self._rng.random() < TRUNK_SHARE
        wire = self._sockets[-1] if by_trunk else self._rng.choice(self._sockets[:-1])
        message = self._message()
        self._ahead_bytes += len(message)
        wire.sendto(message, self._node)

    def _by_stream(self) -> None:
        """Whole messages, several in one segment, or one in several; now and then the connection breaks off."""
        if self._stream is None or self._on_stream >= ON_ONE_CONNECTION:
            self._connects(self._node)
        messages = b"".join(self._message() for _ in range(self._rng.choice((1, 1, 1, 2, 5))))
        self._puts(_pieces(self._rng, messages))

    def _by_websocket(self) -> None:
        self._connects(self._websocket)
        opening = handshake("dGhlIHNhbXBsZSBub25jZQ==")
        if self._rng.random() < 0.1:
            self.sent += 1
            self._puts([mutated(self._rng, opening)])
            return
        self._puts([opening])
        for _ in range(self._rng.randint(1, 4)):
            frame = _frame(self._rng, self._message())
            self._puts([mutated(self._rng, frame) if self._rng.random() < 0.3 else frame])

    def _connects(self, place: tuple[str, int]) -> None:
        if self._stream:
            self._stream.close()
        self._stream = socket.create_connection(place, ANSWER_WITHIN_S, (HOST, 0))
        self._on_stream = 0

    def _puts(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            if self._stream is None:
                return
            try:
                self._stream.sendall(piece)
                self._on_stream += 1
                self._hears_stream()
            except OSError:
                # What cannot be framed ends the connection.
                self._stream.close()
                self._stream = None

    # What comes back

    def _listens(self) -> None:
        for wire in self._sockets:
            while raw := _came(wire):
                self._answered(raw)
                if not raw.startswith(b"SIP/2.0 "):
                    self._replies(wire, raw)
        self._hears_stream()

    def _hears_stream(self) -> None:
        raw = _came(self._stream) if self._stream else None
        if raw == b"" and self._stream:
            self._stream.close()
            self._stream = None
        for status in re.findall(rb"(?m)^SIP/2\.0 \d", raw or b""):
            self.answers[f"{chr(status[-1])}xx"] += 1
        self._nonces.extend(NONCE.findall(raw or b""))

    def _answered(self, raw: bytes) -> None:
        known = raw.startswith(b"SIP/2.0 ")
        self.answers[f"{chr(raw[8])}xx" if known else "requests"] += 1
        self._nonces.extend(NONCE.findall(raw))

    def _replies(self, wire: socket.socket, request: bytes) -> None:
        """Answer what the node sent, mostly by the book."""
        method = request.partition(b" ")[0]
        if method == b"ACK" or self._rng.random() < 0.15:
            return
        fields = request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        kept = [f for f in fields if f.partition(b":")[0].strip().lower() in KEPT]
        named = [f + b";tag=f%x" % self._rng.getrandbits(24) if _is_bare_to(f) else f for f in kept]
        # A re-INVITE that only rings would last as long as Timer C (RFC 3261 §16.8).
        begins = any(map(_is_bare_to, kept))
        status = self._rng.choice(STATUSES if begins else FINAL) if method == b"INVITE" else b"200"
        here = "{}:{}".format(*wire.getsockname()).encode()
        lines = [b"SIP/2.0 %b Fuzz" % status, *named, b"Contact: <sip:201@%b>" % here, b"Content-Length: 0", b"", b""]
        answer = b"\r\n".join(lines)
        self.sent += 1
        wire.sendto(mutated(self._rng, answer) if self._rng.random() < 0.5 else answer, self._node)

    def _fence(self) -> None:
        """Return when the node has read what was sent by datagrams."""
        wire = self._sockets[0]
        branch = b"z9hG4bKfence" + secrets.token_hex(8).encode()
        here = "{}:{}".format(*wire.getsockname()).encode()
        ask = b"\r\n".join(
            [
                b"OPTIONS sip:%b SIP/2.0" % "{}:{}".format(*self._node).encode(),
                b"Via: SIP/2.0/UDP %b;branch=%b" % (here, branch),
                b"From: <sip:fence@%b>;tag=1" % here,
                b"To: <sip:node@%b>" % here,
                b"Call-ID: " + branch,
                b"CSeq: 1 OPTIONS",
                b"Max-Forwards: 70",
                b"Content-Length: 0",
                b"",
                b"",
            ]
        )
        deadline = time.monotonic() + ANSWER_WITHIN_S
        asked = 0.0
        while time.monotonic() < deadline:
            if time.monotonic() - asked > 0.5:
                wire.sendto(ask, self._node)
                asked = time.monotonic()
            raw = _came(wire, 0.25)
            if not raw:
                continue
            if branch in raw:
                return
            self._answered(raw)
            if not raw.startswith(b"SIP/2.0 "):
                self._replies(wire, raw)
        raise Silent(f"the node answers nothing; the last of {self.sent} was {self._last_was!r}")


KEPT = (b"via", b"from", b"to", b"call-id", b"cseq", b"record-route")


def _is_bare_to(field: bytes) -> bool:
    return field[:3].lower() == b"to:" and b"tag=" not in field


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def _renewed(raw: bytes) -> bytes:
    """The same in another transaction, and most often of another call."""
    raw = BRANCH.sub(b"branch=z9hG4bK" + secrets.token_hex(8).encode(), raw, count=1)
    found = CALL_ID.search(raw)
    if found and b"\r\nRoute:" not in raw:
        raw = raw.replace(found[1], secrets.token_hex(8).encode())
    return raw


def _pieces(rng: Random, raw: bytes) -> list[bytes]:
    if rng.random() < 0.6 or len(raw) < 3:
        return [raw]
    cuts = sorted(rng.sample(range(1, len(raw)), min(rng.randint(1, 4), len(raw) - 1)))
    return [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


def _frame(rng: Random, payload: bytes) -> bytes:
    """A masked frame (RFC 6455 §5.2): most often text, sometimes of another kind."""
    kind, mask = rng.choice((0x81, 0x81, 0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0x8A, 0xFF)), rng.randbytes(4)
    length = len(payload)
    head = bytes([kind, 0x80 | length]) if length < 126 else bytes([kind, 0xFE]) + (length & 0xFFFF).to_bytes(2)
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def _came(wire: socket.socket, within_s: float = 0.0) -> bytes | None:
    """What has come; None for nothing, b"" when the connection has ended."""
    if not select.select([wire], [], [], within_s)[0]:
        return None
    try:
        return wire.recv(65535)
    except OSError:
        return b""
