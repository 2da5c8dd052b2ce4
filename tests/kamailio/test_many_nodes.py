"""Three nodes on one state store: a call rings through one, and is picked up through another."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.cluster_of_nodes import nodes
from tests.support.forged import forged_reach
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Outgoing, replaces_of
from tests.support.talks import Ringing, ring, take_over
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

ENVIRONMENT = {"STAR87_ALREADY_ANSWERED_MS": "300", "STAR87_REROUTE_ANSWER_S": "4"}
ROUNDS = 40


def with_a_queue(document: dict[str, object]) -> None:
    """Agent group 800 of 105, whom 103 may pick up from."""
    document["agent_groups"] = [
        {"number": "800", "name": "Support", "agents": ["105"], "ring_s": 5, "wrap_up_s": 0, "monitored_by": ["103"]}
    ]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tuple[Node, ...], Tenants]]:
    tenants = Tenants(30, with_a_queue)
    with nodes(tmp_path_factory.mktemp("many"), tenants.document(), ("a", "b", "c"), ENVIRONMENT) as started:
        yield started, tenants


@pytest.fixture
def tenant(three: tuple[tuple[Node, ...], Tenants]) -> Iterator[Tenant]:
    """Its calls ring through node a."""
    (a, *_), tenants = three
    tenant = tenants.take(a)
    yield tenant
    tenant.close()


@pytest.fixture
def b(three: tuple[tuple[Node, ...], Tenants]) -> Node:
    return three[0][1]


@pytest.fixture
def c(three: tuple[tuple[Node, ...], Tenants]) -> Node:
    return three[0][2]


def ringing(tenant: Tenant, *, supported: str = "replaces", caller: str = "104", number: str = "101") -> Ringing:
    call = ring(tenant.phone(caller), tenant.phone(number, register=True), supported=supported)
    # A pickup waits for what its own node has posted; another's comes some milliseconds later.
    tenant.node.settle()
    return call


def nothing_is_left(tenant: Tenant) -> None:
    until(lambda: not tenant.node.left_keys(tenant.domain), within_s=8, what=lambda: str(_left(tenant)))


def _left(tenant: Tenant) -> list[str]:
    return tenant.node.left_keys(tenant.domain)


def test_given_a_call_at_a_when_it_is_picked_up_at_b_then_its_caller_is_replaced_and_either_end_can_end_it(
    tenant: Tenant, b: Node
) -> None:
    for by_picker in (True, False):
        call = ringing(tenant)
        carol = tenant.phone("103", node=b)
        pickup = carol.dials("*87101")
        offer = call.caller.rung(replaces=True)
        assert replaces_of(offer.invite) == (call.outgoing.call_id, call.outgoing.tag, call.inbound.tag, True)
        assert offer.invite["P-Asserted-Identity"].startswith('"Carol"')
        assert "P-Star87-Peer" not in offer.invite
        offer.answers(200)
        answer = pickup.expects(200)
        assert answer["P-Asserted-Identity"].startswith('"Dave for Reception"')
        mine = pickup.dialog(answer)
        theirs = offer.dialog()
        assert call.outgoing.cancels().status == 200
        assert "Call completed elsewhere" in call.inbound.is_cancelled()["Reason"]
        assert call.outgoing.ends_with().status == 487
        mine.reinvites(call.caller, "sendonly", "recvonly")
        theirs.reinvites(carol, "sendrecv", "sendrecv")
        if by_picker:
            mine.ends(call.caller)
        else:
            theirs.ends(carol)
        nothing_is_left(tenant)
    until(lambda: tenant.outcomes() == [("picked_up", 200)] * 2, within_s=8, what="the record")


def test_given_a_picker_s_hold_when_it_is_behind_the_other_node_then_that_is_known_everywhere(
    tenant: Tenant, b: Node
) -> None:
    call = ringing(tenant)
    carol = tenant.phone("103", node=b)
    mine = take_over(call, carol, "*87101")
    another = ringing(tenant, caller="105", number="102")
    assert carol.dials("*87102").ends_with().status == 486
    mine.reinvites(call.caller, "sendonly", "recvonly")
    take_over(another, carol, "*87102")


def test_given_a_caller_that_cannot_replace_when_it_is_picked_up_at_b_then_the_call_comes_to_the_device_there(
    tenant: Tenant, b: Node
) -> None:
    for by_caller in (True, False):
        call = ringing(tenant, supported="")
        carol = tenant.phone("103", node=b)
        refused = carol.dials("*87101").ends_with()
        assert (refused.status, refused.start.partition("480 ")[2]) == (480, "Call Is Being Sent To You")
        assert "P-Star87-Peer" not in refused
        offer = carol.rung()
        assert offer.invite["P-Asserted-Identity"].startswith('"Dave for Reception"')
        assert "answer-after=0" in offer.invite["Call-Info"]
        assert "P-Star87-Peer" not in offer.invite
        offer.answers(200)
        theirs = call.outgoing.dialog(call.outgoing.expects(200))
        mine = offer.dialog()
        assert "Reason" in call.inbound.is_cancelled()
        theirs.reinvites(carol, "sendonly", "recvonly")
        mine.reinvites(call.caller, "sendrecv", "sendrecv")
        if by_caller:
            theirs.ends(carol)
        else:
            mine.ends(call.caller)
        nothing_is_left(tenant)
    until(lambda: tenant.outcomes() == [("picked_up", 480)] * 2, within_s=8, what="the record")


@pytest.mark.parametrize("supported", ["replaces", ""])
def test_given_streams_at_both_nodes_when_a_call_is_picked_up_across_them_then_both_ends_keep_their_connections(
    tenant: Tenant, b: Node, supported: str
) -> None:
    alice, bob = tenant.phone("104", transport="tcp"), tenant.phone("101", register=True)
    call = ring(alice, bob, supported=supported)
    tenant.node.settle()
    carol = tenant.phone("103", node=b, transport="tcp")
    pickup = carol.dials("*87101")
    if supported:
        offer = alice.rung(replaces=True)
        offer.answers(200)
        mine = pickup.dialog(pickup.expects(200))
        theirs = offer.dialog()
        call.ends()
    else:
        assert pickup.ends_with().status == 480
        offer = carol.rung()
        offer.answers(200)
        theirs = call.outgoing.dialog(call.outgoing.expects(200))
        mine = offer.dialog()
        call.inbound.is_cancelled()
    mine.reinvites(alice, "sendonly", "recvonly")
    theirs.reinvites(carol, "sendrecv", "sendrecv")
    theirs.ends(carol)
    nothing_is_left(tenant)


def test_given_a_device_at_b_that_does_not_take_the_call_when_it_refuses_then_the_call_rings_on_at_a(
    tenant: Tenant, b: Node
) -> None:
    call = ringing(tenant, supported="")
    carol = tenant.phone("103", node=b)
    assert carol.dials("*87101").ends_with().status == 480
    offer = carol.rung()
    offer.answers(486)
    until(lambda: tenant.outcomes() == [("not_taken", 480)], within_s=8, what="the record")
    call.inbound.answers(200)
    dialog = call.outgoing.dialog(call.outgoing.expects(200))
    call.inbound.dialog()
    dialog.ends(call.callee)
    nothing_is_left(tenant)


def test_given_the_callee_faster_than_the_device_at_b_when_that_answers_too_then_its_answer_is_ended(
    tenant: Tenant, b: Node
) -> None:
    call = ringing(tenant, supported="")
    carol = tenant.phone("103", node=b)
    assert carol.dials("*87101").ends_with().status == 480
    offer = carol.rung()
    call.inbound.answers(200)
    dialog = call.outgoing.dialog(call.outgoing.expects(200))
    call.inbound.dialog()
    # It answers although it is being cancelled.
    offer.answers(200)
    carol.gets("ACK", offer.call_id)
    carol.replies(carol.gets("BYE", offer.call_id), 200)
    dialog.ends(call.callee)
    assert [m.start for m in call.caller.came if m.status == 200 and m.method == "INVITE"] == [
        m.start for m in call.caller.came if m.status == 200 and m.method == "INVITE"
    ][:1]
    nothing_is_left(tenant)


def test_given_a_refusal_of_the_caller_s_device_when_directed_at_b_then_the_picker_hears_it_and_the_call_rings_on(
    tenant: Tenant, b: Node
) -> None:
    call = ringing(tenant)
    carol = tenant.phone("103", node=b)
    for status, heard in ((488, 488), (603, 480)):
        pickup = carol.dials("*87101")
        call.caller.rung(replaces=True).answers(status)
        assert pickup.ends_with().status == heard
    record = [("media_refused", 488), ("nothing_eligible", 480)]
    until(lambda: tenant.outcomes() == record, within_s=8, what="the record")
    assert not [m for m in call.callee.came if m.method == "CANCEL"]
    take_over(call, carol, "*87101")


def test_given_several_early_dialogs_when_the_caller_s_device_knows_only_one_then_node_a_tries_them_all(
    tenant: Tenant, b: Node
) -> None:
    call = ringing(tenant)
    call.inbound.answers(180, tag="second")
    call.outgoing.expects(180)
    tenant.node.settle()
    pickup = tenant.phone("103", node=b).dials("*87101")
    first = call.caller.rung(replaces=True)
    assert replaces_of(first.invite)[2] == "second"
    first.answers(481)
    second = call.caller.rung(replaces=True)
    assert replaces_of(second.invite)[2] == call.inbound.tag
    second.answers(200)
    pickup.dialog(pickup.expects(200))


def test_given_a_general_pickup_at_b_when_the_first_call_s_caller_refuses_then_it_goes_on_to_the_next_node_s_call(
    tenant: Tenant, b: Node, c: Node
) -> None:
    first = ringing(tenant)
    bob = tenant.phone("102", register=True, node=c)
    second = ring(tenant.phone("105", node=c), bob)
    c.settle()
    pickup = tenant.phone("103", node=b).dials("*87")
    first.caller.rung(replaces=True).answers(603)
    second.caller.rung(replaces=True).answers(200)
    pickup.dialog(pickup.expects(200))
    assert not [m for m in pickup.phone.came if 300 <= m.status < 400 or m.status > 407]
    until(lambda: tenant.outcomes() == [("picked_up", 200)], within_s=8, what="the record")
    assert tenant.node.events(tenant.domain)[0].tried == 2


def test_given_a_picker_at_b_who_gives_up_when_nothing_was_answered_yet_then_the_call_rings_on(
    tenant: Tenant, b: Node
) -> None:
    call = ringing(tenant)
    pickup = tenant.phone("103", node=b).dials("*87101")
    offer = call.caller.rung(replaces=True)
    offer.answers(180)
    pickup.expects(180)
    assert pickup.cancels().status == 200
    offer.is_cancelled()
    assert pickup.ends_with().status == 487
    until(lambda: tenant.outcomes() == [("cancelled", 487)], within_s=8, what="the record")
    take_over(call, tenant.phone("103", node=b), "*87101")


def test_given_a_phone_s_own_replaces_at_b_when_the_call_is_at_a_then_it_is_a_pickup_of_that_call(
    tenant: Tenant, b: Node
) -> None:
    call = ringing(tenant)
    named = f"{call.outgoing.call_id};to-tag={call.inbound.tag};from-tag={call.outgoing.tag};early-only"
    pickup = tenant.phone("103", node=b).dials("101", headers=[("Replaces", named)])
    offer = call.caller.rung(replaces=True)
    assert replaces_of(offer.invite)[2] == call.inbound.tag
    offer.answers(200)
    pickup.dialog(pickup.expects(200))
    until(lambda: tenant.outcomes() == [("picked_up", 200)], within_s=8, what="the record")
    stranger = tenant.phone("105", node=b).dials("101", headers=[("Replaces", named)])
    assert stranger.ends_with().status in (403, 481)


@pytest.mark.parametrize("supported", ["replaces", ""])
def test_given_a_caller_who_waits_at_a_when_picked_up_at_b_then_he_is_the_picker_s(
    tenant: Tenant, b: Node, supported: str
) -> None:
    caller = tenant.phone("104")
    waiting = caller.dials("800", supported=supported)
    waiting.expects(182)
    tenant.node.settle()
    carol = tenant.phone("103", node=b)
    pickup = carol.dials("*87800")
    if supported:
        caller.rung(replaces=True).answers(200)
        pickup.dialog(pickup.expects(200)).ends(caller)
        waiting.gives_up()
    else:
        assert pickup.ends_with().status == 480
        carol.rung().answers(200)
        waiting.dialog(waiting.expects(200)).ends(carol)
    nothing_is_left(tenant)


def test_given_two_pickers_at_two_nodes_when_both_dial_at_once_then_exactly_one_gets_each_call(
    tenant: Tenant, b: Node, c: Node
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    won: list[int] = []
    for _ in range(ROUNDS):
        call = ring(alice, bob)
        tenant.node.settle()
        pickers = [tenant.phone("103", node=b), tenant.phone("102", node=c)]
        pickups = _dial_together(pickers)
        offer = alice.rung(replaces=True)
        offer.answers(200)
        answers = [pickup.ends_with() for pickup in pickups]
        statuses = [answer.status for answer in answers]
        assert sorted(statuses)[0] == 200
        assert sorted(statuses)[1] == 410
        winner = statuses.index(200)
        won.append(winner)
        mine = pickups[winner].dialog(answers[winner])
        offer.dialog()
        call.ends()
        mine.ends(alice)
        alice.hears()
        assert not [m for m in alice.inbox if m.method == "INVITE" and not m.status], "offered twice"
        for picker in pickers:
            picker.close()
    assert tenant.outcomes().count(("picked_up", 200)) == ROUNDS
    assert len(set(won)) == 2, "one node always wins: the race is none"


def _dial_together(pickers: list[Phone]) -> list[Outgoing]:
    pickups: dict[int, Outgoing] = {}
    gate = threading.Barrier(len(pickers))

    def dial(at: int) -> None:
        gate.wait()
        pickups[at] = pickers[at].dials("*87101")

    threads = [threading.Thread(target=dial, args=(at,)) for at in range(len(pickers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [pickups[at] for at in range(len(pickers))]


def test_given_what_a_node_would_say_when_somebody_else_says_it_then_he_is_asked_for_his_password(
    tenant: Tenant, b: Node
) -> None:
    stranger, bob = tenant.phone("105"), tenant.phone("101", register=True)
    answer = forged_reach(stranger, tenant.node, b, bob)
    assert answer.status == 407
    bob.hears()
    assert not [m for m in bob.came if m.method == "INVITE" and not m.status]
