"""redis-py's connections, which are open by a deadline or not at all: names, TCP, TLS and the greeting included."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import redis

from kemi.store.names import addresses_of

Word = str | bytes | int
_THROWS_AWAY = struct.pack("ii", 1, 0)
"""SO_LINGER: with the connection goes all that has not been delivered."""


def left_s(until_s: float) -> float:
    """Time until a moment of the monotonic clock; raises redis.TimeoutError when there is none."""
    left = until_s - time.monotonic()
    if left <= 0:
        raise redis.TimeoutError("the state store took too long")
    return left


class Link(Protocol):
    """redis-py's connection, as far as it is used here; it knows no types itself."""

    until_s: float
    """By then connecting must have ended."""
    sees_its_end: bool
    """Whether sending tells at once that the other side has closed the connection."""
    host: str
    port: int
    username: str | None
    password: str | None
    client_name: str | None
    db: int
    socket_timeout: float | None
    redis_connect_func: Callable[[Link], None] | None
    """Called with the link once there is a socket."""
    _sock: Any
    _parser: Any

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def send_command(self, *words: Word) -> None: ...
    def send_packed_command(self, packed: Any) -> None: ...
    def pack_commands(self, commands: Sequence[tuple[Word, ...]]) -> Any: ...
    def read_response(self) -> Any: ...


class _Bounded:
    until_s: float
    sees_its_end = True


class UnixLink(_Bounded, redis.UnixDomainSocketConnection):
    def _connect(self) -> socket.socket:
        # A backlog that is full (a store that hangs) is no wait at all: EAGAIN.
        self.socket_connect_timeout = left_s(self.until_s)
        connected: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
        return connected


class TcpLink(_Bounded, redis.Connection):
    sees_its_end = False

    def _connect(self) -> socket.socket:
        name = self.host
        addresses = addresses_of(name, self.until_s)
        try:
            for number, address in enumerate(addresses):
                # redis-py connects to self.host; TLS checks the certificate for the name.
                self.host = address
                self.socket_connect_timeout = left_s(self.until_s) / (len(addresses) - number)
                try:
                    connected: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
                except OSError:
                    if number + 1 == len(addresses):
                        raise
                else:
                    connected.settimeout(left_s(self.until_s))
                    return connected
            raise redis.ConnectionError(f"{name} has no address")
        finally:
            self.host = name

    def disconnect(self, *args: Any) -> None:
        """redis-py does it itself after a time-out.

        Where packets are lost the kernel would go on sending, and a record come after the one that ends what it began.
        """
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _THROWS_AWAY)
        super().disconnect(*args)  # type: ignore[no-untyped-call]


class TlsLink(redis.SSLConnection, TcpLink):
    """ssl_context: made once, for reading the certificates of all authorities takes longer than a worker may wait."""

    def __init__(self, ssl_context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self._context = ssl_context

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, server_hostname=self.host)


def greeting(link: Link) -> list[tuple[Word, ...]]:
    """The commands that make a connection one's own, to be sent in one packet."""
    words: list[tuple[Word, ...]] = []
    if link.password or link.username:
        words.append(("AUTH", *([link.username] if link.username else []), link.password or ""))
    if link.client_name:
        words.append(("CLIENT", "SETNAME", link.client_name))
    if link.db:
        words.append(("SELECT", link.db))
    return words
