"""Replaces or reroute: which way a call goes, and after which refusals it goes on the other way."""

from __future__ import annotations

import itertools

import pytest

from kemi.accounts.model import PickupMode
from kemi.pickup import replaces
from kemi.pickup.attempt import Target
from kemi.pickup.claim import Claim
from kemi.pickup.devices import Verdict
from kemi.pickup.way import (
    ANOTHER_CALL,
    CANNOT_TAKE_MEDIA,
    DOES_NOT_REPLACE,
    Way,
    choose,
    goes_on_by_reroute,
)
from kemi.sip.dialog import DialogId
from tests.support.fake_store import ringing_call

NO_REPLACES, NO_REROUTE = "no Replaces", "no reroute"
AUTO, BY_REPLACES, BY_REROUTE = PickupMode.AUTO, PickupMode.REPLACES, PickupMode.REROUTE
UNKNOWN, GOOD, BAD = Verdict.UNKNOWN, Verdict.GOOD, Verdict.BAD
BOTH, ONLY_REPLACES, ONLY_REROUTE, NEITHER = (True, True), (True, False), (False, True), (False, False)

TABLE: dict[tuple[PickupMode, Verdict, tuple[bool, bool]], Way | str] = {
    # The device carries it out, or nobody knows better: Replaces where it can be, else reroute.
    (AUTO, UNKNOWN, BOTH): Way.REPLACES,
    (AUTO, UNKNOWN, ONLY_REPLACES): Way.REPLACES,
    (AUTO, UNKNOWN, ONLY_REROUTE): Way.REROUTE,
    (AUTO, UNKNOWN, NEITHER): NO_REPLACES,
    (AUTO, GOOD, BOTH): Way.REPLACES,
    (AUTO, GOOD, ONLY_REPLACES): Way.REPLACES,
    (AUTO, GOOD, ONLY_REROUTE): Way.REROUTE,
    (AUTO, GOOD, NEITHER): NO_REPLACES,
    # It is known not to: reroute where that can be; a try is better than nothing else.
    (AUTO, BAD, BOTH): Way.REROUTE,
    (AUTO, BAD, ONLY_REPLACES): Way.REPLACES,
    (AUTO, BAD, ONLY_REROUTE): Way.REROUTE,
    (AUTO, BAD, NEITHER): NO_REPLACES,
    # The tenant wants one way: the other is never gone, whatever the device does.
    **{
        (BY_REPLACES, verdict, ways): Way.REPLACES if ways[0] else NO_REPLACES
        for verdict in Verdict
        for ways in (BOTH, ONLY_REPLACES, ONLY_REROUTE, NEITHER)
    },
    **{
        (BY_REROUTE, verdict, ways): Way.REROUTE if ways[1] else NO_REROUTE
        for verdict in Verdict
        for ways in (BOTH, ONLY_REPLACES, ONLY_REROUTE, NEITHER)
    },
}


@pytest.mark.parametrize(("mode", "verdict", "ways"), TABLE)
def test_given_mode_device_and_open_ways_when_chosen_then_it_is_the_table_s_way_or_the_obstacle_named(
    mode: PickupMode, verdict: Verdict, ways: tuple[bool, bool]
) -> None:
    replaces_open, reroute_open = ways
    found = choose(
        mode,
        verdict,
        against_replaces="" if replaces_open else NO_REPLACES,
        against_reroute="" if reroute_open else NO_REROUTE,
    )
    wanted = TABLE[mode, verdict, ways]
    assert found == ((wanted, "") if isinstance(wanted, Way) else (None, wanted))


def test_given_the_table_when_counted_then_no_combination_is_left_out() -> None:
    everything = itertools.product(PickupMode, Verdict, (BOTH, ONLY_REPLACES, ONLY_REROUTE, NEITHER))
    assert set(TABLE) == set(everything)


@pytest.mark.parametrize(
    ("status", "goes_on"),
    [
        *((status, True) for status in (300, 302, 400, 403, 404, 405, 408, 420, 480, 500, 501, 503, 504, 580)),
        *((status, False) for status in (481, 486, 600, 603, 415, 488, 606)),
    ],
)
def test_given_a_refusal_of_a_replaces_when_judged_then_it_goes_on_unless_the_call_is_gone_or_its_media_do_not_fit(
    status: int, goes_on: bool
) -> None:
    assert goes_on_by_reroute(status) is goes_on


def test_given_the_kinds_of_refusals_when_compared_then_none_is_of_two_kinds() -> None:
    kinds = (ANOTHER_CALL, CANNOT_TAKE_MEDIA, DOES_NOT_REPLACE)
    assert all(set(one).isdisjoint(other) for one, other in itertools.combinations(kinds, 2))


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        ({}, ""),
        ({"replaces": False}, "does not support Replaces"),
        ({"tags": ()}, "begun to ring"),
        ({"dialog": DialogId("a", "")}, "no From tag"),
        ({"contact": ""}, "no Contact"),
    ],
)
def test_given_a_call_when_what_stands_against_replaces_is_asked_then_it_is_named(
    lacking: dict[str, object], text: str
) -> None:
    call = ringing_call("a", **lacking)  # type: ignore[arg-type]
    obstacle = replaces.obstacle(Target.of(Claim("t", call), "Reception"))
    assert text in obstacle
    assert bool(text) == bool(obstacle)
