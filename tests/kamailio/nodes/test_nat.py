"""A phone behind a real NAT is reached through any node, over the flow to the one that it has registered with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.nat import HOME, PUBLIC, Nat
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.several_nodes import SeveralNodes, heard
from tests.support.talks import ring, talk
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
def pair(nat: Nat, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeveralNodes]:
    folder, environment = tmp_path_factory.mktemp("nodes"), {"STAR87_KEEPALIVE_S": str(PING_S)}
    with SeveralNodes(folder, tenants, environment=environment, host=PUBLIC, inside=nat.in_server) as pair:
        yield pair


class Houses:
    def __init__(self, nat: Nat, tenant: Tenant) -> None:
        self._nat, self._tenant = nat, tenant

    def home(self, number: str, node: Node, transport: str = "udp", *, register: bool = False) -> Phone:
        """A phone behind the NAT."""
        with self._nat.at(self._nat.home):
            return self._tenant.phone(number, transport=transport, register=register, host=HOME, node=node)

    def office(self, number: str, node: Node, transport: str = "udp", *, register: bool = False) -> Phone:
        """A phone beside the nodes."""
        with self._nat.at(self._nat.server):
            return self._tenant.phone(number, transport=transport, register=register, host=PUBLIC, node=node)


@pytest.fixture
def houses(nat: Nat, tenant: Tenant) -> Iterator[Houses]:
    """At the end nothing may have been sent to an address that a phone behind the NAT has named."""
    before = nat.strays()
    yield Houses(nat, tenant)
    assert nat.strays() == before


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_phone_behind_a_nat_at_one_node_when_called_through_another_then_all_requests_arrive_both_ways(
    transport: str, houses: Houses, node: Node, other: Node
) -> None:
    bob = heard(houses.home("101", node, transport, register=True), other)
    alice = houses.office("104", other)

    caller, callee = talk(alice, bob)
    caller.reinvites(bob, "sendonly", "recvonly")
    callee.reinvites(alice, "sendrecv", "sendrecv")
    caller.ends(bob)
    _, callee = talk(alice, bob)
    callee.ends(alice)
    ring(alice, bob).ends()

    assert {m.uri for m in bob.came if m.method not in ("OPTIONS",) and not m.status} == {bob.contact}


@pytest.mark.parametrize(("calling", "called"), [("udp", "udp"), ("tcp", "udp"), ("wss", "tcp")])
def test_given_two_phones_behind_nats_at_two_nodes_when_they_talk_then_all_requests_arrive_both_ways(
    calling: str, called: str, houses: Houses, node: Node, other: Node
) -> None:
    bob = heard(houses.home("101", node, called, register=True), other)
    alice = houses.home("104", other, calling)

    caller, callee = talk(alice, bob)
    callee.reinvites(alice, "sendonly", "recvonly")
    caller.reinvites(bob, "sendrecv", "sendrecv")
    callee.ends(alice)


def test_given_a_phone_behind_a_nat_when_it_registers_then_only_the_node_of_its_flow_pings_it(
    houses: Houses, node: Node, other: Node
) -> None:
    bob = heard(houses.home("101", node, register=True), other)

    def pings() -> int:
        bob.hears()
        return sum(message.method == "OPTIONS" for message in bob.came)

    until(lambda: pings() >= 3, within_s=10 * PING_S, what="three pings")
    port = node.reached_by("udp").rpartition(":")[2]
    assert all(f":{port};" in m["Via"] for m in bob.came if m.method == "OPTIONS")


def test_given_a_phone_behind_a_nat_when_its_node_is_started_anew_then_it_is_reached_without_a_new_registration(
    nat: Nat, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("restart")
    with SeveralNodes(folder, tenants, host=PUBLIC, inside=nat.in_server) as pair:
        tenant = tenants.take(pair.nodes["a"])
        houses = Houses(nat, tenant)
        bob = heard(houses.home("101", pair.nodes["a"], register=True), pair.nodes["b"])
        pair.restart("a")
        heard(bob, pair.nodes["a"])
        for name in ("a", "b"):
            alice = houses.office("104", pair.nodes[name])
            _, callee = talk(alice, bob)
            callee.ends(alice)
        tenant.close()
