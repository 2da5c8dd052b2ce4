"""Callers who wait while the store is away, or forgets them: they hear that they wait, and are served after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kamailio.test_store_loss import away, on_its_own
from tests.support.node import Node
from tests.support.phone_calls import Incoming, Outgoing
from tests.support.redis_server import RedisServer
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

REPEAT_MS = 400
LOSSES = ("comes back empty", "is emptied", "hangs for longer than a sign of life is good for")
SIGN_MS = 200


def with_a_queue(document: dict[str, Any]) -> None:
    document["agent_groups"] = [
        {"number": "800", "name": "Support", "agents": ["101"], "ring_s": 5, "wrap_up_s": 0, "monitored_by": ["103"]}
    ]


@pytest.fixture(scope="module")
def tenants() -> Tenants:
    return Tenants(12, with_a_queue)


@pytest.fixture(scope="module")
def node(store: RedisServer, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    environment = {
        **on_its_own(store.url),
        "STAR87_QUEUE_REPEAT_MS": str(REPEAT_MS),
        "STAR87_QUEUE_SIGN_MS": str(SIGN_MS),
    }
    with Node(tmp_path_factory.mktemp("loss"), tenants.document(), environment=environment) as node:
        yield node


def waits(tenant: Tenant, number: str) -> Outgoing:
    call = tenant.phone(number).dials("800")
    call.expects(182)
    until(lambda: tenant.node.call_keys(tenant.domain), what="the caller in the store")
    return call


def lose(store: RedisServer, how: str) -> None:
    """The store has forgotten who waits, and is there again."""
    if how == "comes back empty":
        with away(store):
            pass
    elif how == "is emptied":
        with store.client() as client:
            client.flushall()
    else:
        store.freeze()
        time.sleep(4 * SIGN_MS / 1000)
        store.thaw()


def serve(call: Outgoing, offer: Incoming) -> None:
    offer.answers(200)
    dialog = call.dialog(call.expects(200))
    offer.dialog()
    dialog.ends(offer.phone)


def holds(tenant: Tenant) -> bool:
    """Whether the node holds anybody of the tenant."""
    return f"{tenant.domain} " in tenant.node.kamcmd("htable.dump", "waiting")


@pytest.mark.parametrize("how", LOSSES)
def test_given_callers_who_wait_when_the_store_loses_them_then_they_are_served_in_the_order_in_which_they_came(
    how: str, store: RedisServer, tenant: Tenant
) -> None:
    calls = [waits(tenant, number) for number in ("104", "105", "102")]
    lose(store, how)
    agent = tenant.phone("101", register=True)
    for call in calls:
        offer = agent.rung()
        assert f"sip:{call.phone.number}@" in offer.invite["From"]
        serve(call, offer)


def test_given_a_caller_who_waits_when_the_store_is_away_then_he_hears_so_again_and_again(
    store: RedisServer, tenant: Tenant
) -> None:
    call = waits(tenant, "104")
    with away(store):
        before = call.phone.heard(182)
        until(lambda: call.phone.heard(182) >= before + 5, what="182 again and again")
    call.gives_up()


def test_given_a_caller_who_gives_up_while_the_store_is_away_when_it_is_back_then_nobody_is_rung_for_him(
    store: RedisServer, tenant: Tenant
) -> None:
    gone, stays = waits(tenant, "104"), waits(tenant, "105")
    with away(store):
        gone.gives_up()
    agent = tenant.phone("101", register=True)
    offer = agent.rung()
    assert "sip:105@" in offer.invite["From"]
    serve(stays, offer)
    until(lambda: not tenant.node.left_keys(tenant.domain), what="nothing left of either")
    assert [m.method for m in agent.came if m.method == "INVITE" and not m.status] == ["INVITE"]


def test_given_a_caller_who_was_picked_up_when_his_phone_does_not_end_its_call_then_he_is_not_put_back(
    tenant: Tenant,
) -> None:
    """RFC 3891 §3 has it end the call that was replaced; the store forgets soon that it was picked up."""
    call = waits(tenant, "104")
    carol = tenant.phone("103")
    pickup = carol.dials("*87800")
    call.phone.rung(replaces=True).answers(200)
    talk = pickup.dialog(pickup.expects(200))
    until(lambda: not holds(tenant), what="the node to hold him no more")
    talk.ends(call.phone)
    call.gives_up()


def test_given_an_agent_who_refuses_while_the_store_takes_nothing_when_it_does_again_then_he_is_offered_again(
    store: RedisServer, tenant: Tenant
) -> None:
    agent = tenant.phone("101", register=True)
    call = waits(tenant, "104")
    refused = agent.rung()
    with store.client() as client:
        # NOREPLICAS: what is read is answered, what is written refused.
        client.config_set("min-replicas-to-write", 1)
        refused.answers(486)
        agent.gets("ACK", refused.call_id)
        until(lambda: holds(tenant), what="the caller to wait again")
        client.config_set("min-replicas-to-write", 0)
    serve(call, agent.rung())


def test_given_a_caller_who_waits_while_the_store_is_away_when_the_node_drains_then_he_gets_503(
    store: RedisServer, tenant: Tenant
) -> None:
    call = waits(tenant, "104")
    with away(store):
        try:
            tenant.node.says("drain")
            refused = call.ends_with()
            assert (refused.status, refused["Retry-After"]) == (503, "10")
        finally:
            tenant.node.says("drain", "--off")
    assert not holds(tenant)
