"""Nobody but a node tells nodes where phones are, or has one of them reach a phone for him."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.elsewhere import address
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK
from tests.support.several_nodes import contacts, heard
from tests.support.talks import ring
from tests.support.tenants import Tenant
from tests.support.until import until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
PACKET_MOST = 65535
ETH_P_IP = 0x0800


def update(phone: Phone, contact: str) -> str:
    """What dmq_usrloc tells of a contact."""
    return json.dumps(
        {
            "action": 1,
            "aor": f"{phone.number}@{phone.domain}",
            "ruid": "uloc-1-2-3",
            "c": contact,
            "received": "",
            "path": "",
            "callid": "stolen",
            "user_agent": "x",
            "instance": "",
            "expires": int(time.time()) + 3600,
            "cseq": 1,
            "flags": 0,
            "cflags": 0,
            "q": -1,
            "last_modified": int(time.time()),
            "methods": 0xFFFFFFFF,
            "reg_id": 0,
            "server_id": 1,
        }
    )


def kdmq(stranger: Phone, node: Node, user: str, body: str, *headers: tuple[str, str]) -> int:
    """The final answer to a request of the bus."""
    uri, via = f"sip:{user}@{node.address}", stranger.via()
    kind = "application/json" if user == "usrloc" else "text/plain"
    named = [("From", f"<sip:{user}@{stranger.address}>;tag=x"), ("Content-Type", kind), *headers]
    stranger.sends(stranger.requests("KDMQ", uri, via=via, headers=named, body=body))
    return stranger.answer_to(via).status


def forge(source: str, to: str, raw: bytes) -> None:
    """A datagram in the name of another address and port of this host."""
    (ip, port), (to_ip, to_port) = (place.split(":") for place in (source, to))
    ends = socket.inet_aton(ip) + socket.inet_aton(to_ip)
    # Checksums: the kernel writes that of IP, and UDP's may be left out (RFC 768).
    udp = struct.pack("!HHHH", int(port), int(to_port), 8 + len(raw), 0) + raw
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0) + ends
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as forger:
        forger.sendto(header + udp, (to_ip, 0))


def answers(source: str, to: str, forged: bytes) -> bytes:
    """Forge a request; returns the status line's first eleven bytes of what the one in whose name it was gets."""
    call_id = next(line for line in forged.split(b"\r\n") if line.startswith(b"Call-ID:"))
    with listening() as heard_on_loopback:
        forge(source, to, forged)
        return until(
            lambda: next((raw[:11] for raw in heard_on_loopback() if raw.startswith(b"SIP/") and call_id in raw), b""),
            what="an answer to what was forged",
        )


@contextmanager
def listening() -> Iterator[Callable[[], list[bytes]]]:
    """What passes over the loopback by UDP from now on, each datagram's text."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)) as tap:
        tap.bind(("lo", ETH_P_IP))
        tap.setblocking(False)

        def read() -> list[bytes]:
            came: list[bytes] = []
            while True:
                try:
                    packet = tap.recv(PACKET_MOST)
                except BlockingIOError:
                    return came
                if packet[9] == socket.IPPROTO_UDP:
                    came.append(packet[(packet[0] & 15) * 4 + 8 :])

        yield read


@pytest.fixture
def stranger(tenant: Tenant) -> Phone:
    """Somebody at the address of the nodes' host, who has even a password."""
    return tenant.phone("105")


