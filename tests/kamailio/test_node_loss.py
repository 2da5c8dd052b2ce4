"""Two nodes on one state store, and one of them dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster_of_nodes import nodes
from tests.support.node import Node
from tests.support.talks import is_offered, ring
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

CLAIM_TTL_MS = 1200


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Node, Tenant]]:
    """A node that may die, and a tenant on the one that lives."""
    tenants = Tenants(1)
    environment = {"STAR87_CLAIM_TTL_MS": str(CLAIM_TTL_MS)}
    with nodes(tmp_path, tenants.document(), ("a", "b"), environment) as (dies, lives):
        tenant = tenants.take(lives)
        yield dies, tenant
        tenant.close()


def test_given_the_picker_s_node_killed_in_the_middle_when_its_claim_expires_then_another_node_s_picker_gets_the_call(
    pair: tuple[Node, Tenant],
) -> None:
    dies, tenant = pair
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    tenant.node.settle()
    tenant.phone("103", node=dies).dials("*87101")
    alice.rung(replaces=True)

    other = tenant.phone("102")
    os.killpg(dies.kamailio_pid, signal.SIGKILL)

    def offered_again() -> bool:
        pickup = other.dials("*87101")
        if is_offered(pickup, alice):
            return True
        assert pickup.last.status == 410, pickup.last.start
        return False

    until(offered_again, within_s=CLAIM_TTL_MS / 1000 + 2, what="the end of the claim")
    alice.rung(replaces=True).answers(200)
    call.ends()
    until(lambda: tenant.outcomes()[-1] == ("picked_up", 200), what="the pickup record")
