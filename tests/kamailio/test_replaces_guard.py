"""INVITE with Replaces that phones send of their own accord: with permission a pickup, from anybody else nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Outgoing, replaces_of
from tests.support.replacing import as_the_lamp_sees, header, of_ringing, of_talk
from tests.support.sip_text import sdp
from tests.support.talks import Ringing, ring, take_over, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

LEGAL = [
    'a{b}"c"?\\[d]@<e>:(f);to-tag=1;from-tag=2',
    "*;to-tag=*;from-tag=*",
    "a@b ; TO-TAG = 0 ; From-Tag = 0 ; Early-Only",
    "a@b;\r\n to-tag=1;from-tag=2",
    'a@b;to-tag=1;from-tag=2;other;another="x;y,z"',
    "a'b`c~;to-tag=1;from-tag=2",
]


@pytest.fixture
def other(node: Node, tenants: Tenants) -> Iterator[Tenant]:
    """One more tenant of the node."""
    taken = tenants.take(node)
    yield taken
    taken.close()


def hear_nothing(*phones: Phone) -> None:
    for phone in phones:
        phone.hears()
        assert [m.start for m in phone.inbox if m.status != 100] == []


def rings_on(call: Ringing, tenant: Tenant) -> None:
    """Nothing happened to it: its phones heard nothing, and who may can still pick it up."""
    hear_nothing(call.caller, call.callee)
    take_over(call, tenant.phone("103"), "*87101").ends(call.caller)


# Lamp keys


@pytest.mark.parametrize("named", [of_ringing, as_the_lamp_sees])
@pytest.mark.parametrize("more", ["", ";early-only"])
def test_given_permission_when_a_phone_replaces_a_ringing_call_then_it_is_a_pickup_like_any_other(
    named: Callable[[Ringing, str], tuple[str, str]], more: str, tenant: Tenant
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)

    pickup = carol.dials("101", headers=[named(call, more), ("Require", "replaces")])
    offer = alice.rung(replaces=True)
    offer.answers(200)
    accepted = pickup.expects(200)
    dialog = pickup.dialog(accepted)
    call.ends()

    # The node's word, and no other: what the phone wrote is gone.
    assert offer.invite.all("Replaces") == [
        f"{call.outgoing.call_id};to-tag={call.outgoing.tag};from-tag={call.inbound.tag};early-only"
    ]
    assert offer.invite.uri == alice.contact
    assert accepted["P-Asserted-Identity"] == f'"Dave for Reception" <sip:104@{tenant.domain}>'
    until(lambda: tenant.outcomes() == [("picked_up", 200)], what="the pickup record")
    (event,) = tenant.node.events(tenant.domain)
    assert (event.by, event.dialled, event.account, event.picker) == ("replaces", "", "101", "103")
    dialog.ends(alice)


@pytest.mark.parametrize("picker", ["105", "102"])
def test_given_no_permission_when_a_phone_replaces_a_ringing_call_then_403_is_written_down_and_it_rings_on(
    picker: str, tenant: Tenant
) -> None:
    """105 may see 101 only, 102 is a stranger to 700: knowing the tags is nothing."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob) if picker == "105" else ring(alice, bob, "700")
    before = tenant.node.call_keys(tenant.domain)

    for named in (of_ringing(call), as_the_lamp_sees(call)):
        answer = tenant.phone(picker).dials("101", headers=[named]).ends_with()
        assert (answer.status, answer.reason) == (403, "Pickup Not Permitted")

    assert tenant.node.call_keys(tenant.domain) == before
    until(lambda: tenant.outcomes() == [("not_permitted", 403)] * 2, what="the pickup record")
    event = tenant.node.events(tenant.domain)[0]
    assert (event.by, event.call_id, event.picker) == ("replaces", call.outgoing.call_id, picker)
    assert event.account == ("101" if picker == "105" else "700")
    if picker == "105":
        rings_on(call, tenant)
    else:
        call.ends()


