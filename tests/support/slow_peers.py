"""Peers that begin to say something on a connection, and then say nothing more."""

from __future__ import annotations

import secrets
import socket
import ssl
from contextlib import suppress

from tests.support.node import Node
from tests.support.wire import unverified

WITHIN_S = 17.0
"""Longest wait for what the node says."""


def connects(node: Node, transport: str = "tcp") -> socket.socket:
    host, _, port = node.reached_by(transport).partition(":")
    connection = socket.create_connection((host, int(port)), 4.0)
    connection.settimeout(WITHIN_S)
    return connection


def options(node: Node, *, more: bytes = b"", length: int = 0, transport: bytes = b"TCP") -> bytes:
    """Everything of an OPTIONS but its body."""
    return (
        b"OPTIONS sip:%b SIP/2.0\r\nVia: SIP/2.0/%b 192.0.2.1;branch=z9hG4bK%b\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:a@b>\r\nCall-ID: %b\r\nCSeq: 1 OPTIONS\r\n%bContent-Length: %d\r\n\r\n"
    ) % (node.address.encode(), transport, secrets.token_hex(8).encode(), secrets.token_hex(8).encode(), more, length)


def client_hello() -> bytes:
    """What opens a TLS handshake."""
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        unverified().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def beginnings(node: Node) -> list[tuple[str, bytes]]:
    """Transport, and what is said before nothing more comes."""
    return [
        ("tcp", options(node)[:60]),
        ("tcp", options(node, length=9000) + b"half"),
        ("tcp", b"\r\n"),
        ("tcp", b"\r\n\r"),
        ("tcp", options(node)),
        ("tls", b""),
        ("tls", client_hello()[:50]),
        ("tls", client_hello()),
        ("ws", b""),
        ("ws", b"GET / HTTP/1.1\r\nUpgrade: websock"),
    ]


def opened(node: Node) -> int:
    return int(node.kamcmd("core.tcp_info").partition("opened_connections: ")[2].split()[0])
