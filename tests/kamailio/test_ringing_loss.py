"""Calls that ring while the store is away, or forgets them: they can be picked up after it, if they still ring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kemi.dialogs.record import CallRecord
from tests.kamailio.test_store_loss import BACK_WITHIN_S, away, on_its_own
from tests.support.lamp_keys import LampKey
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Outgoing
from tests.support.pickups import connect, ends_elsewhere, send_for
from tests.support.redis_server import RedisServer
from tests.support.talks import Ringing, is_offered, ring, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

CLOCKS_APART_US = 1_000_000
WAYS = ("hangs", "is killed")
ENDS = ("gives up", "is refused", "is answered", "is over")


@pytest.fixture(scope="module")
def tenants() -> Tenants:
    return Tenants(24)


@pytest.fixture(scope="module")
def node(store: RedisServer, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    environment = {**on_its_own(store.url), "STAR87_ALREADY_ANSWERED_MS": "1000"}
    with Node(tmp_path_factory.mktemp("loss"), tenants.document(), environment=environment) as node:
        yield node


def known(tenant: Tenant) -> list[CallRecord]:
    """The calls that the store has."""
    return tenant.node.calls(tenant.domain)


def await_known(tenant: Tenant, count: int = 1) -> None:
    until(lambda: len(known(tenant)) == count, within_s=BACK_WITHIN_S, what=lambda: f"{count} calls: {known(tenant)}")


def held(tenant: Tenant) -> bool:
    """Whether the node has a note of any call of the tenant."""
    return f"{tenant.domain} " in tenant.node.kamcmd("htable.dump", "ringing")


def picks_up(call: Ringing, picker: Phone, dialled: str) -> Dialog:
    """As take_over, as soon as the picker's worker has the store again."""
    pickups: list[Outgoing] = []

    def is_heard() -> bool:
        pickups.append(picker.dials(dialled))
        return is_offered(pickups[-1], call.caller)

    until(is_heard, within_s=BACK_WITHIN_S, what=lambda: f"a pickup, not {[pickup.last.status for pickup in pickups]}")
    call.caller.rung(replaces=True).answers(200)
    dialog = pickups[-1].dialog(pickups[-1].expects(200))
    call.ends()
    return dialog


def is_refused(picker: Phone, dialled: str) -> bool:
    """Whether there is no such call, as soon as the picker's worker has the store again."""

    def answer() -> int:
        status = picker.dials(dialled).ends_with().status
        return 0 if status == 503 else status

    return until(answer, within_s=BACK_WITHIN_S, what="the picker's worker") in (410, 480)


def leaves_nothing(tenant: Tenant) -> None:
    assert not held(tenant)
    until(lambda: tenant.node.left_keys(tenant.domain) == [], within_s=8, what="nothing left")


@pytest.mark.parametrize("how", WAYS)
def test_given_a_call_that_comes_while_the_store_is_away_when_it_is_back_then_it_can_be_picked_up(
    how: str, store: RedisServer, tenant: Tenant
) -> None:
    alice, bob, carol = tenant.phone("104"), tenant.phone("101", register=True), tenant.phone("103")
    with away(store, how):
        call = ring(alice, bob)
        assert carol.dials("*87101").ends_with().status == 503
    await_known(tenant)
    picks_up(call, carol, "*87101").ends(alice)
    leaves_nothing(tenant)


def test_given_calls_that_ring_when_the_store_comes_back_empty_then_the_oldest_is_picked_up_first(
    store: RedisServer, tenant: Tenant
) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("102", register=True)
    callers = [tenant.phone("104"), tenant.phone("105"), tenant.phone("105")]
    carol = tenant.phone("103")
    calls = [ring(callers[0], bob), ring(callers[1], dave)]
    until(lambda: len(known(tenant)) == 2, what="both in the store")
    before = known(tenant)
    with away(store):
        calls.append(ring(callers[2], bob))
    await_known(tenant, 3)
    again = known(tenant)
    assert [replace(call, routed_at_us=0) for call in again[:2]] == [replace(call, routed_at_us=0) for call in before]
    for one, other in zip(again, before, strict=False):
        assert abs(one.routed_at_us - other.routed_at_us) < CLOCKS_APART_US
    assert [len(call.early_tags) for call in again] == [1, 1, 1]
    for call in calls:
        picks_up(call, carol, "*87").ends(call.caller)
    leaves_nothing(tenant)


