"""What an extension sees at the console, by permission alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kemi.accounts.model import DomainSettings, Kind, PickupMode
from kemi.pickup.console import ONLY_BY_PHONE, RINGS_YOU
from kemi.pickup.event import PickupEvent
from kemi.sip.aor import Aor
from kemi.web.sight import OWN_CALL, SEES_ONLY, Sight
from tests.support.directories import directory_of, extension, hunt_group
from tests.support.fake_sip import DOMAIN
from tests.support.fake_store import ringing_call

RINGS = replace(ringing_call("a"), ringing=("101",))


def sight(folder: Path, number: str = "103", **settings: object) -> Sight:
    accounts = (
        extension("101", "Reception", monitored_by=("10*",), seen_by=("105",)),
        extension("102", "Alice", monitored_by=("104",)),
        *(extension(one) for one in ("103", "104", "105", "201")),
        hunt_group("700", name="Sales", monitored_by=("103",)),
    )
    directory = directory_of(folder, *accounts, settings=DomainSettings(**settings))  # type: ignore[arg-type]
    return Sight(directory, Aor(number, DOMAIN))


@pytest.mark.parametrize(
    ("number", "seen"),
    [("103", ["101", "700"]), ("104", ["101", "102"]), ("105", ["101"]), ("201", []), ("999", [])],
)
def test_given_an_extension_when_it_looks_then_it_sees_the_accounts_calls_and_record_that_permission_names(
    number: str, seen: list[str], tmp_path: Path
) -> None:
    of = sight(tmp_path, number)
    calls = [ringing_call(one, number=one) for one in ("101", "102", "700", "800")]
    record = [PickupEvent(DOMAIN, "109", "", "picked_up", 200, account=one) for one in ("101", "102", "700", "")]
    assert [one["number"] for one in of.accounts()] == seen
    assert [one["account"]["number"] for one in of.calls(calls)] == seen
    assert [one["account"] for one in of.record(record)] == seen


@pytest.mark.parametrize(("number", "named"), [("103", True), ("105", False)])
def test_given_who_may_only_see_when_he_looks_then_he_hears_nothing_that_could_name_a_call(
    number: str, named: bool, tmp_path: Path
) -> None:
    of = sight(tmp_path, number)
    entry = PickupEvent(DOMAIN, "109", "", "picked_up", 200, account="101", call_id="secret")
    candidate = RINGS.as_json(0)
    assert candidate["call_id"]
    assert candidate["caller_tag"]
    [told] = of.explained({"candidates": [candidate], "status": 200})["candidates"]
    assert (told["call_id"], told["caller_tag"]) == (
        (candidate["call_id"], candidate["caller_tag"]) if named else ("", "")
    )
    assert told["caller"] == candidate["caller"]
    assert [one["call_id"] for one in of.record([entry])] == ["secret" if named else ""]
    assert [one for one in of.calls([RINGS]) if {"call_id", "caller_tag"} & {*one}] == []


def test_given_another_domain_s_call_when_looked_at_then_it_is_not_there(tmp_path: Path) -> None:
    assert sight(tmp_path).calls([replace(RINGS, domain="other.example.com")]) == []


def test_given_his_own_refusals_when_he_looks_at_the_record_then_they_are_there(tmp_path: Path) -> None:
    own = PickupEvent(DOMAIN, "201", "101", "not_permitted", 403)
    assert [one["outcome"] for one in sight(tmp_path, "201").record([own])] == ["not_permitted"]
    assert sight(tmp_path, "103").record([own]) == []


@pytest.mark.parametrize(
    ("call", "number", "settings", "obstacle"),
    [
        (RINGS, "103", {}, ""),
        (RINGS, "105", {}, SEES_ONLY),
        (RINGS, "104", {}, OWN_CALL),
        (RINGS, "103", {"pickup_mode": PickupMode.REPLACES}, ONLY_BY_PHONE),
        (replace(RINGS, claimed_by="102"), "103", {}, "102 is picking it up"),
        (replace(RINGS, claimed_by="103"), "103", {}, "answer your phone"),
        (replace(RINGS, ringing=("101", "103")), "103", {}, RINGS_YOU),
        (replace(RINGS, number="700", kind=Kind.HUNT_GROUP), "103", {}, ""),
    ],
)
def test_given_a_call_when_looked_at_then_it_is_said_whether_it_can_be_picked_up_and_why_not(
    call: object, number: str, settings: dict[str, object], obstacle: str, tmp_path: Path
) -> None:
    [shown] = sight(tmp_path, number, **settings).calls([call])  # type: ignore[list-item]
    assert (shown["obstacle"], shown["can_pick_up"]) == (obstacle, not obstacle)
    assert shown["may_pick_up"] == (obstacle != SEES_ONLY)
