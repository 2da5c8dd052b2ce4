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

ASKED_MOST, WITHIN_S = 3, 0.07
"""How often each is asked, lest a lost datagram pass for a lost node, and how long is waited each time. That is for all
of them together: who asks must say meanwhile that its own node lives."""


def answering(peers: Sequence[Peer]) -> tuple[Peer, ...]:
    """Those that answer an OPTIONS with 2xx; one that drains is none."""
    silent, well = list(peers), list[Peer]()
    for _ in range(ASKED_MOST):
        answers = _answers(silent)
        well += [peer for peer, status in answers.items() if 200 <= status < 300]
        silent = [peer for peer in silent if peer not in answers]
    return tuple(peer for peer in peers if peer in well)


def _answers(peers: Sequence[Peer]) -> dict[Peer, int]:
    """The status that each answers with in time, 0 where that is no SIP or nobody listens."""
    asked: dict[socket.socket, Peer] = {}
    answers: dict[Peer, int] = {}
    try:
        for peer in peers:
            with contextlib.suppress(OSError):
                asked[_ask(peer)] = peer
        until_s = time.monotonic() + WITHIN_S
        while len(answers) < len(asked) and (left_s := until_s - time.monotonic()) > 0:
            waiting = [client for client, peer in asked.items() if peer not in answers]
            for client in select.select(waiting, [], [], left_s)[0]:
                answers[asked[client]] = _status(client)
    finally:
        for client in asked:
            client.close()
    return answers


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
