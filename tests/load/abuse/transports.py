"""The same over streams, TLS and WebSocket, and what is no SIP."""

from __future__ import annotations

import socket
import ssl

from tests.load.abuse.identity import as_carol
from tests.load.abuse.scene import Scene
from tests.load.abuse.way import HOME, SILENCE, Answer, way
from tests.support.phone import Phone
from tests.support.sip_text import sdp
from tests.support.wire import TEXT, unverified

WITHIN_S = 3.0
DENIED = "403 Pickup Not Permitted"


def code(phone: Phone, *headers: tuple[str, str]) -> str:
    return phone.requests("INVITE", f"sip:*87101@{HOME}", headers=headers, body=sdp())


def exchanged(at: Scene, transport: str, raw: bytes) -> str:
    """First line that comes back on a connection of its own, SILENCE when it is closed without one."""
    host, _, port = at.node.reached_by(transport).rpartition(":")
    connection: socket.socket = socket.create_connection((host, int(port)), WITHIN_S)
    if transport in ("tls", "wss"):
        connection = unverified().wrap_socket(connection)
    with connection:
        connection.sendall(raw)
        connection.settimeout(WITHIN_S)
        try:
            while (came := connection.recv(65535)).startswith(b"SIP/2.0 1"):
                pass
        except (ConnectionError, ssl.SSLError):
            came = b""
    line = came.decode("utf-8", "replace").partition("\r\n")[0]
    return line.partition(" ")[2] or SILENCE


def with_credentials(transport: str) -> None:
    @way(f"own credentials over {transport}", DENIED)
    def denied(at: Scene) -> Answer:
        return at.invites(at.colleague(transport=transport), "*87101")

    @way(f"the picker in From over {transport}", "403 Forbidden: From must be")
    def forged(at: Scene) -> Answer:
        phone = at.colleague(transport=transport)
        return at.invites(phone, "*87101", as_carol(phone))

    @way(f"no credentials over {transport}", "407")
    def none(at: Scene) -> Answer:
        return at.invites(at.colleague("103", transport=transport), "*87101", is_proven=False)

    @way(f"a Replaces over {transport}", DENIED)
    def replaces(at: Scene) -> Answer:
        return at.invites(at.colleague(transport=transport), "101", *at.replaces())


for _transport in ("tcp", "tls", "ws"):
    with_credentials(_transport)


@way("SIP on the WebSocket port without a handshake", "407")
def no_handshake(at: Scene) -> Answer:
    return exchanged(at, "ws", code(at.colleague("103")).encode())


@way("a WebSocket frame without a handshake", SILENCE, "400")
def frame(at: Scene) -> Answer:
    text = code(at.colleague("103")).encode()
    head = bytes([0x80 | TEXT, 0x80 | 126]) + len(text).to_bytes(2) + bytes(4)
    return exchanged(at, "tcp", head + text + b"\r\n\r\n")


@way("HTTP on the SIP port", "404")
def http(at: Scene) -> Answer:
    return exchanged(at, "tcp", f"GET /*87101 HTTP/1.1\r\nHost: {HOME}\r\nContent-Length: 0\r\n\r\n".encode())


@way("HTTP on the TLS port", "404")
def https(at: Scene) -> Answer:
    return exchanged(at, "tls", f"GET /*87101 HTTP/1.1\r\nHost: {HOME}\r\nContent-Length: 0\r\n\r\n".encode())


@way("a handshake with a subprotocol that is not SIP", "426", "400")
def subprotocol(at: Scene) -> Answer:
    raw = (
        f"GET / HTTP/1.1\r\nHost: {HOME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: star87-admin\r\n\r\n"
    )
    return exchanged(at, "ws", raw.encode())


@way("SIP in clear on the TLS port", SILENCE)
def clear_on_tls(at: Scene) -> Answer:
    host, _, port = at.node.reached_by("tls").rpartition(":")
    with socket.create_connection((host, int(port)), WITHIN_S) as connection:
        connection.sendall(code(at.colleague("103")).encode())
        connection.settimeout(WITHIN_S)
        try:
            came = connection.recv(100)
        except ConnectionError:
            came = b""
    return came.decode("ascii", "replace") if came.startswith(b"SIP/2.0") else SILENCE


@way("two requests in one stream, the second hidden in the first one's body", "407")
def smuggled(at: Scene) -> Answer:
    phone = at.colleague("103")
    inner = code(phone)
    outer = phone.requests("INVITE", f"sip:*87101@{HOME}", body=inner)
    return exchanged(at, "tcp", outer.encode())
