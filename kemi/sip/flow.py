"""Over what: the path by which a device's request reached this node."""

from __future__ import annotations

from typing import NamedTuple

STREAMS = frozenset({"tcp", "tls", "ws", "wss"})
UNDER_WEBSOCKET = {"ws": "tcp", "wss": "tls"}


class Flow(NamedTuple):
    """Where a message came from and which listen socket took it (RFC 5626 calls it a flow)."""

    transport: str
    """udp, tcp, tls, ws or wss."""
    ip: str
    port: int
    socket: str
    """The listen socket, as Kamailio names it: `udp:127.0.0.1:5060`; of a WebSocket the tcp or tls one below it."""

    @property
    def uri(self) -> str:
        """The next hop that leads back over this flow; a stream connection is found by address and port."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        # RFC 7118 §5.2: a URI says ws for either; which it is depends on the connection.
        transport = "ws" if self.transport == "wss" else self.transport
        return f"sip:{host}:{self.port};transport={transport}"

    @property
    def is_stream(self) -> bool:
        """It ends with its connection; only the other end can open it anew."""
        return self.transport in STREAMS

    @property
    def device(self) -> str:
        """Name of the device at the other end, as long as it keeps its port or its connection."""
        return f"{self.transport}:{self.ip}:{self.port}"

    def __str__(self) -> str:
        return f"{self.device}/{self.socket}"

    @classmethod
    def parse(cls, text: str) -> Flow:
        """The inverse of str(); raises ValueError."""
        source, _, socket = text.partition("/")
        transport, _, rest = source.partition(":")
        ip, _, port = rest.rpartition(":")
        return cls(transport, ip, int(port), socket)
