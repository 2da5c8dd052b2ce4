"""Every way in which a Redis fails, on a real node: calls go on, `*87` says 503 at once, and it is soon over."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.kamailio.test_store_loss import BACK_WITHIN_S, PROMPT_S, finds_nothing, on_its_own
from tests.support.node import Node
from tests.support.redis_server import TcpRedis
from tests.support.store_faults import FAULTS, Fault, faulty_redis
from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

OF_THIS_FILE = [fault for fault in FAULTS if fault.name not in ("killed", "hangs")]
"""The others have test_store_loss.py."""


@pytest.fixture(scope="module")
def store() -> Iterator[TcpRedis]:
    with faulty_redis() as store:
        yield store


@pytest.fixture(scope="module")
def own_tenants() -> Tenants:
    return Tenants(len(OF_THIS_FILE))


@pytest.fixture(scope="module")
def own_node(store: TcpRedis, own_tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("faults")
    with Node(folder, own_tenants.document(), environment=on_its_own(store.url)) as node:
        yield node


@pytest.fixture
def alone(own_node: Node, own_tenants: Tenants) -> Iterator[Tenant]:
    taken = own_tenants.take(own_node)
    yield taken
    taken.close()


def lines(tenant: Tenant) -> list[str]:
    """The sets in which calls stand."""
    return [key for key in tenant.node.keys(tenant.domain) if ":ring:" in key]


@pytest.mark.parametrize("fault", OF_THIS_FILE, ids=str)
def test_given_a_fault_when_it_lasts_and_ends_then_calls_pass_pickups_hear_503_and_soon_they_work_again(
    fault: Fault, store: TcpRedis, alone: Tenant
) -> None:
    bob, alice, carol = alone.phone("101", register=True), alone.phone("104"), alone.phone("103")
    call = ring(alice, bob)
    fault.begin(store)
    try:
        for dialled in ("*87101", "*87"):
            began = time.monotonic()
            answer = carol.dials(dialled).ends_with()
            assert time.monotonic() - began < PROMPT_S
            assert (answer.status, bool(answer["Retry-After"])) == (503, True)
        call.ends()
        mine, _ = talk(alice, bob)
        mine.ends(bob)
    finally:
        fault.end(store)
    # Neither of the two calls is found, whose ends the store did not hear of then.
    until(lambda: not lines(alone), within_s=BACK_WITHIN_S, what=lambda: f"no ghost in {lines(alone)}")
    alone.await_everywhere(finds_nothing, number="103", within_s=BACK_WITHIN_S, asked=50)
    later = ring(alice, bob)
    taken = take_over(later, carol, "*87101")
    taken.ends(alice)
    until(lambda: alone.node.left_keys(alone.domain) == [], within_s=8, what="nothing that is left of them")
