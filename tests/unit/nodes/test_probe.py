"""Asking nodes that are silent in the store, over real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from kemi.nodes.peer import Peer
from kemi.nodes.probe import answering

LOOPBACK, WIDE = "127.0.0.1", "::1"


@pytest.fixture
def servers() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    yield opened
    for one in opened:
        one.close()


def listens(
    servers: list[socket.socket], name: str, answer: bytes | None, host: str = LOOPBACK, *, lost: int = 0
) -> Peer:
    """A node at a port of its own, which gives a request this answer. lost: requests that it does not get before."""
    server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((host, 0))
    servers.append(server)

    def serve() -> None:
        for _ in range(lost + 1):
            request, sender = server.recvfrom(65535)
        if answer is not None:
            server.sendto(answer, sender)
        assert request.startswith(b"OPTIONS sip:")

    threading.Thread(target=serve, daemon=True).start()
    written = f"[{host}]" if ":" in host else host
    return Peer(name, "1", f"udp:{written}:{server.getsockname()[1]}")


def test_given_silent_nodes_when_asked_then_those_that_take_calls_are_known_in_their_order(
    servers: list[socket.socket],
) -> None:
    well = listens(servers, "a", b"SIP/2.0 200 OK\r\n\r\n")
    wide = listens(servers, "b", b"SIP/2.0 200 OK\r\n\r\n", WIDE)
    drains = listens(servers, "c", b"SIP/2.0 503 Draining\r\n\r\n")
    odd = listens(servers, "d", b"what?")
    unlucky = listens(servers, "e", b"SIP/2.0 200 OK\r\n\r\n", lost=1)
    assert answering([drains, wide, odd, unlucky, well]) == (wide, unlucky, well)


def test_given_a_node_that_hangs_when_asked_then_another_is_found_all_the_same(
    servers: list[socket.socket],
) -> None:
    hangs = listens(servers, "a", None)
    well = listens(servers, "b", b"SIP/2.0 200 OK\r\n\r\n")
    assert answering([hangs, well]) == (well,)


def test_given_nobody_at_its_port_or_no_such_address_when_asked_then_it_does_not_answer() -> None:
    free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    free.bind((LOOPBACK, 0))
    port = free.getsockname()[1]
    free.close()
    assert answering([Peer("a", "1", f"udp:{LOOPBACK}:{port}"), Peer("b", "1", "udp:no.such.host.invalid:5060")]) == ()
    assert answering([]) == ()
