"""What carries a test phone's messages: a datagram socket, a connection, TLS, or WebSocket over either (RFC 7118).

A Wire is opened by `open_wire`; it reads whole SIP messages and knows its own address.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import socket
import ssl
import struct
from typing import Protocol

from tests.support.ports import LOOPBACK, free_port
from tests.support.sip_text import SipMessage

CONNECT_WITHIN_S = 4.0
RECEIVE_BYTES = 1 << 22
SO_RCVBUFFORCE = 33
"""socket(7); Python has no name for it."""
_ANSWERED_TO = re.compile(rb"\r\nVia: SIP/2\.0/UDP ([\d.]+):(\d+)")
_ROUTED_TO = re.compile(rb"\r\nRoute: <sip:([\d.]+):(\d+)")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Wire(Protocol):
    """address: own host and port. Timeouts raise TimeoutError, an end of the connection ConnectionClosed."""

    @property
    def address(self) -> tuple[str, int]: ...
    def sends(self, raw: bytes) -> None: ...
    def reads(self, within_s: float) -> bytes: ...
    def close(self) -> None: ...


class ConnectionClosed(AssertionError):
    """The node closed the connection."""


def open_wire(transport: str, proxy: tuple[str, int], host: str = LOOPBACK) -> Wire:
    """transport: udp, tcp, tls, ws or wss. host: own address."""
    if transport == "udp":
        return Datagrams(proxy, host)
    connection = socket.create_connection(proxy, CONNECT_WITHIN_S, (host, 0))
    if transport in ("tls", "wss"):
        connection = unverified().wrap_socket(connection)
    return WebSocket(connection) if transport in ("ws", "wss") else Stream(connection)


def unverified() -> ssl.SSLContext:
    """A client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Datagrams:
    """A message goes to its proxy, or to another node that was heard, if the topmost Route of a request
    (RFC 3261 §8.1.2) or the topmost Via of an answer (§18.2.2) says so."""

    def __init__(self, proxy: tuple[str, int], host: str) -> None:
        self.proxy = proxy
        self._home = proxy
        self._others: set[tuple[str, int]] = set()
        self.is_loyal = False
        """Sends requests to its proxy whatever their Route says."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A phone repeats nothing: what the kernel drops of a burst is lost. Only root gets more than rmem_max.
        for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
            with contextlib.suppress(PermissionError):
                self.socket.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BYTES)
        self.socket.bind((host, free_port() if host == LOOPBACK else 0))
        self.address: tuple[str, int] = self.socket.getsockname()

    def joins(self, proxy: tuple[str, int]) -> None:
        """From now on this is its proxy."""
        self.proxy = self._home = proxy

    def sends(self, raw: bytes) -> None:
        named = (_ANSWERED_TO if raw.startswith(b"SIP/") else _ROUTED_TO).search(raw)
        if self.is_loyal and not raw.startswith(b"SIP/"):
            named = None
        place = (named[1].decode(), int(named[2])) if named else self.proxy
        self.socket.sendto(raw, place if place in self._others else self.proxy)

    def reads(self, within_s: float) -> bytes:
        self.socket.settimeout(within_s)
        raw, place = self.socket.recvfrom(65535)
        if place != self._home:
            self._others.add(place)
        return raw

    def close(self) -> None:
        self.socket.close()


class Stream:
    """SIP on a connection: Content-Length says where a message ends (RFC 3261 §18.3)."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._unread = b""
        self.address: tuple[str, int] = connection.getsockname()

    def sends(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def reads(self, within_s: float) -> bytes:
        self._socket.settimeout(within_s)
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._more()
            if self._unread.startswith(b"\r\n"):
                # RFC 5626 §3.5.1: a pong.
                return self._takes(self._unread.index(b"\n") + 1)
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        length = int(SipMessage.parse(head + b"\r\n\r\n")["Content-Length"])
        while len(rest) < length:
            self._unread += (more := self._more())
            rest += more
        return self._takes(len(head) + 4 + length)

    def close(self) -> None:
        self._socket.close()

    def breaks_off(self) -> None:
        """End the connection without a word (RST): its address is free again at once."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _takes(self, count: int) -> bytes:
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def _more(self) -> bytes:
        try:
            came = self._socket.recv(65535)
        except ConnectionError:
            came = b""
        if not came:
            raise ConnectionClosed("the node closed the connection")
        return came


class WebSocket(Stream):
    """A client of RFC 6455: each SIP message is one text frame, masked on its way to the node."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.pings = 0
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._socket.sendall(handshake(key))
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._more()
        answer, _, self._unread = self._unread.partition(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer.decode()

    def sends(self, raw: bytes) -> None:
        self._frames(TEXT, raw)

    def reads(self, within_s: float) -> bytes:
        self._socket.settimeout(within_s)
        while True:
            kind, payload = self._frame()
            if kind in (TEXT, BINARY):
                return payload
            if kind == CLOSE:
                raise ConnectionClosed("the node closed the WebSocket")
            if kind == PING:
                self.pings += 1
                self._frames(PONG, payload)

    def _frame(self) -> tuple[int, bytes]:
        """The next frame. The node sends whole messages and masks nothing."""
        self._has(2)
        kind, length, start = self._unread[0] & 0x0F, self._unread[1], 2
        if length >= 126:
            start = 4 if length == 126 else 10
            self._has(start)
            length = int.from_bytes(self._unread[2:start])
        self._has(start + length)
        return kind, self._takes(start + length)[start:]

    def _has(self, count: int) -> None:
        while len(self._unread) < count:
            self._unread += self._more()

    def _frames(self, kind: int, payload: bytes) -> None:
        mask, length = secrets.token_bytes(4), len(payload)
        if length < 126:
            head = bytes([0x80 | kind, 0x80 | length])
        elif length < 1 << 16:
            head = bytes([0x80 | kind, 0x80 | 126]) + length.to_bytes(2)
        else:
            head = bytes([0x80 | kind, 0x80 | 127]) + length.to_bytes(8)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._socket.sendall(head + mask + masked)


def handshake(key: str, *, protocol: str = "sip", version: int = 13, path: str = "/") -> bytes:
    """An opening handshake (RFC 6455 §4.1, RFC 7118 §4.1)."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: pbx.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n"
        f"Sec-WebSocket-Version: {version}\r\n\r\n"
    ).encode()
