"""Whether a node answers that has said nothing in the store: the store may be what is lost, at its end."""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
import time
from collections.abc import Sequence

from kemi.nodes.peer import Peer
from kemi.sip.options import options_request, status_of

WITHIN_S = 0.2
"""For all of them together: who asks must say meanwhile that its own node lives."""


def answering(peers: Sequence[Peer]) -> tuple[Peer, ...]:
    """Those that answer an OPTIONS with 2xx; one that drains is none."""
    asked: dict[socket.socket, Peer] = {}
    answered: list[Peer] = []
    try:
        for peer in peers:
            with contextlib.suppress(OSError):
                asked[_ask(peer)] = peer
        until_s = time.monotonic() + WITHIN_S
        while asked and (left_s := until_s - time.monotonic()) > 0:
            for client in select.select(list(asked), [], [], left_s)[0]:
                if 200 <= _status(client) < 300:
                    answered.append(asked[client])
                del asked[client]
                client.close()
    finally:
        for client in asked:
            client.close()
    return tuple(peer for peer in peers if peer in answered)


def _ask(peer: Peer) -> socket.socket:
    host, port = peer.place
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # Connected: of a host where nobody listens it is heard at once.
        client.connect((host, port))
        transport, _, target = peer.address.partition(":")
        own_host, own_port = client.getsockname()[:2]
        client.send(options_request(transport, target, own_host, own_port, secrets.token_hex(8)))
    except BaseException:
        client.close()
        raise
    return client


def _status(client: socket.socket) -> int:
    try:
        return status_of(client.recv(65535)) or 0
    except OSError:
        return 0
