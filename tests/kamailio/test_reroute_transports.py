"""A rerouted call between transports: each end finds the node by its own, for as long as they talk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.every_transport import every_transport
from tests.support.node import Node
from tests.support.talks import ring
from tests.support.tenants import Tenant, Tenants

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
PAIRS = [*((transport, transport) for transport in TRANSPORTS), ("udp", "wss"), ("wss", "tls"), ("tcp", "udp")]


@pytest.fixture(scope="module")
def node(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with every_transport(tmp_path_factory.mktemp("node"), tenants) as node:
        yield node


@pytest.mark.parametrize(("calling", "picking"), PAIRS)
def test_given_a_caller_without_replaces_when_picked_up_then_both_ends_reach_each_other_by_their_own_transport(
    calling: str, picking: str, tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104", transport=calling)
    carol = tenant.phone("103", transport=picking)
    call = ring(alice, bob, supported="").outgoing

    pickup = carol.dials("*87101")
    sent = pickup.ends_with()
    assert sent.start == "SIP/2.0 480 Call Is Being Sent To You"
    offer = carol.rung()
    offer.answers(200)
    caller, picker = call.dialog(call.expects(200)), offer.dialog()
    bob.gets("CANCEL", call.call_id)

    caller.reinvites(carol, "sendonly", "recvonly")
    picker.reinvites(alice, "sendrecv", "sendrecv")
    picker.ends(alice)

    for phone, transport in ((alice, calling), (carol, picking)):
        vias = [message["Via"] for message in phone.came if not message.status]
        assert all(via.startswith(f"SIP/2.0/{transport.upper()} ") for via in vias), vias