def test_given_a_call_to_a_group_when_the_store_forgets_it_then_it_is_the_groups_still_and_no_members(
    store: RedisServer, tenant: Tenant
) -> None:
    alice, bob, carol = tenant.phone("104"), tenant.phone("101", register=True), tenant.phone("103")
    call = ring(alice, bob, "700")
    with away(store):
        pass
    await_known(tenant)
    assert is_refused(carol, "*87101")
    picks_up(call, carol, "*87700").ends(alice)
    leaves_nothing(tenant)


def end_as(how: str, call: Ringing) -> Callable[[], None]:
    """The call rings no more. Returns what ends the dialog that came of it."""
    if how == "gives up":
        call.ends()
    elif how == "is refused":
        call.inbound.answers(486)
        assert call.outgoing.ends_with().status == 486
    else:
        call.inbound.answers(200)
        mine = call.outgoing.dialog(call.outgoing.expects(200))
        call.inbound.dialog()
        if how == "is answered":
            return lambda: mine.ends(call.callee)
        mine.ends(call.callee)
    return lambda: None


def take_the_other(tenant: Tenant, call: Ringing) -> None:
    """One that rang on tells that the node has looked what rings: it is there again, alone."""
    await_known(tenant)
    picks_up(call, tenant.phone("103"), "*87102").ends(call.caller)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("end", ENDS[:4])
def test_given_a_call_that_ends_while_the_store_is_away_when_it_is_back_then_it_is_not_entered_again(
    end: str, how: str, store: RedisServer, tenant: Tenant
) -> None:
    alice, bob, carol = tenant.phone("104"), tenant.phone("101", register=True), tenant.phone("103")
    rings_on = ring(tenant.phone("105"), tenant.phone("102", register=True))
    before = ring(alice, bob)
    until(lambda: [len(call.early_tags) for call in known(tenant)] == [1, 1], what="both ringing in the store")
    with away(store, how):
        ends = end_as(end, before)
        ends_too = end_as(end, ring(alice, bob))
    take_the_other(tenant, rings_on)
    assert is_refused(carol, "*87101")
    ends()
    ends_too()
    leaves_nothing(tenant)


def test_given_a_call_that_was_picked_up_when_the_store_forgets_it_then_nobody_else_gets_it(
    store: RedisServer, tenant: Tenant
) -> None:
    """The caller's phone has the picker, and has yet to end its old call."""
    alice, bob, carol = tenant.phone("104"), tenant.phone("101", register=True), tenant.phone("103")
    rings_on = ring(tenant.phone("105"), tenant.phone("102", register=True))
    call = ring(alice, bob)
    pickup = carol.dials("*87101")
    alice.rung(replaces=True).answers(200)
    dialog = pickup.dialog(pickup.expects(200))
    with away(store):
        pass
    await_known(tenant)
    assert is_refused(tenant.phone("102"), "*87101")
    call.ends()
    take_the_other(tenant, rings_on)
    dialog.ends(alice)
    leaves_nothing(tenant)


def test_given_a_call_that_was_sent_to_its_picker_when_he_has_answered_then_the_node_holds_it_no_more(
    store: RedisServer, tenant: Tenant
) -> None:
    alice, bob, carol = tenant.phone("104"), tenant.phone("101", register=True), tenant.phone("103")
    call = ring(alice, bob, supported="")
    caller, _, _ = connect(call.outgoing, send_for(carol, "*87101"))
    ends_elsewhere(call.inbound)
    assert not held(tenant)
    rings_on = ring(tenant.phone("105"), tenant.phone("102", register=True))
    with away(store):
        pass
    take_the_other(tenant, rings_on)
    caller.ends(carol)
    leaves_nothing(tenant)


def test_given_a_lamp_when_the_store_forgets_what_rings_then_it_is_lit_as_long_as_that_rings(
    store: RedisServer, tenant: Tenant
) -> None:
    alice, bob, carol = tenant.phone("104"), tenant.phone("101", register=True), tenant.phone("103")
    call = ring(alice, bob)
    with away(store):
        pass
    await_known(tenant)
    lamp = LampKey(carol, "101")
    assert lamp.subscribes().status == 200
    assert lamp.hears().states == ["early"]
    call.ends()
    lamp.goes_dark()


def test_given_talks_when_the_store_is_away_then_no_note_is_left_of_them(store: RedisServer, tenant: Tenant) -> None:
    alice, bob = tenant.phone("104"), tenant.phone("101", register=True)
    with away(store):
        mine, _ = talk(alice, bob)
        assert not held(tenant)
        mine.ends(bob)
    leaves_nothing(tenant)