def test_given_a_call_that_another_claimed_when_a_phone_replaces_it_then_410(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    first = tenant.phone("103").dials("*87101")
    offer = alice.rung(replaces=True)

    answer = tenant.phone("102").dials("101", headers=[of_ringing(call)]).ends_with()

    assert (answer.status, answer.reason) == (410, "Already Answered")
    offer.answers(200)
    assert first.expects(200)


def test_given_another_call_at_the_account_when_the_named_one_is_refused_then_it_is_not_taken_instead(
    tenant: Tenant,
) -> None:
    bob, alice, erin = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("105")
    other, call = ring(erin, bob), ring(alice, bob)

    pickup = tenant.phone("103").dials("101", headers=[of_ringing(call)])
    offer = alice.rung(replaces=True)
    assert replaces_of(offer.invite)[0] == call.outgoing.call_id
    offer.answers(603)

    assert pickup.ends_with().status == 480
    for left in (other, call):
        left.caller.hears()
        assert [m for m in left.caller.inbox if m.method == "INVITE" and not m.status] == []
        left.ends()


def test_given_his_own_call_when_its_caller_replaces_it_then_480(tenant: Tenant) -> None:
    bob, carol = tenant.phone("101", register=True), tenant.phone("103")
    call = ring(carol, bob)
    assert tenant.phone("103").dials("101", headers=[of_ringing(call)]).ends_with().status == 480
    call.ends()


def test_given_an_unheld_talk_when_its_phone_replaces_a_ringing_call_then_486(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    dave, carol = tenant.phone("105", register=True), tenant.phone("103")
    talk(carol, dave)
    call = ring(alice, bob)

    answer = carol.dials("101", headers=[of_ringing(call)]).ends_with()

    assert (answer.status, answer.reason) == (486, "Hold Your Current Call First")
    rings_on(call, tenant)


# What is not known


def test_given_guesses_when_a_phone_replaces_then_481_and_nothing_happened(tenant: Tenant) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)
    call_id, caller, callee = call.outgoing.call_id, call.outgoing.tag, call.inbound.tag
    before = tenant.node.call_keys(tenant.domain)

    for guess in (
        header(call_id, caller, "guessed"),
        header(call_id, "guessed", callee),
        header(call_id, caller, caller),
        header(call_id, callee, callee),
        header(call_id, "0", "0"),
        header(call_id, caller, "0"),
        header(call_id, "*", "*"),
        header("*", caller, callee),
        header(call_id[:-1], caller, callee),
        header(call_id.upper() + "x", caller, callee),
        *(("Replaces", legal) for legal in LEGAL),
    ):
        answer = carol.dials("101", headers=[guess]).ends_with()
        assert answer.status == 481, guess
        assert answer["Warning"]

    assert tenant.node.call_keys(tenant.domain) == before
    rings_on(call, tenant)


def test_given_a_branch_that_failed_when_its_tag_is_named_then_481(tenant: Tenant) -> None:
    desk, mobile = tenant.phone("101", register=True), tenant.phone("101", register=True)
    alice = tenant.phone("104")
    call = ring(alice, desk)
    other = mobile.rung()
    other.answers(180)
    call.outgoing.expects(180)
    other.answers(486)
    mobile.gets("ACK", other.call_id)

    dead = header(call.outgoing.call_id, call.outgoing.tag, other.tag)
    assert tenant.phone("103").dials("101", headers=[dead]).ends_with().status == 481
    hear_nothing(alice, desk)


def test_given_a_call_of_another_tenant_when_it_is_named_then_it_is_unknown(tenant: Tenant, other: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    foreign = other.phone("103")

    assert foreign.dials("101", headers=[of_ringing(call)]).ends_with().status == 481
    # Nor by a Request-URI in the call's own domain.
    across = Outgoing(foreign, f"sip:101@{tenant.domain}", [of_ringing(call)], sdp())
    across.invites()
    challenge = across.expects(407)
    across.invites(foreign.proves(challenge, "INVITE", across.uri))
    assert across.ends_with().status == 403
    assert other.outcomes() == []
    rings_on(call, tenant)


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Star87-Picker", "103"), ("X-Replaces", "ok")],
        [("Call-Info", "<sip:103@star87>;answer-after=0")],
        [("Route", "<sip:127.0.0.1;lr;tenant=TENANT>")],
        [("Record-Route", "<sip:127.0.0.1;lr;tenant=TENANT>")],
        [("Referred-By", "<sip:101@TENANT>")],
        [("P-Asserted-Service", "urn:urn-7:star87"), ("Reason", "SIP;cause=200")],
    ],
)
def test_given_headers_that_look_like_the_node_s_own_when_a_stranger_sends_them_then_they_grant_nothing(
    headers: list[tuple[str, str]], tenant: Tenant
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    forged = [(name, value.replace("TENANT", tenant.domain)) for name, value in headers]

    answer = tenant.phone("105").dials("101", headers=[of_ringing(call), *forged]).ends_with()

    assert answer.status == 403
    rings_on(call, tenant)


def test_given_the_record_route_of_another_call_when_a_stranger_brings_it_then_it_opens_nothing(
    tenant: Tenant,
) -> None:
    bob, alice, erin = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("105")
    dave = tenant.phone("102", register=True)
    own, _ = talk(erin, dave)
    call = ring(alice, bob)
    routes = [("Route", route) for route in own.routes]

    assert erin.dials("101", headers=[of_ringing(call), *routes]).ends_with().status == 403
    # As a request in that dialog it is one with Replaces inside a dialog (RFC 3891 §3).
    assert own.asks("INVITE", headers=[of_ringing(call)]).status == 400
    rings_on(call, tenant)


# Answered calls


def test_given_an_answered_call_when_it_is_named_early_only_then_486_whoever_asks(tenant: Tenant) -> None:
    """RFC 3891 §3."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    of_alice, of_bob = talk(alice, bob)

    for picker, named in (("103", of_alice), ("103", of_bob), ("105", of_bob), ("101", of_bob)):
        answer = tenant.phone(picker).dials("101", headers=[of_talk(named, ";early-only")]).ends_with()
        assert (answer.status, answer.reason) == (486, "Already Answered")
    until(lambda: tenant.outcomes() == [("already_answered", 486)] * 4, what="the pickup record")
    of_alice.ends(bob)


@pytest.mark.parametrize("stranger", ["103", "105"])
def test_given_an_answered_call_of_others_when_a_phone_replaces_it_then_403_is_written_down_and_they_talk_on(
    stranger: str, tenant: Tenant
) -> None:
    """Not even with permission to pick up: an answered call is its parties' own."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104", register=True)
    of_alice, of_bob = talk(alice, bob)
    before = tenant.node.call_keys(tenant.domain)

    for named, called in ((of_alice, "101"), (of_bob, "104"), (of_alice, "104"), (of_bob, "700"), (of_bob, "102")):
        answer = tenant.phone(stranger).dials(called, headers=[of_talk(named)]).ends_with()
        assert (answer.status, answer.reason) == (403, "Forbidden")
        assert answer["Warning"]

    assert tenant.node.call_keys(tenant.domain) == before
    until(lambda: tenant.outcomes() == [("replaces_denied", 403)] * 5, what="the pickup record")
    hear_nothing(alice, bob)
    of_bob.ends(alice)


def test_given_a_talk_with_somebody_else_when_a_phone_replaces_a_strangers_call_then_403(tenant: Tenant) -> None:
    """Another talk with the same account, but not with a device of the call, is no transfer."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104", register=True)
    mallory = tenant.phone("105")
    _, of_bob = talk(alice, bob)
    elsewhere = tenant.phone("102", register=True)
    talk(mallory, elsewhere)

    assert mallory.dials("104", headers=[of_talk(of_bob)]).ends_with().status == 403
