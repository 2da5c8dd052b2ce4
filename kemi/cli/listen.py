"""Listen addresses: reading them, seeing that they are free, and asking who answers there."""

from __future__ import annotations

import errno
import ipaddress
import re
import secrets
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from kemi.sip.flow import UNDER_WEBSOCKET
from kemi.sip.options import options_request, status_of

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Listen:
    """One listen address of a node, `udp:127.0.0.1:5060` or `wss:[::1]:443`."""

    transport: str
    host: str
    """An IP address; without brackets."""
    port: int

    @classmethod
    def parse(cls, text: str) -> Listen:
        """Read `transport:address[:port]`; raises ValueError that says what is wrong."""
        transport, colon, rest = text.partition(":")
        if not colon or transport not in DEFAULT_PORTS:
            raise ValueError(
                f"{text!r}: a listen address begins with udp:, tcp:, tls:, ws: or wss:, as in udp:127.0.0.1:5060"
            )
        if rest.startswith("["):
            host, _, tail = rest[1:].partition("]")
            port_text = tail.removeprefix(":")
        else:
            host, _, port_text = rest.partition(":")
        try:
            host = str(ipaddress.ip_address(host))
        except ValueError:
            raise ValueError(f"{text!r}: {host!r} is not an IP address") from None
        port = int(port_text) if port_text.isascii() and port_text.isdigit() else -1
        if not port_text:
            port = DEFAULT_PORTS[transport]
        if not 1 <= port <= 65535:
            raise ValueError(f"{text!r}: the port is a number from 1 to 65535")
        return cls(transport, host, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"

    @property
    def bound(self) -> str:
        """As Kamailio names the socket: a WebSocket begins as HTTP on TCP or TLS."""
        below = UNDER_WEBSOCKET.get(self.transport, self.transport)
        return f"{below}:{str(self).partition(':')[2]}"

    @property
    def is_websocket(self) -> bool:
        return self.transport in UNDER_WEBSOCKET

    @property
    def is_encrypted(self) -> bool:
        return self.transport in ("tls", "wss")

    @property
    def kind(self) -> socket.SocketKind:
        return socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def local_host(self) -> str:
        """Where a program on this host reaches it: the loopback address for a listen on all addresses."""
        if self.is_everywhere:
            return "::1" if ":" in self.host else "127.0.0.1"
        return self.host

    @property
    def is_everywhere(self) -> bool:
        """It is no address that anybody could be told."""
        return ipaddress.ip_address(self.host).is_unspecified

    def why_not(self) -> str | None:
        """Why the address cannot be bound now, in a few words; None when it can."""
        with socket.socket(self.family, self.kind) as probe:
            if self.transport != "udp":
                # As the node does: connections in TIME_WAIT do not hinder it, a listener does.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
                if self.transport != "udp":
                    probe.listen()
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return "is in use"
                if error.errno == errno.EADDRNOTAVAIL:
                    return "is not an address of this host"
                return f"cannot be bound: {error.strerror}"
        return None


def health_address(text: str) -> Listen:
    """Read `address:port`, where HTTP is served; raises ValueError that says what is wrong."""
    if not re.search(r":\d+$", text):
        raise ValueError(f"{text!r}: an address and a port are needed, as in 127.0.0.1:8087")
    return Listen.parse(f"tcp:{text}")


def peer_address(text: str, listens: Sequence[Listen]) -> str:
    """Where other nodes reach this one: what was said, else the first udp address of `listens`; '' when there is none.

    Raises ValueError that says what is wrong.
    """
    if text:
        address = Listen.parse(text)
        if address.transport != "udp" or address.is_everywhere:
            raise ValueError(f"{text!r}: other nodes are told this very address: udp:, and not that of all interfaces")
        return str(address)
    usable = (listen for listen in listens if listen.transport == "udp" and not listen.is_everywhere)
    return str(next(usable, ""))


def phones_socket(listens: Sequence[Listen]) -> str:
    """The udp socket by which phones are called: the first that is not for this host alone; '' when there is none."""
    sockets = sorted(
        (listen for listen in listens if listen.transport == "udp"),
        key=lambda listen: ipaddress.ip_address(listen.host).is_loopback,
    )
    return sockets[0].bound if sockets else ""


def ask_options(to: Listen, timeout_s: float) -> int | None:
    """Send one OPTIONS and return the status of the answer; None when none came within timeout_s seconds."""
    answer = answer_to_options(to, timeout_s)
    return status_of(answer) if answer else None


def answer_to_options(to: Listen, timeout_s: float) -> bytes:
    """Send one OPTIONS and return the answer, or its beginning; b'' when none came within timeout_s seconds.

    Where WebSocket is spoken it is sent without: the socket takes plain SIP too. Any certificate will do.
    """
    try:
        with _connected(to, timeout_s) as client:
            own_host, own_port = client.getsockname()[:2]
            transport, _, target = to.bound.partition(":")
            client.sendall(options_request(transport, target, own_host, own_port, secrets.token_hex(8)))
            return client.recv(65535)
    except OSError:
        return b""


def _connected(to: Listen, timeout_s: float) -> socket.socket:
    client = socket.socket(to.family, to.kind)
    try:
        client.settimeout(timeout_s)
        client.connect((to.local_host, to.port))
        if not to.is_encrypted:
            return client
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(client)
    except BaseException:
        client.close()
        raise


def held_port() -> socket.socket:
    """A socket on a UDP port of 127.0.0.1 that nobody holds, and that nobody else gets until the socket is closed.

    Only who asks for this very port with SO_REUSEADDR, as Kamailio does, can bind it beside this socket, and then gets
    all that is sent to it.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    held.bind(("127.0.0.1", 0))
    # After the bind: before it, Linux would hand out a port that is shared already.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return held
