"""An agent group is one queue over all nodes. The agents' phones are registered at one, and each node can ring them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster_of_nodes import nodes
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Incoming, Outgoing
from tests.support.several_nodes import heard
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

WRAP_UP_S = 1


def queues(document: dict[str, object]) -> None:
    document["agent_groups"] = [
        {"number": "800", "name": "Support", "agents": ["105"], "ring_s": 3, "wrap_up_s": WRAP_UP_S},
        {"number": "801", "name": "Sales", "agents": ["105"], "ring_s": 3, "wrap_up_s": 0},
    ]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tuple[Node, ...], Tenants]]:
    tenants = Tenants(10, queues)
    environment = {"STAR87_DRAIN_S": "3"}
    with nodes(tmp_path_factory.mktemp("queues"), tenants.document(), ("a", "b"), environment) as started:
        yield started, tenants


@pytest.fixture
def tenant(pair: tuple[tuple[Node, ...], Tenants]) -> Iterator[Tenant]:
    (a, _), tenants = pair
    tenant = tenants.take(a)
    yield tenant
    tenant.close()


@pytest.fixture
def b(pair: tuple[tuple[Node, ...], Tenants]) -> Node:
    return pair[0][1]


class Agent:
    """One person, whose phone is registered at node a, and dials at both."""

    def __init__(self, tenant: Tenant, b: Node, number: str = "105") -> None:
        self.at_a = heard(tenant.phone(number, register=True), tenant.node, b)
        self.at_b = tenant.phone(number, node=b)
        self._nodes = {tenant.node.address: "a", b.address: "b"}

    def rung(self, within_s: float = 8.0) -> tuple[Incoming, str]:
        """The next call, and the node that it comes by."""

        offer = self.at_a.rung(within_s)
        sent_by = offer.invite["Via"].split()[1].partition(";")[0]
        return offer, self._nodes[sent_by]

    @property
    def offers(self) -> int:
        """How often he was rung so far."""
        self.at_a.hears()
        return len([m for m in self.at_a.came if m.method == "INVITE" and not m.status])


def waits(phone: Phone, group: str = "800") -> Outgoing:
    call = phone.dials(group)
    call.expects(182)
    return call


def hangs_up(call: Outgoing, offer: Incoming) -> None:
    offer.answers(200)
    dialog = call.dialog(call.expects(200))
    offer.dialog()
    dialog.ends(offer.phone)


def log(phone: Phone, code: str) -> None:
    assert phone.dials(code).ends_with().status == 480


def test_given_callers_at_two_nodes_when_one_agent_is_idle_then_they_come_to_him_in_the_order_in_which_they_came(
    tenant: Tenant, b: Node
) -> None:
    agent = Agent(tenant, b)
    log(agent.at_a, "*65")
    log(agent.at_a, "*64")
    busy = waits(tenant.phone("104"))
    taken, _ = agent.rung()
    order = []
    callers: list[tuple[str, Outgoing]] = []
    for number, node in (("101", b), ("102", tenant.node), ("103", b)):
        callers.append((number, waits(tenant.phone(number, node=node))))
        node.settle()
    hangs_up(busy, taken)
    for number, call in callers:
        offer, by = agent.rung()
        assert f"sip:{number}@" in offer.invite["From"]
        order.append(by)
        hangs_up(call, offer)
    assert order == ["b", "a", "b"]
    assert agent.offers == 4


def test_given_an_agent_who_rings_for_one_node_s_caller_when_another_waits_at_the_other_then_he_is_offered_one_only(
    tenant: Tenant, b: Node
) -> None:
    agent = Agent(tenant, b)
    first, second = waits(tenant.phone("104")), waits(tenant.phone("103", node=b), "801")
    offer, by = agent.rung()
    assert by == "a"
    offer.answers(180)
    time.sleep(0.5)
    assert agent.offers == 1
    began = time.monotonic()
    hangs_up(first, offer)
    offer, by = agent.rung()
    assert by == "b"
    # He has served group 800, whose wrap-up holds for all groups and at all nodes.
    assert time.monotonic() - began >= WRAP_UP_S
    hangs_up(second, offer)


def test_given_an_agent_who_logs_out_at_one_node_when_a_caller_comes_to_the_other_then_he_is_rung_by_neither(
    tenant: Tenant, b: Node
) -> None:
    agent = Agent(tenant, b)
    log(agent.at_b, "*65")
    assert tenant.phone("104").dials("800").ends_with().status == 480
    assert tenant.phone("104", node=b).dials("800").ends_with().status == 480
    for node in (tenant.node, b):
        rows = [row for row in node.star87("agents", "list") if row["domain"] == tenant.domain]
        assert [agent["state"] for row in rows for agent in row["agents"]] == ["logged_out", "logged_out"]
    log(agent.at_a, "*64")
    call = waits(tenant.phone("104", node=b))
    offer, _ = agent.rung()
    hangs_up(call, offer)


def test_given_a_node_that_is_stopped_when_callers_wait_at_both_then_its_own_hear_503_and_the_others_wait_on(
    tmp_path: Path,
) -> None:
    tenants = Tenants(1, queues)
    with nodes(tmp_path, tenants.document(), ("a", "b"), {"STAR87_DRAIN_S": "3"}) as (stops, stays):
        tenant = tenants.take(stays)
        agent = Agent(tenant, stops)
        busy = waits(tenant.phone("104"))
        offer, _ = agent.rung()
        offer.answers(180)
        first = waits(tenant.phone("103", node=stops))
        second = waits(tenant.phone("102"))
        assert stops.stop() == 0
        refused = first.ends_with()
        assert (refused.status, refused["Retry-After"] != "") == (503, True)
        hangs_up(busy, offer)
        offer, _ = agent.rung()
        assert "sip:102@" in offer.invite["From"]
        hangs_up(second, offer)
        until(lambda: not stays.left_keys(tenant.domain), within_s=8, what=lambda: str(stays.left_keys(tenant.domain)))
        tenant.close()
