"""Where HTTP turns into WebSocket, and what all other HTTP is told (RFC 6455 §4.2, RFC 7118 §4)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from kemi.sip.ports import Message


class Http(Protocol):
    """The HTTP request at hand."""

    @property
    def asks_for_websocket(self) -> bool:
        """It has the headers of an opening handshake."""
        ...

    def shake_hands(self) -> None:
        """Answer the handshake: 101 for the subprotocol sip, or what is wrong with it. SIP follows after 101."""
        ...

    def refuse(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        """Answer without a body. headers: lines without CRLF."""
        ...


class WebSocketGate:
    """ports: those that are listened on for WebSocket; on all others there is no HTTP."""

    def __init__(self, http: Http, message: Callable[[], Message], ports: Collection[int]) -> None:
        self._http = http
        self._message = message
        self._ports = ports

    def answer(self) -> None:
        """Answer one HTTP request; a datagram is none and gets no answer: nobody knows who sent it."""
        flow = self._message().flow
        if not flow.is_stream:
            return
        port = flow.socket.rpartition(":")[2]
        if int(port) not in self._ports:
            self._http.refuse(404, "Not Found")
        elif not self._http.asks_for_websocket:
            # RFC 9110 §15.5.22
            self._http.refuse(426, "Upgrade Required", ("Upgrade: websocket", "Connection: Upgrade"))
        else:
            self._http.shake_hands()