@pytest.fixture(params=["nothing", "a seal of his own", "a seal of another message"])
def seal(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    if request.param == "nothing":
        return []
    said = '["b@00000000","a@00000000",1,"n","bus","x"]'
    mark = "0" * 32 if request.param == "a seal of his own" else "3f" * 16
    return [("P-Star87-Peer", f"{mark} {said}")]


def test_given_a_stranger_when_he_tells_a_node_of_a_contact_then_no_node_believes_him(
    seal: list[tuple[str, str]], tenant: Tenant, node: Node, other: Node
) -> None:
    bob = heard(tenant.phone("101", register=True), other)
    for place in (node, other):
        with Phone(place.address, "105", domain=tenant.domain) as thief:
            assert kdmq(thief, place, "usrloc", update(bob, f"sip:101@{thief.address}"), *seal) in (403, 407)
            gone = json.dumps({"action": 2, "aor": f"101@{tenant.domain}", "ruid": "uloc-1-2-3"})
            assert kdmq(thief, place, "usrloc", gone, *seal) in (403, 407)
    assert contacts(node, bob) == contacts(other, bob) == [bob.contact]
    ring(tenant.phone("104", node=other), bob).ends()


def test_given_a_stranger_when_he_says_that_he_is_a_node_then_he_is_told_of_no_contact(
    seal: list[tuple[str, str]], stranger: Phone, tenant: Tenant, node: Node, other: Node
) -> None:
    before = node.kamcmd("dmq.list_nodes")
    body = f"sip:{stranger.address};status=active\r\n"
    assert kdmq(stranger, node, "notification_peer", body, *seal) in (403, 407)
    assert kdmq(stranger, node, "usrloc", '{"action":3}', *seal) in (403, 407)
    heard(tenant.phone("101", register=True), other)
    stranger.hears()
    assert [m.start for m in stranger.inbox] == []
    assert node.kamcmd("dmq.list_nodes") == before


@needs_root
def test_given_the_address_of_a_node_when_a_stranger_forges_it_then_the_seal_is_missed(
    tenant: Tenant, node: Node, other: Node
) -> None:
    bob = heard(tenant.phone("101", register=True), other)
    thief = tenant.phone("105", node=other)
    uri = f"sip:usrloc@{node.address}"
    named = [("From", f"<sip:usrloc@{other.address}>;tag=x"), ("Content-Type", "application/json")]
    forged = thief.requests("KDMQ", uri, headers=named, body=update(bob, f"sip:101@{thief.address}"))
    assert answers(other.address, node.address, forged.encode()) == b"SIP/2.0 403"

    ring(tenant.phone("104"), bob).ends()
    assert contacts(node, bob) == contacts(other, bob) == [bob.contact]


@needs_root
def test_given_what_a_node_said_when_a_stranger_says_it_again_then_it_is_not_done_again(
    tenant: Tenant, node: Node, other: Node
) -> None:
    bob = tenant.phone("101")
    with listening() as heard_on_loopback:
        assert bob.registers().status == 200
        heard(bob, other)
        told = next(raw for raw in heard_on_loopback() if raw.startswith(b"KDMQ") and bob.domain.encode() in raw)
    assert bob.registers(expires=0).status == 200
    until(lambda: contacts(other, bob) == [], what="the other node to hear that it is gone")

    altered = told.replace(bob.contact.encode(), b"x" * len(bob.contact))
    assert altered != told
    assert answers(node.address, other.address, altered) == b"SIP/2.0 403"
    # What is merely repeated is answered as it was, and no more.
    assert answers(node.address, other.address, told) == b"SIP/2.0 200"
    assert tenant.phone("104", node=other).dials("101").ends_with().status == 480
    assert contacts(other, bob) == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_given_a_stranger_when_he_asks_a_node_to_reach_a_phone_then_he_is_asked_who_he_is(
    transport: str, tenant: Tenant, node: Node
) -> None:
    bob = tenant.phone("101", transport="tcp", register=True)
    thief = tenant.phone("105", transport=transport)
    flow = f"tcp:{bob.address}/tcp:{node.address}"
    said = json.dumps(["b@00000000", "a@00000000", 1, "n", "reach", tenant.domain, bob.contact, flow, "9000"])
    via = thief.via()
    headers = [("P-Star87-Peer", f"{'0' * 32} {said}")]
    thief.sends(thief.requests("INVITE", f"sip:101@{tenant.domain}", via=via, headers=headers))
    assert thief.answer_to(via).status == 407
    bob.hears()
    assert bob.inbox == []


def test_given_a_phone_when_it_writes_that_another_s_flow_is_its_own_then_it_is_not_registered(
    tenant: Tenant, node: Node, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport="tcp", register=True), other)
    thief = tenant.phone("105")
    kept = node.kamcmd("ul.lookup", "location", f"101@{tenant.domain}")
    received = next(line.partition(":")[2].strip() for line in kept.splitlines() if "Received:" in line)
    assert "s87-node=" in received
    for value in (f"<{received};lr>", f"<sip:{thief.address};lr>, <{received};lr>"):
        headers = [("Contact", f"<{thief.contact}>"), ("Path", value), ("Supported", "path")]
        assert thief.asks("REGISTER", to=thief.aor, headers=headers).status == 400
    assert contacts(node, thief) == contacts(other, thief) == []
    assert tenant.phone("104", node=other).dials("105").ends_with().status == 480
    bob.hears()
    assert bob.inbox == []


def test_given_a_flood_from_elsewhere_when_nodes_tell_one_another_then_their_words_are_not_counted(
    tenant: Tenant, node: Node, other: Node
) -> None:
    """Every registration is a request of the other node's: none of them may make it a flood or a scanner."""

    def counted() -> str:
        return other.kamcmd("htable.dump", "flood")

    until(lambda: LOOPBACK not in counted(), what="what others have sent to be forgotten")
    with Phone(node.address, "101", domain=tenant.domain, host=address()) as phone:
        for _ in range(20):
            assert phone.registers().status == 200
        heard(phone, other)
    assert LOOPBACK not in counted()
