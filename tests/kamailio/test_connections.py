"""Connections of phones: when they end, how they are kept, what else comes over them, and RFC 5626."""

from __future__ import annotations

import base64
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.every_transport import every_transport
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Outgoing
from tests.support.sip_text import SipMessage
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until
from tests.support.wire import Stream, handshake, unverified

STREAMS = ("tcp", "tls", "ws", "wss")
KEY = base64.b64encode(b"sixteen bytes it").decode()
INSTANCE = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


@pytest.fixture(scope="module")
def node(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with every_transport(tmp_path_factory.mktemp("node"), tenants) as node:
        yield node


# A connection that is gone


@pytest.mark.parametrize("transport", STREAMS)
def test_given_a_phone_whose_connection_ended_when_it_is_called_then_480_at_once_and_nobody_is_dialled(
    transport: str, tenant: Tenant
) -> None:
    bob = tenant.phone("101", transport=transport, register=True)
    with listening_again(tenant.node, bob) as dialled:
        answer = ends_within(1.0, lambda: tenant.phone("104").dials("101").ends_with())
        assert answer.status == 480
        assert not dialled()


@pytest.mark.parametrize("transport", STREAMS)
def test_given_a_caller_whose_connection_ended_when_his_call_is_picked_up_then_480_at_once_and_nobody_is_dialled(
    transport: str, tenant: Tenant
) -> None:
    alice = tenant.phone("104", transport=transport)
    ring(alice, tenant.phone("101", register=True))
    with listening_again(tenant.node, alice) as dialled:
        answer = ends_within(1.0, lambda: tenant.phone("103").dials("*87101").ends_with())
        assert (answer.status, answer["Warning"]) == (480, '399 star87 "the caller\'s device cannot be reached"')
        assert not dialled()


@pytest.mark.parametrize("transport", STREAMS)
def test_given_a_talk_when_the_caller_s_connection_ended_then_a_request_to_him_fails_at_once_and_nobody_is_dialled(
    transport: str, tenant: Tenant
) -> None:
    alice, bob = tenant.phone("104", transport=transport), tenant.phone("101", register=True)
    _, callee = talk(alice, bob)
    with listening_again(tenant.node, alice) as dialled:
        assert ends_within(1.0, lambda: callee.asks("BYE")).status >= 400
        assert not dialled()


def test_given_two_phones_when_the_connection_of_one_ended_then_the_other_still_rings(tenant: Tenant) -> None:
    gone, there = (tenant.phone("101", transport="ws", register=True) for _ in range(2))
    cut(tenant.node, gone)
    call = tenant.phone("104").dials("101")
    there.rung().answers(180)
    call.expects(180)


# What else speaks to these ports


def test_given_a_plain_sip_phone_on_the_websocket_port_when_it_calls_then_it_is_challenged_like_any_other(
    node: Node, tenant: Tenant
) -> None:
    with Phone(node.reached_by("ws"), "104", domain=tenant.domain, transport="tcp") as phone:
        call = Outgoing(phone, f"sip:*87101@{tenant.domain}", [], "")
        call.invites()
        assert call.ends_with().status == 407


@pytest.mark.parametrize(
    ("port_of", "request_", "status"),
    [
        ("tcp", handshake(KEY), 404),
        ("ws", b"GET / HTTP/1.1\r\nHost: pbx.example.com\r\n\r\n", 426),
        ("ws", b"POST /x HTTP/1.1\r\nHost: pbx.example.com\r\nContent-Length: 0\r\n\r\n", 426),
        ("ws", handshake(KEY, protocol="chat"), 400),
        ("ws", handshake(KEY, version=8), 426),
        ("ws", handshake(KEY, path="/any?thing"), 101),
    ],
)
def test_given_http_when_it_is_sent_then_only_a_handshake_for_sip_on_a_websocket_port_is_taken(
    port_of: str, request_: bytes, status: int, node: Node
) -> None:
    host, _, port = node.reached_by(port_of).partition(":")
    with socket.create_connection((host, int(port)), 4.0) as client:
        client.settimeout(4.0)
        client.sendall(request_)
        assert client.recv(65535).startswith(f"HTTP/1.1 {status} ".encode())


def test_given_http_in_a_datagram_when_it_is_sent_then_it_is_not_answered(tenant: Tenant) -> None:
    phone = tenant.phone("104")
    phone.sends(handshake(KEY))
    assert phone.asks("OPTIONS").status == 200
    assert [message.start for message in phone.came if message.start.startswith("HTTP")] == []


def test_given_websocket_phones_when_they_come_then_nothing_is_logged_as_an_error(tenant: Tenant) -> None:
    before = len(tenant.node.log())
    for transport in ("ws", "wss"):
        tenant.phone("104", transport=transport, register=True)
    assert "ERROR" not in tenant.node.log()[before:]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_given_tls_1_1_when_spoken_then_the_node_does_not_answer_it(node: Node) -> None:
    host, _, port = node.reached_by("tls").partition(":")
    context = unverified()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection((host, int(port)), 4.0) as client, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(client)


# Keepalive


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_given_a_ping_of_two_line_ends_when_sent_on_a_connection_then_one_comes_back(
    transport: str, tenant: Tenant
) -> None:
    """RFC 5626 §3.5.1."""
    phone = tenant.phone("101", transport=transport)
    phone.sends("\r\n\r\n")
    assert phone.wire.reads(4.0) == b"\r\n"


def test_given_a_stun_binding_request_when_sent_by_udp_then_the_phone_learns_its_address(tenant: Tenant) -> None:
    """RFC 5626 §3.5.2."""
    phone = tenant.phone("101")
    transaction = secrets.token_bytes(12)
    phone.sends(bytes.fromhex("000100002112a442") + transaction)
    answer = phone.wire.reads(4.0)
    assert answer[:2] == bytes.fromhex("0101")
    assert answer[8:20] == transaction


# RFC 5626


def test_given_an_instance_and_its_flow_when_registered_again_then_the_contact_before_is_replaced(
    tenant: Tenant,
) -> None:
    first, second = tenant.phone("101", transport="wss"), tenant.phone("101", transport="wss")
    for phone in (first, second):
        answer = phone.registers(contact=outbound_contact(phone, 1), supported="outbound, path")
        assert (answer.status, answer["Require"]) == (200, "outbound")
        assert len(re.findall("<sip:", " ".join(answer.all("Contact")))) == 1

    call = tenant.phone("104").dials("101")
    second.rung().answers(180)
    call.expects(180)

    first.hears()
    assert first.inbox == []


def test_given_two_flows_of_one_instance_when_registered_then_both_are_bound(tenant: Tenant) -> None:
    first, second = tenant.phone("101", transport="ws"), tenant.phone("101", transport="tls")
    first.registers(contact=outbound_contact(first, 1), supported="outbound, path")
    answer = second.registers(contact=outbound_contact(second, 2), supported="outbound, path")
    assert len(re.findall("<sip:", " ".join(answer.all("Contact")))) == 2


def test_given_a_phone_that_requires_outbound_when_it_registers_then_it_is_understood(tenant: Tenant) -> None:
    phone = tenant.phone("101", transport="tls")
    headers = [("Contact", outbound_contact(phone, 1)), ("Require", "outbound"), ("Supported", "outbound, path")]
    assert phone.asks("REGISTER", to=phone.aor, headers=headers).status == 200


def outbound_contact(phone: Phone, flow: int) -> str:
    """RFC 5626 §4.2."""
    return f'<{phone.contact}>;reg-id={flow};+sip.instance="<urn:uuid:{INSTANCE}>"'


def ends_within(seconds: float, act: Callable[[], SipMessage]) -> SipMessage:
    """What act() returns; raises AssertionError when it took longer."""
    began = time.monotonic()
    answer = act()
    assert time.monotonic() - began < seconds
    return answer


def cut(node: Node, phone: Phone) -> None:
    """Break a phone's connection off; returns once the node knows."""
    port = phone.wire.address[1]
    assert isinstance(phone.wire, Stream)
    assert f" {port}\n" in node.kamcmd("core.tcp_list")
    phone.wire.breaks_off()
    until(lambda: f" {port}\n" not in node.kamcmd("core.tcp_list"), what="the end of the connection")


@contextmanager
def listening_again(node: Node, phone: Phone) -> Iterator[Callable[[], bool]]:
    """The phone's connection ends, and another program listens where it came from: did anybody dial that?"""
    address = phone.wire.address
    cut(node, phone)
    with socket.socket() as listener:
        listener.bind(address)
        listener.listen()
        listener.setblocking(False)

        def dialled() -> bool:
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                return False
            return True

        yield dialled
