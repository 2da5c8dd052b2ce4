"""The pickup record as the extensions see it: who picked up, and whose call was answered by another."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant
from tests.support.until import until

ENVIRONMENT = {"STAR87_DENIED_PICKUPS_PER_MIN": "0"}
"""Some dial again and again here."""


def seen(tenant: Tenant, number: str) -> list[tuple[str, str, str, list[str]]]:
    """Picker, outcome, who got the call and who rang, of each entry that the command shows for an extension."""
    shown = tenant.node.star87("events", "--domain", tenant.domain, "--for", number)
    return [(e["picker"], e["outcome"], e["answered_by"], e["rang"]) for e in shown]


def test_given_a_call_that_another_picked_up_when_asked_for_the_extension_that_rang_then_it_was_answered_by_him(
    tenant: Tenant,
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    # 105 may not, and what he tried is nothing to 101.
    assert tenant.phone("105").dials("*87101").ends_with().status == 403
    take_over(ring(alice, bob), carol, "*87101").ends(alice)
    assert bob.dials("*87199").ends_with().status == 404
    until(lambda: len(tenant.outcomes()) == 3, what="the pickup record")

    picked_up = ("103", "picked_up", "103", ["101"])
    assert seen(tenant, "101") == [picked_up, ("101", "no_such_account", "", [])]
    assert seen(tenant, "103") == [picked_up]
    assert seen(tenant, "105") == [("105", "not_permitted", "", [])]
    assert seen(tenant, "104") == []

    told = tenant.node.says("events", "--domain", tenant.domain, "--for", "101").splitlines()
    assert len(told) == 3, told
    assert f"103@{tenant.domain}" in told[1]
    assert "answered by 103" in told[1]
    assert "no such account" in told[2]
    own = tenant.node.says("events", "--domain", tenant.domain, "--for", "103")
    assert "picked up" in own
    assert "answered by" not in own
    assert tenant.node.says("events", "--domain", tenant.domain, "--for", "104") == "nothing is kept of 104\n"


def test_given_a_group_s_call_when_picked_up_by_one_that_it_rang_not_then_it_is_told_to_each_that_rang(
    tenant: Tenant,
) -> None:
    bob, frank = tenant.phone("101", register=True), tenant.phone("102", register=True)
    alice, carol = tenant.phone("104"), tenant.phone("103")
    outgoing = alice.dials("700")
    for phone in (bob, frank):
        phone.rung().answers(180)
        outgoing.expects(180)
    pickup = carol.dials("*87700")
    alice.rung(replaces=True).answers(200)
    pickup.dialog(pickup.expects(200))
    outgoing.cancels()
    until(lambda: tenant.outcomes() == [("picked_up", 200)], what="the pickup record")

    picked_up = ("103", "picked_up", "103", ["101", "102"])
    assert (seen(tenant, "101"), seen(tenant, "102"), seen(tenant, "700")) == ([picked_up], [picked_up], [])


def test_given_old_entries_when_few_are_asked_for_then_those_of_the_extension_are_found_behind_others_newer(
    tenant: Tenant,
) -> None:
    bob, erin = tenant.phone("101"), tenant.phone("105")
    for phone in (bob, bob, erin, erin, erin):
        assert phone.dials("*87199").ends_with().status == 404
    until(lambda: len(tenant.outcomes()) == 5, what="the pickup record")

    shown = tenant.node.star87("events", "--domain", tenant.domain, "--for", "101", "--count", "1")

    assert [entry["picker"] for entry in shown] == ["101"]
    assert shown[0]["id"] == tenant.node.events(tenant.domain)[1].id, "the newer of the two"


@pytest.mark.parametrize("count", ["100", "0"])
def test_given_the_record_is_followed_for_an_extension_when_others_dial_then_only_its_calls_come_a_line_each(
    count: str, tenant: Tenant, evidence: Path
) -> None:
    out = evidence / "followed"
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    following = tenant.node.follows(
        out, *("events", "--follow", "--json", "--for", "101", "--domain", tenant.domain, "--count", count)
    )

    def is_seen() -> bool:
        bob.dials("*87199").ends_with()
        # So seldom that all of it is written down (60 refusals a minute).
        with contextlib.suppress(AssertionError):
            until(lambda: out.read_text(), within_s=0.3)
        return bool(out.read_text())

    try:
        # Until it follows, 101 dials what it will see; from then on every line counts.
        until(is_seen, within_s=15, what="the command to follow")
        assert tenant.phone("105").dials("*87101").ends_with().status == 403
        take_over(ring(alice, bob), carol, "*87101").ends(alice)
        until(lambda: '"answered_by": "103"' in out.read_text(), what="the pickup, followed")
    finally:
        following.terminate()
        following.wait(10)
    entries = [json.loads(line) for line in out.read_text().splitlines()]
    assert {(e["picker"], e["outcome"], e["answered_by"]) for e in entries} == {
        ("101", "no_such_account", ""),
        ("103", "picked_up", "103"),
    }
    assert [e["picker"] for e in entries].count("103") == 1
    assert len({e["id"] for e in entries}) == len(entries), "no entry comes twice"
