"""A node is killed while its calls ring, its callers wait and its pickers are under way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kamailio.test_many_nodes import with_a_queue
from tests.support.cluster_of_nodes import known, knows, nodes
from tests.support.node import Node
from tests.support.pickups import connect, nothing_came
from tests.support.redis_server import RedisServer
from tests.support.several_nodes import heard
from tests.support.stopped import stopped
from tests.support.talks import Ringing, ring, take_over
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until
from tests.support.web import Web
from tests.support.web_clients import calls, client, pick_up, the_call

SILENCE_MS = 1500
BOUND_S = SILENCE_MS / 1000 + 2.0
"""Silence, one beat of another node, and the burial; a busy machine gets a little more."""
CLAIM_TTL_MS = 30_000
"""Longer than any test: nothing here may be had by waiting for a claim to expire."""
ENVIRONMENT = {
    "STAR87_NODE_SILENCE_MS": str(SILENCE_MS),
    "STAR87_CLAIM_TTL_MS": str(CLAIM_TTL_MS),
    "STAR87_ALREADY_ANSWERED_MS": "200",
    "STAR87_REROUTE_ANSWER_S": "2",
}
ONE_TRY_S = 1.0 + 4.0
"""A node that does not answer is waited for so long (pickup/elsewhere.py), and a busy machine for more."""


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Node, Node, Tenant]]:
    """A node that is to die, one that lives, and a tenant whose record is read at the latter."""
    tenants = Tenants(1, with_a_queue)
    with nodes(tmp_path, tenants.document(), ("a", "b"), ENVIRONMENT) as (dies, lives):
        tenant = tenants.take(lives)
        yield dies, lives, tenant
        tenant.close()


def ringing_at(node: Node, tenant: Tenant, caller: str = "104", callee: str = "101") -> Ringing:
    call = ring(tenant.phone(caller, node=node), tenant.phone(callee, register=True, node=node))
    node.settle()
    return call


def _alike(*both: Node) -> bool:
    """Whether they know the same two living nodes, be they named as before or not."""
    living = [known(node).living for node in both]
    return living[0] == living[1] and len(living[0]) == 2


def nothing_is_left(tenant: Tenant, within_s: float) -> None:
    until(
        lambda: not tenant.node.left_keys(tenant.domain),
        within_s=within_s,
        what=lambda: f"nothing of the dead node's: {tenant.node.left_keys(tenant.domain)}",
    )


def test_given_ringing_and_waiting_calls_when_their_node_is_killed_then_nothing_of_them_is_left_after_the_bound(
    two: tuple[Node, Node, Tenant],
) -> None:
    dies, lives, tenant = two
    ringing_at(dies, tenant)
    agent = tenant.phone("105", register=True, node=dies)
    served = tenant.phone("104", node=dies).dials("800")
    served.expects(182)
    agent.rung().answers(180)
    served.expects(180)
    waits = tenant.phone("103", node=dies).dials("800")
    waits.expects(182)
    dies.settle()
    (erin,) = lives.roster(tenant.domain, ["105"], ["800"]).agents
    assert erin.in_calls == 1
    dies.dies()
    nothing_is_left(tenant, BOUND_S)
    roster = lives.roster(tenant.domain, ["105"], ["800"])
    assert roster.agents[0].in_calls == 0
    assert roster.groups[0].waiting == 0
    assert roster.groups[0].statistics["lost"] == 2
    assert knows(lives) == {"b"}


def test_given_a_dead_node_s_call_first_in_line_when_a_picker_dials_then_he_is_sent_after_it_once_and_gets_the_next(
    two: tuple[Node, Node, Tenant],
) -> None:
    dies, lives, tenant = two
    ringing_at(dies, tenant)
    ringing_at(dies, tenant, caller="105")
    alive = ringing_at(lives, tenant, caller="105", callee="102")
    dies.dies()
    pickup = tenant.phone("103").dials("*87")
    alive.caller.rung(ONE_TRY_S, replaces=True).answers(200)
    pickup.dialog(pickup.expects(200))
    # Two calls of the dead node stand before it: it was sent after one of them.
    until(lambda: [event.tried for event in lives.events(tenant.domain)] == [2], within_s=8, what="the record")
    until(lambda: knows(lives) == {"b"}, within_s=BOUND_S, what="the death to be known")
    # Whoever dials from now on is sent after nothing that is not there.
    alive.ends()
    another = ringing_at(lives, tenant, caller="105", callee="102")
    second = tenant.phone("103").dials("*87")
    another.caller.rung(replaces=True).answers(200)
    second.dialog(second.expects(200))
    until(lambda: [event.tried for event in lives.events(tenant.domain)] == [2, 1], within_s=8, what="the record")


def test_given_a_picker_s_claim_when_his_node_is_killed_then_the_call_is_another_s_long_before_the_claim_expires(
    two: tuple[Node, Node, Tenant],
) -> None:
    dies, lives, tenant = two
    call = ringing_at(lives, tenant)
    pickup = tenant.phone("103", node=dies).dials("*87101")
    call.caller.rung(replaces=True).answers(180)
    pickup.expects(180)
    dies.dies()
    other = tenant.phone("102")
    assert other.dials("*87101").ends_with().status == 410
    # The caller's device is being asked, and has some seconds. As it does not answer, the call is sent from then on.
    until(
        lambda: other.dials("*87101").ends_with().start.endswith("480 Call Is Being Sent To You"),
        within_s=BOUND_S + 6,
        what="the claim to end",
    )
    other.rung().answers(200)
    call.outgoing.dialog(call.outgoing.expects(200)).ends(other)


def test_given_the_node_of_a_claimed_call_killed_when_it_carries_the_pickup_out_then_the_picker_hears_so_soon(
    two: tuple[Node, Node, Tenant],
) -> None:
    dies, lives, tenant = two
    first = ringing_at(dies, tenant)
    alive = ringing_at(lives, tenant, caller="105", callee="102")
    pickup = tenant.phone("103").dials("*87")
    first.caller.rung(replaces=True)
    dies.dies()
    assert pickup.ends_with(BOUND_S + 2).start.endswith("480 No Call To Pick Up")
    again = tenant.phone("103").dials("*87")
    alive.caller.rung(replaces=True).answers(200)
    again.dialog(again.expects(200))


def test_given_the_node_of_a_call_killed_when_an_attendant_presses_pick_up_then_she_is_told_and_soon_sees_it_no_more(
    two: tuple[Node, Node, Tenant], tmp_path: Path
) -> None:
    dies, lives, tenant = two
    carol = tenant.phone("103", register=True)
    with Web(dies, tmp_path / "web") as web:
        ringing_at(dies, tenant)
        at = client(web, tenant)
        found = the_call(at)["id"]
        dies.dies()
        answer = pick_up(at, found)
        assert (answer.status_code, answer.json()["reason"]) == (503, "Node Does Not Answer")
        assert int(answer.headers["Retry-After"]) > 0
        until(lambda: not calls(at), within_s=BOUND_S, what="the dead node's call to be off the list")
        assert pick_up(at, found).status_code == 404
        nothing_came(carol)
        # The console was started beside the node that died, and speaks to the store alone.
        call = ringing_at(lives, tenant)
        assert pick_up(at, the_call(at)["id"]).status_code == 202
        connect(call.outgoing, carol.rung())
    assert tenant.outcomes() == [("picked_up", 202)]


def test_given_the_node_of_an_attendant_s_phone_killed_when_she_picks_up_then_409_and_the_call_rings_on(
    two: tuple[Node, Node, Tenant], tmp_path: Path
) -> None:
    dies, lives, tenant = two
    with Web(lives, tmp_path / "web") as web:
        heard(tenant.phone("103", transport="tcp", register=True, node=dies), lives)
        call = ring(tenant.phone("104"), tenant.phone("101", register=True), supported="")
        lives.settle()
        at = client(web, tenant)
        found = the_call(at)["id"]
        dies.dies()
        until(lambda: knows(lives) == {"b"}, within_s=BOUND_S, what="the death to be known")
        answer = pick_up(at, found)
        assert (answer.status_code, answer.json()["reason"]) == (409, "Your Phone Is Not Registered")
        assert "does not answer" in answer.json()["message"]
        assert tenant.outcomes() == [("not_registered", 480)]
        # She has a phone at the living node, too: it alone is rung, and is the single one.
        other = tenant.phone("103", register=True)
        assert pick_up(at, found).status_code == 202
        offer = other.rung()
        assert "answer-after=0" in offer.invite["Call-Info"]
        connect(call.outgoing, offer)


def test_given_the_node_of_a_call_killed_when_it_rings_the_attendant_s_phone_at_another_then_that_ends_soon(
    two: tuple[Node, Node, Tenant], tmp_path: Path
) -> None:
    dies, lives, tenant = two
    with Web(lives, tmp_path / "web") as web:
        carol = heard(tenant.phone("103", transport="tcp", register=True, node=lives), dies)
        ringing_at(dies, tenant)
        at = client(web, tenant)
        assert pick_up(at, the_call(at)["id"]).status_code == 202
        offer = carol.rung()
        offer.answers(180)
        dies.dies()
        # The other node would ring it as long as any call, 180 s.
        offer.is_cancelled()
        until(lambda: not calls(at), what="the dead node's call to be off the list")


def test_given_a_node_that_is_started_again_when_it_has_its_name_then_its_predecessor_s_calls_are_not_its_own(
    two: tuple[Node, Node, Tenant],
) -> None:
    dies, lives, tenant = two
    ringing_at(dies, tenant)
    tenant.phone("104", node=dies).dials("800").expects(182)
    dies.settle()
    dies.dies()
    with dies:
        until(lambda: _alike(dies, lives), within_s=BOUND_S, what="the node to be known again")
        until(
            lambda: tenant.phone("103").dials("*87101").ends_with().status == 480,
            within_s=BOUND_S,
            what="the predecessor's call to be forgotten",
        )
        nothing_is_left(tenant, BOUND_S)
        take_over(ringing_at(dies, tenant), tenant.phone("103"), "*87101")


def test_given_a_node_that_is_stopped_when_a_caller_waits_there_then_he_hears_503_and_the_others_know_at_once(
    two: tuple[Node, Node, Tenant],
) -> None:
    dies, lives, tenant = two
    waiting = tenant.phone("104", node=dies).dials("800")
    waiting.expects(182)
    began_s = time.monotonic()
    assert dies.stop() == 0
    assert began_s + 10 > time.monotonic()
    until(lambda: knows(lives) == {"b"}, within_s=SILENCE_MS / 1000 + 0.5, what="the others to know")
    nothing_is_left(tenant, BOUND_S)


def test_given_a_second_node_of_a_living_one_s_name_when_it_is_started_then_it_is_refused(
    two: tuple[Node, Node, Tenant], tmp_path: Path
) -> None:
    dies, lives, tenant = two
    twin = Node(
        tmp_path / "elsewhere", lives.document.read_text(), name="b", environment={"STAR87_REDIS_URL": lives.redis_url}
    )
    with pytest.raises(AssertionError, match="another living node on this state store is called 'b'"), twin:
        raise RuntimeError("it was started")
    assert knows(dies) == {"a", "b"}
    take_over(ringing_at(dies, tenant), tenant.phone("103"), "*87101")


def test_given_a_node_that_was_taken_for_dead_when_it_says_that_it_lives_then_what_rings_there_can_be_picked_up(
    two: tuple[Node, Node, Tenant],
) -> None:
    stalls, lives, tenant = two
    rings_on, gives_up = ringing_at(stalls, tenant), ringing_at(stalls, tenant, caller="105")
    (beats,) = stalls.processes("timer=nodes")
    with stopped(beats):
        until(lambda: lives.calls(tenant.domain) == [], within_s=BOUND_S, what="the burial of its calls")
        gives_up.ends()
    until(lambda: len(lives.calls(tenant.domain)) == 1, within_s=BOUND_S, what="the call that rings on")
    take_over(rings_on, tenant.phone("103"), "*87101").ends(rings_on.caller)
    nothing_is_left(tenant, BOUND_S)


@pytest.mark.parametrize("loses_all", [False, True])
def test_given_a_store_that_is_away_for_longer_than_a_node_may_be_silent_when_it_is_back_then_nobody_has_died_of_it(
    tmp_path: Path, loses_all: bool
) -> None:
    tenants = Tenants(1, with_a_queue)
    environment = {**ENVIRONMENT, "STAR87_REDIS_TIMEOUT_MS": "50"}
    with (
        RedisServer() as store,
        nodes(tmp_path, tenants.document(), ("a", "b"), environment, store=store) as (a, b),
    ):
        tenant = tenants.take(a)
        before = known(a)
        if loses_all:
            store.kill()
        else:
            store.freeze()
        ends_s = time.monotonic() + 2 * SILENCE_MS / 1000
        while time.monotonic() < ends_s:
            assert knows(a) == knows(b) == {"a", "b"}
            time.sleep(0.2)
        if loses_all:
            store.start()
        else:
            store.thaw()
        ends_s = time.monotonic() + 2 * SILENCE_MS / 1000
        while time.monotonic() < ends_s:
            assert knows(a) == knows(b) == {"a", "b"}
            time.sleep(0.2)
        assert known(a).secret == known(b).secret == before.secret
        if loses_all:
            a.apply(tenants.document())
        take_over(ringing_at(a, tenant), tenant.phone("103", node=b), "*87101")
        tenant.close()
