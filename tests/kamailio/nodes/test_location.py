"""A phone that is registered at one node is called through another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.node import Node
from tests.support.several_nodes import SeveralNodes, heard
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant, Tenants

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")


@pytest.fixture(scope="module")
def pair(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeveralNodes]:
    with SeveralNodes(tmp_path_factory.mktemp("nodes"), tenants) as pair:
        yield pair


@pytest.fixture
def node(pair: SeveralNodes) -> Node:
    """Where phones register, unless they do elsewhere."""
    return pair.nodes["a"]


@pytest.fixture
def other(pair: SeveralNodes) -> Node:
    return pair.nodes["b"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_given_a_phone_at_one_node_when_it_is_called_through_another_then_all_requests_arrive_both_ways(
    transport: str, tenant: Tenant, other: Node
) -> None:
    bob = heard(tenant.phone("101", transport=transport, register=True), other)
    alice = tenant.phone("104", transport=transport, node=other)

    caller, callee = talk(alice, bob)
    caller.reinvites(bob, "sendonly", "recvonly")
    callee.reinvites(alice, "sendrecv", "sendrecv")
    caller.ends(bob)
    caller, callee = talk(alice, bob)
    callee.ends(alice)
    ring(alice, bob).ends()
