"""Connections that are slow, half open, broken or too big: they end in a bounded time, and nobody waits for them."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.kamailio.conftest import assert_no_traceback
from tests.support.carrier import CARRIER_IP, HOME
from tests.support.certificate import make_certificate
from tests.support.node import Node
from tests.support.phone import PASSWORD, Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.sip_text import SipMessage
from tests.support.slow_peers import beginnings, connects, opened, options
from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until
from tests.support.wire import Stream

PROOF_S = 2
CLOSED_WITHIN_S = PROOF_S + 15.0
"""A worker keeps a connection for 5 s after what it last read; both it and the main process look every few seconds."""
PROMPT_S = 3.0
IDLE_CONNECTIONS = 2000


@pytest.fixture(scope="module")
def node(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("slow")
    certificate, key = make_certificate(folder)
    environment = {
        "STAR87_STREAM_PROOF_S": str(PROOF_S),
        "STAR87_TCP_WORKERS": "1",
        "STAR87_TLS_CERTIFICATE": str(certificate),
        "STAR87_TLS_PRIVATE_KEY": str(key),
    }
    listen = [f"{transport}:{LOOPBACK}:{free_port()}" for transport in ("tls", "ws")]
    with Node(folder, tenants.document(), environment=environment, listen=listen) as node:
        yield node
        assert_no_traceback(node.folder / node.name / "kamailio.log")


def is_closed(connection: socket.socket) -> bool:
    """Whether the node ends the connection without a word; raises TimeoutError when it does not."""
    try:
        return connection.recv(65535) == b""
    except ConnectionError:
        return True


@contextmanager
def calls_go_on(tenant: Tenant) -> Iterator[None]:
    """A call and a pickup over the same TCP worker, before and after, each prompt."""
    alice, carol = tenant.phone("104", transport="tcp"), tenant.phone("103", transport="tcp")
    bob = tenant.phone("101", transport="tcp", register=True)

    def play() -> None:
        began = time.monotonic()
        talk(alice, bob)[0].ends(bob)
        take_over(ring(alice, bob), carol, "*87101").ends(alice)
        assert time.monotonic() - began < PROMPT_S

    play()
    yield
    play()


def test_given_connections_on_which_nothing_goes_on_when_they_are_thousands_then_calls_do_and_all_of_them_are_closed(
    tenant: Tenant,
) -> None:
    node = tenant.node
    with calls_go_on(tenant):
        idle = [connects(node) for _ in range(IDLE_CONNECTIONS)]
        until(lambda: opened(node) >= IDLE_CONNECTIONS, what="the node to have them all")
        for transport, said in beginnings(node):
            idle.append(connects(node, transport))
            idle[-1].sendall(said)
    phones = 3
    until(lambda: opened(node) <= phones, within_s=CLOSED_WITHIN_S, what=lambda: f"their end; {opened(node)} are open")
    for connection in idle:
        while not is_closed(connection):
            pass
        connection.close()


def test_given_a_message_that_comes_byte_by_byte_when_it_is_whole_then_it_is_answered_and_calls_went_on(
    tenant: Tenant,
) -> None:
    message = options(tenant.node)
    connection = connects(tenant.node)
    with calls_go_on(tenant):
        for place in range(len(message) - 1):
            connection.sendall(message[place : place + 1])
    connection.sendall(message[-1:])
    assert connection.recv(65535).startswith(b"SIP/2.0 200 ")
    connection.close()


def test_given_connections_that_break_off_in_a_message_when_many_do_then_calls_go_on(tenant: Tenant) -> None:
    with calls_go_on(tenant):
        for place in range(0, 300, 3):
            connection = connects(tenant.node)
            connection.sendall(options(tenant.node)[: place + 1])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


def test_given_a_phone_that_reads_nothing_when_it_asks_and_asks_then_it_is_cut_off_and_calls_go_on(
    tenant: Tenant,
) -> None:
    """What is not read is queued: tcp_conn_wq_max bounds it."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.settimeout(1.0)
    host, _, port = tenant.node.reached_by("tcp").partition(":")
    deaf.connect((host, int(port)))
    with calls_go_on(tenant):
        began, was_cut_off = time.monotonic(), False
        while not was_cut_off and time.monotonic() - began < 2 * CLOSED_WITHIN_S:
            try:
                deaf.sendall(options(tenant.node, more=b"X-Fill: " + b"x" * 200 + b"\r\n") * 20)
            except TimeoutError:
                continue
            except ConnectionError:
                was_cut_off = True
        assert was_cut_off


