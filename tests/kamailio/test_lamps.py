"""Lamp keys on the wire: who may watch, what each is told and when, and what a press of the key does."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kemi.lamps.book import Book
from tests.support.lamp_keys import LampKey, watching
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant, account_of
from tests.support.until import until

AT_ONCE_S = 3.0
"""In which a change is shown: as the product promises."""


def CHANGE(document: dict[str, Any]) -> None:  # noqa: N802
    document["agent_groups"] = [
        {"number": "800", "name": "Support", "agents": ["102"], "ring_s": 15, "monitored_by": ["103"]}
    ]


def test_given_who_may_pick_up_when_a_phone_rings_then_the_lamp_names_the_call_and_the_key_picks_it_up(
    tenant: Tenant,
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    key = watching(carol, "101")
    assert (key.shown.version, key.shown.dialogs, key.state) == (0, (), "active;expires=300")

    call = ring(alice, bob)
    (dialog,) = key.lights().dialogs
    # RFC 4235 §4.1.2: local is the watched phone, remote the caller.
    assert (dialog.call_id, dialog.local_tag, dialog.remote_tag) == (
        call.outgoing.call_id,
        call.inbound.tag,
        call.outgoing.tag,
    )
    assert (dialog.direction, dialog.remote, dialog.remote_name) == ("recipient", alice.aor, "Dave")
    assert dialog.target == bob.aor

    pickup = key.picks_up(dialog)
    alice.rung(replaces=True).answers(200)
    pickup.dialog(pickup.expects(200))
    call.ends()
    key.goes_dark()
    until(lambda: tenant.outcomes() == [("picked_up", 200)], what="the pickup record")


def test_given_who_may_only_see_when_a_phone_rings_then_the_call_has_no_name_and_his_replaces_is_refused(
    tenant: Tenant,
) -> None:
    bob, alice, erin = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("105")
    key = watching(erin, "101")
    call = ring(alice, bob)
    (dialog,) = key.lights().dialogs
    assert (dialog.call_id, dialog.local_tag, dialog.remote_tag, dialog.target) == ("", "", "", "")
    text = "".join(notify.body for notify in key.notifies)
    assert not [name for name in (call.outgoing.call_id, call.outgoing.tag, call.inbound.tag) if name in text]

    value = f"{call.outgoing.call_id};to-tag={call.outgoing.tag};from-tag={call.inbound.tag}"
    assert erin.dials("101", headers=[("Replaces", value)]).ends_with().status == 403
    alice.hears()
    assert not [m.start for m in alice.inbox if m.method == "INVITE" and not m.status]
    call.ends()
    key.goes_dark()


@pytest.mark.parametrize(("watcher", "number"), [("102", "101x"), ("104", "102"), ("101", "700"), ("103", "104")])
def test_given_no_permission_when_watching_then_403_or_404_and_no_notify(
    watcher: str, number: str, tenant: Tenant
) -> None:
    phone = tenant.phone(watcher)
    answer = LampKey(phone, number).subscribes()
    assert answer.status == (404 if number.endswith("x") else 403)
    # Whoever may watch is told, after him.
    watching(tenant.phone("103"), "101")
    phone.hears()
    assert not [m.start for m in phone.came if m.method == "NOTIFY"]


def test_given_hidden_accounts_when_watching_then_nobody_learns_which_there_are(tenant: Tenant) -> None:
    tenant.change(lambda document: document.setdefault("settings", {}).update(hide_accounts=True))
    dave = tenant.phone("104")
    there, missing = LampKey(dave, "102").subscribes(), LampKey(dave, "109").subscribes()
    assert (there.start, there["Warning"]) == (missing.start, missing["Warning"])
    assert there.status == 403


def test_given_another_tenant_s_extension_when_watching_then_it_is_refused(tenant: Tenant, tenants: Any) -> None:
    stranger = tenants.take(tenant.node).phone("103")
    answer = stranger.asks("SUBSCRIBE", f"sip:101@{tenant.domain}", headers=[("Event", "dialog")])
    assert answer.status == 403


def test_given_no_or_wrong_credentials_when_watching_then_they_are_asked_for(tenant: Tenant) -> None:
    carol = tenant.phone("103")
    via = carol.via()
    carol.sends(carol.requests("SUBSCRIBE", f"sip:101@{tenant.domain}", via=via, headers=[("Event", "dialog")]))
    assert carol.answer_to(via).status == 407
    carol.password = "wrong"
    assert LampKey(carol, "101").subscribes().status == 407


@pytest.mark.parametrize(
    ("event", "expires", "headers", "status", "says"),
    [
        ("presence", 300, (), 489, ("Allow-Events", "dialog")),
        ("dialog.winfo", 300, (), 489, ("Allow-Events", "dialog")),
        ("dialog", 59, (), 423, ("Min-Expires", "60")),
        ("dialog", 300, (("Accept", "application/pidf+xml"),), 406, ("Accept", "application/dialog-info+xml")),
        ("Dialog", 100_000, (), 200, ("Expires", "3600")),
        ("dialog", None, (), 200, ("Expires", "3600")),
    ],
)
def test_given_what_a_notifier_judges_when_subscribed_then_it_answers_as_rfc_6665_says(
    event: str,
    expires: int | None,
    headers: tuple[tuple[str, str], ...],
    status: int,
    says: tuple[str, str],
    tenant: Tenant,
) -> None:
    answer = LampKey(tenant.phone("103"), "101").subscribes(expires, event=event, headers=headers)
    assert answer.status == status
    assert answer[says[0]] == says[1]


def test_given_a_subscription_when_renewed_and_given_up_then_each_time_the_full_state_comes(tenant: Tenant) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    key = watching(carol, "101")
    call = ring(alice, bob)
    key.lights()
    assert key.subscribes(600)["Expires"] == "600"
    assert (key.hears().states, key.state) == (["early"], "active;expires=600")
    assert key.subscribes(0).status == 200
    assert (key.hears().states, key.state) == (["early"], "terminated;reason=timeout")
    call.ends()
    assert key.subscribes(300).status == 481, "that subscription is over"
    other = watching(tenant.phone("103"), "101")
    carol.hears()
    assert not [m.start for m in carol.inbox if m.method == "NOTIFY"]
    assert other.shown.dialogs == ()


def test_given_a_fetch_when_subscribed_with_no_duration_then_one_notify_comes(tenant: Tenant) -> None:
    key = LampKey(tenant.phone("103"), "101")
    assert key.subscribes(0, event="dialog;id=7").status == 200
    key.hears()
    assert (key.state, key.notifies[0]["Event"]) == ("terminated;reason=timeout", "dialog;id=7")


def test_given_somebody_else_when_he_renews_a_subscription_then_481(tenant: Tenant) -> None:
    key = watching(tenant.phone("103"), "101")
    key.phone = tenant.phone("102")
    assert key.subscribes(600).status == 481


def test_given_a_caller_who_gives_up_when_it_is_over_then_the_lamp_is_dark_within_a_second(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    key = watching(tenant.phone("103"), "101")
    call = ring(alice, bob)
    key.lights()
    before = time.monotonic()
    call.ends()
    key.goes_dark()
    assert time.monotonic() - before < AT_ONCE_S


def test_given_an_answer_and_a_hold_when_they_talk_then_both_ends_are_busy_until_the_bye(tenant: Tenant) -> None:
    tenant.change(lambda document: account_of(document, "104").update(monitored_by=["103"]))
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    called, calling = watching(carol, "101"), watching(carol, "104")
    his, _ = talk(alice, bob)
    assert called.lights("confirmed").dialogs[-1].direction == "recipient"
    assert calling.lights("confirmed").dialogs[-1].direction == "initiator"
    assert called.shown.dialogs[-1].call_id == "", "an answered call is not there to be picked up"
    his.reinvites(bob, "sendonly", "recvonly")
    his.ends(bob)
    called.goes_dark()
    calling.goes_dark()


def test_given_a_hunt_group_when_it_rings_then_its_lamp_is_lit_and_its_members_are_not(tenant: Tenant) -> None:
    tenant.phone("102", register=True)
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    group, member = watching(carol, "700"), watching(carol, "101")
    call = ring(alice, bob, "700")
    (dialog,) = group.lights().dialogs
    assert dialog.target == f"sip:700@{tenant.domain}"
    call.outgoing.cancels()
    group.goes_dark()
    carol.hears()
    assert member.told == [member.shown], "it rings for the group alone"
    assert not [m for m in carol.inbox if m.method == "NOTIFY" and m["Call-ID"] == member.call_id]


def test_given_an_agent_group_when_a_caller_waits_and_rings_then_its_key_picks_him_up(tenant: Tenant) -> None:
    alice, carol = tenant.phone("104"), tenant.phone("103")
    key = watching(carol, "800")
    outgoing = alice.dials("800")
    outgoing.expects(182)
    (dialog,) = key.lights().dialogs
    pickup = key.picks_up(dialog)
    alice.rung(replaces=True).answers(200)
    pickup.dialog(pickup.expects(200))
    assert outgoing.cancels().status == 200
    key.goes_dark()


def test_given_an_account_that_changes_all_the_time_when_watched_then_no_watcher_is_flooded(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    key = watching(tenant.phone("103"), "101")
    began = time.monotonic()
    for _ in range(3):
        call = ring(alice, bob)
        key.lights()
        call.ends()
        key.goes_dark()
    # RFC 4235 §3.10: three at once, the first of which told what there was, and then one a second.
    assert len(key.told) >= 7
    assert time.monotonic() - began > (len(key.told) - 3 - 1) * 1.0
    for _ in range(5):
        ring(alice, bob).ends()
    told = len(key.told)
    call = ring(alice, bob)
    key.lights()
    assert len(key.told) <= told + 3, "what has passed is not told one by one"
    call.ends()
    key.goes_dark()


def test_given_a_permission_withdrawn_when_applied_then_the_subscription_ends_and_says_why(tenant: Tenant) -> None:
    bob, alice, carol, erin = (
        tenant.phone("101", register=True),
        tenant.phone("104"),
        tenant.phone("103"),
        tenant.phone("105"),
    )
    withdrawn, turned = watching(carol, "101"), watching(erin, "101")
    call = ring(alice, bob)
    withdrawn.lights()
    assert turned.lights().dialogs[0].call_id == ""
    tenant.change(
        lambda document: account_of(document, "101").update(monitored_by=["105"], monitored_without_pickup=["102"])
    )
    assert withdrawn.hears().dialogs == ()
    assert withdrawn.state == "terminated;reason=rejected"
    assert turned.waits_for(lambda shown: bool(shown.dialogs[0].call_id), "name of the call").states == ["early"]
    assert withdrawn.subscribes(300).status in (403, 481)
    call.ends()
    turned.goes_dark()
    carol.hears()
    assert not [m for m in carol.inbox if m.method == "NOTIFY"]


def test_given_a_phone_that_forgot_its_subscription_when_notified_then_it_is_told_no_more(tenant: Tenant) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    key = watching(carol, "101")
    call = ring(alice, bob)
    key.hears(answers=481)
    until(lambda: key.subscribes(300).status == 481, what="the subscription to be forgotten")
    carol.hears()
    call.ends()
    other = watching(tenant.phone("103"), "101")
    assert other.shown.dialogs == ()
    carol.hears()
    assert not [m for m in carol.inbox if m.method == "NOTIFY" and m["CSeq"] != key.notifies[-1]["CSeq"]][1:]


def test_given_a_phone_on_a_stream_when_it_watches_then_it_is_told_over_its_connection(tenant: Tenant) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    key = watching(tenant.phone("103", transport="tcp"), "101")
    call = ring(alice, bob)
    key.lights()
    call.ends()
    key.goes_dark()


def test_given_a_phone_whose_connection_has_ended_when_something_rings_then_its_subscription_is_over(
    tenant: Tenant,
) -> None:
    """Only the phone can open it anew (RFC 5626 §5.3)."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    away = tenant.phone("103", transport="tcp")
    gone = watching(away, "101")
    away.close()
    stays = watching(tenant.phone("103"), "101")
    call = ring(alice, bob)
    stays.lights()
    book = Book(str(tenant.node.folder / tenant.node.name / "lamps.sqlite"))
    until(lambda: gone.call_id not in {one.call_id for one in book.everybody()}, what="the subscription to be over")
    assert stays.call_id in {one.call_id for one in book.everybody()}
    call.ends()
    stays.goes_dark()
