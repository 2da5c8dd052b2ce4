"""Phones behind a real NAT: they name addresses that lead nowhere, and every request reaches them all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.certificate import make_certificate
from tests.support.nat import HOME, PUBLIC, Nat
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import free_port
from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
TRANSPORTS = ("udp", "tcp", "wss")
PING_S = 1


@pytest.fixture(scope="module")
def nat() -> Iterator[Nat]:
    with Nat() as nat:
        yield nat


@pytest.fixture(scope="module")
def node(nat: Nat, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    certificate, key = make_certificate(folder)
    environment = {
        "STAR87_TLS_CERTIFICATE": str(certificate),
        "STAR87_TLS_PRIVATE_KEY": str(key),
        "STAR87_KEEPALIVE_S": str(PING_S),
    }
    port = free_port()
    listen = [f"udp:{PUBLIC}:{port}", f"tcp:{PUBLIC}:{port}", f"wss:{PUBLIC}:{free_port()}"]
    with Node(folder, tenants.document(), environment=environment, listen=listen, inside=nat.in_server) as node:
        yield node


class Houses:
    """Where phones stand: behind the NAT, or beside the node."""

    def __init__(self, nat: Nat, tenant: Tenant) -> None:
        self._nat, self._tenant = nat, tenant

    def home(self, number: str, *, transport: str = "udp", register: bool = False) -> Phone:
        with self._nat.at(self._nat.home):
            phone = self._tenant.phone(number, transport=transport, register=register, host=HOME)
        assert HOME in phone.address
        return phone

    def office(self, number: str, *, transport: str = "udp", register: bool = False) -> Phone:
        with self._nat.at(self._nat.server):
            return self._tenant.phone(number, transport=transport, register=register, host=PUBLIC)


@pytest.fixture
def houses(nat: Nat, tenant: Tenant) -> Iterator[Houses]:
    """At the end nothing may have been sent to an address that a phone behind the NAT has named."""
    before = nat.strays()
    yield Houses(nat, tenant)
    assert nat.strays() == before


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_phone_behind_a_nat_when_called_then_all_requests_arrive_both_ways(
    transport: str, houses: Houses
) -> None:
    bob, alice = houses.home("101", transport=transport, register=True), houses.office("104")

    caller, callee = talk(alice, bob)
    caller.reinvites(bob, "sendonly", "recvonly")
    callee.reinvites(alice, "sendrecv", "sendrecv")
    caller.ends(bob)

    # What it is known by to others is none of its business.
    assert {message.uri for message in bob.came if not message.status} == {bob.contact}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_phone_behind_a_nat_when_it_calls_then_all_requests_arrive_both_ways(
    transport: str, houses: Houses
) -> None:
    bob, alice = houses.office("101", register=True), houses.home("104", transport=transport)

    caller, callee = talk(alice, bob)
    callee.reinvites(alice, "sendonly", "recvonly")
    caller.reinvites(bob, "sendrecv", "sendrecv")
    callee.reinvites(alice, "sendonly", "recvonly")
    callee.ends(alice)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_two_phones_behind_one_nat_when_they_talk_then_all_requests_arrive_both_ways(
    transport: str, houses: Houses
) -> None:
    bob, alice = houses.home("101", transport=transport, register=True), houses.home("104", transport=transport)

    caller, callee = talk(alice, bob)
    callee.reinvites(alice, "sendonly", "recvonly")
    caller.ends(bob)


def test_given_a_phone_behind_a_nat_that_rings_when_the_caller_gives_up_then_it_hears_of_it(houses: Houses) -> None:
    ring(houses.office("104"), houses.home("101", register=True)).ends()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_caller_behind_a_nat_when_his_call_is_picked_up_then_he_and_the_picker_talk(
    transport: str, houses: Houses
) -> None:
    alice, bob = houses.home("104", transport=transport), houses.office("101", register=True)
    call = ring(alice, bob)

    dialog = take_over(call, houses.office("103"), "*87101")
    dialog.reinvites(alice, "sendonly", "recvonly")
    dialog.ends(alice)

    (offer,) = [message for message in alice.came if "Replaces" in message]
    assert offer.uri == alice.contact


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_picker_behind_a_nat_when_he_takes_a_call_then_he_and_the_caller_talk(
    transport: str, houses: Houses
) -> None:
    alice, bob = houses.office("104"), houses.home("101", register=True)
    picker = houses.home("103", transport=transport)
    call = ring(alice, bob)
    pickup = picker.dials("*87101")
    offer = alice.rung(replaces=True)
    offer.answers(200)
    dialog = pickup.dialog(pickup.expects(200))
    call.ends()

    caller = offer.dialog()
    caller.reinvites(picker, "sendonly", "recvonly")
    dialog.reinvites(alice, "sendrecv", "sendrecv")
    caller.ends(picker)


def test_given_a_phone_behind_a_nat_when_it_registers_then_it_is_pinged_and_others_are_not(houses: Houses) -> None:
    bob, alice = houses.home("101", register=True), houses.office("104", register=True)

    ping = bob.expects(lambda message: message.method == "OPTIONS", "a ping", 4 * PING_S)
    bob.replies(ping, 200)
    bob.expects(lambda message: message.method == "OPTIONS", "the next ping", 4 * PING_S)

    alice.hears()
    assert alice.inbox == []


def test_given_an_idle_websocket_when_its_time_has_come_then_it_is_pinged(houses: Houses) -> None:
    phone = houses.home("101", transport="wss", register=True)

    def pinged() -> int:
        phone.hears()
        return phone.wire.pings  # type: ignore[attr-defined, no-any-return]

    until(pinged, within_s=10.0, what="a ping (RFC 6455 §5.5.2)")