@pytest.mark.parametrize(("size", "is_taken"), [(8_000, True), (15_000, True), (17_000, False), (1_000_000, False)])
@pytest.mark.parametrize("part", ["header", "body"])
def test_given_a_big_message_on_a_connection_when_it_is_beyond_16_kib_then_the_connection_is_closed(
    size: int, is_taken: bool, part: str, tenant: Tenant
) -> None:
    more = b"X-Big: " + b"x" * size + b"\r\n" if part == "header" else b""
    body = b"x" * size if part == "body" else b""
    with calls_go_on(tenant):
        connection = connects(tenant.node)
        try:
            connection.sendall(options(tenant.node, more=more, length=len(body)) + body)
        except ConnectionError:
            assert not is_taken
        if is_taken:
            assert connection.recv(65535).startswith(b"SIP/2.0 200 ")
        else:
            assert is_closed(connection)
        connection.close()


@pytest.mark.parametrize("size", [40_000, 64_000])
def test_given_a_datagram_of_up_to_64_kib_when_sent_then_it_is_answered(size: int, tenant: Tenant) -> None:
    phone = tenant.phone("104")
    with calls_go_on(tenant):
        phone.sends(options(tenant.node, more=b"X-Big: " + b"x" * size + b"\r\n", transport=b"UDP"))
        assert phone.expects(lambda m: m.status >= 200, "an answer").status == 200


# Whose it is


def lifetime_s(node: Node, phone: Phone) -> int:
    """For how long the node lets a phone's connection be idle."""
    port = phone.wire.address[1]
    entry = next(e for e in node.kamcmd("core.tcp_list").split("}") if f"src_port: {port}\n" in e)
    return int(entry.partition("lifetime: ")[2].split()[0])


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws"])
def test_given_a_phone_that_has_registered_when_its_connection_is_idle_then_it_stays_for_an_hour(
    transport: str, tenant: Tenant
) -> None:
    phone = tenant.phone("101", transport=transport)
    assert phone.asks("OPTIONS").status == 200
    assert lifetime_s(tenant.node, phone) == PROOF_S
    assert phone.registers().status == 200
    assert lifetime_s(tenant.node, phone) == 3605


def test_given_a_call_when_it_goes_on_over_a_new_connection_then_that_one_stays(tenant: Tenant) -> None:
    bob = tenant.phone("101", register=True)
    caller, _ = talk(tenant.phone("104", transport="tcp"), bob)
    caller.phone = tenant.phone("104", transport="tcp")
    caller.reinvites(bob, "sendonly", "recvonly")
    assert lifetime_s(tenant.node, caller.phone) == 3605
    caller.ends(bob)


def test_given_a_carrier_on_a_stream_when_it_answers_then_the_connection_to_it_stays(evidence: Path) -> None:
    with socket.create_server((CARRIER_IP, 0)) as carrier:
        place = "{}:{}".format(*carrier.getsockname())
        trunk = {
            "name": "carrier",
            "sources": [place],
            "destinations": [f"sip:{place};transport=tcp"],
            "dids": {},
            "outbound_prefixes": ["+"],
        }
        extension = {"number": "104", "name": "Dave", "password": PASSWORD}
        document = {"version": 1, "domains": [{"name": HOME, "extensions": [extension]}], "trunks": [trunk]}
        environment = {"STAR87_GATEWAY_PROBE_S": "3600"}
        with (
            Node(evidence, yaml.safe_dump(document), environment=environment) as node,
            Phone(node.address, "104", domain=HOME) as dave,
        ):
            call = dave.dials("+15550100")
            connection, _ = carrier.accept()
            with connection:
                wire = Stream(connection)
                invite = SipMessage.parse(wire.reads(4.0))
                assert "lifetime: 30\n" in node.kamcmd("core.tcp_list")
                same = ("Via", "From", "Call-ID", "CSeq")
                lines = [f"{name}: {value}" for name in same for value in invite.all(name)]
                to = f"To: {invite['To']};tag=carrier"
                answer = ["SIP/2.0 486 Busy Here", *lines, to, "Content-Length: 0", "", ""]
                wire.sends("\r\n".join(answer).encode())
                assert call.ends_with().status == 486
                assert "lifetime: 3605\n" in node.kamcmd("core.tcp_list")
