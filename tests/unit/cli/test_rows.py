from dataclasses import replace

import pytest

from kemi.accounts.model import Kind
from kemi.accounts.permission import Permission
from kemi.cli import calls, events
from kemi.cli.output import printable, seconds
from kemi.dialogs.line import positions
from kemi.dialogs.record import Caller, CallRecord
from kemi.pickup.event import PickupEvent
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow

CALLER = Caller(
    dialog=DialogId("one@here", "a"),
    number="",
    display="Alice",
    uri="sip:+15550199@carrier.example.com",
    contact="sip:alice@127.0.0.1:5070",
    flow=Flow("udp", "127.0.0.1", 5070, "udp:127.0.0.1:5060"),
    routes=(),
    replaces=True,
)
CALL = CallRecord(
    domain="pbx.example.com",
    key="k",
    kind=Kind.HUNT_GROUP,
    number="700",
    permission_id="p",
    routed_at_us=1_000_000,
    caller=CALLER,
    early_tags=("b",),
    ringing=("101", "102"),
)
MAY = Permission(frozenset({"103", "10*"}), frozenset({"105"}))


def test_given_a_ringing_call_when_shown_then_its_row_says_who_calls_whom_and_who_may_pick_up() -> None:
    assert calls.row_of(CALL, 12_340, MAY, None) == (
        "12.3 s",
        "700@pbx.example.com (hunt group)",
        "Alice <sip:+15550199@carrier.example.com>",
        "101, 102",
        "10*, 103, not 105",
        "rings",
    )


def test_given_a_claimed_call_when_shown_then_its_picker_is_named() -> None:
    assert calls.row_of(replace(CALL, claimed_by="103"), 1, MAY, None)[-1] == "claimed by 103"


def test_given_a_call_without_a_tagged_ringing_when_shown_then_it_is_still_being_routed() -> None:
    assert calls.row_of(replace(CALL, early_tags=()), 1, MAY, None)[-1] == "is routed"


def waiting(number: str, key: str, at_us: int) -> CallRecord:
    return replace(CALL, kind=Kind.AGENT_GROUP, number=number, key=key, routed_at_us=at_us, ringing=(), waiting=True)


def test_given_callers_of_two_queues_when_counted_then_the_oldest_of_each_is_the_first() -> None:
    found = positions(
        [waiting("800", "b", 2), CALL, waiting("801", "c", 3), waiting("800", "d", 4), waiting("800", "a", 1)]
    )
    assert found == {"a": 1, "b": 2, "d": 3, "c": 1}


def test_given_a_claimed_caller_when_counted_then_those_behind_move_up() -> None:
    claimed = replace(waiting("800", "a", 1), claimed_by="103")
    assert positions([claimed, waiting("800", "b", 2)]) == {"b": 1}


def test_given_a_caller_who_waits_when_shown_then_his_position_is_told() -> None:
    call = waiting("800", "a", 1)
    row = calls.row_of(call, 12_340, MAY, 2)
    assert (row[0], row[1], row[3], row[5]) == (
        "12.3 s",
        "800@pbx.example.com (agent group)",
        "",
        "waiting, position 2",
    )
    entry = calls.json_of(call, 12_340, MAY, 2)
    assert (entry["state"], entry["position"], entry["ringing"]) == ("waiting", 2, [])
    assert calls.row_of(replace(call, claimed_by="103"), 1, MAY, None)[5] == "claimed by 103"


def test_given_lists_that_admit_nobody_when_shown_then_that_is_said() -> None:
    assert calls.may_pick_up(Permission()) == "nobody"
    assert calls.may_pick_up(Permission(frozenset({"101"}), frozenset({"*"}))) == "nobody"


def test_given_a_call_when_printed_for_a_program_then_the_wait_is_in_ms_and_both_lists_are_there() -> None:
    entry = calls.json_of(CALL, 12_340, MAY, None)
    assert entry["waited_ms"] == 12_340
    assert entry["account"] == "700"
    assert (entry["state"], entry["position"]) == ("ringing", None)
    assert entry["monitored_by"] == ["10*", "103"]
    assert entry["monitored_without_pickup"] == ["105"]


def test_given_a_pickup_when_shown_then_its_row_says_who_what_and_how() -> None:
    entry = PickupEvent(
        domain="pbx.example.com",
        picker="103",
        dialled="",
        outcome="picked_up",
        status=200,
        mode="replaces",
        account="700",
        kind="hunt_group",
        caller="sip:alice@example.com",
        waited_ms=3_200,
        took_ms=14,
    )
    assert events.row_of(entry)[1:] == (
        "103@pbx.example.com",
        "any",
        "picked up",
        "200",
        "700 (hunt group)",
        "sip:alice@example.com",
        "3.2 s",
        "14 ms",
        "replaces",
    )


PICKED_UP = PickupEvent("d", "103", "", "picked_up", 200, account="700", kind="hunt_group", rang=("101", "102"))


@pytest.mark.parametrize(
    ("entry", "number", "shown"),
    [
        (PICKED_UP, "101", "answered by 103"),
        (PICKED_UP, "102", "answered by 103"),
        (PICKED_UP, "103", "picked up"),
        (PICKED_UP, "", "picked up"),
        # It rang the picker too: still his own pickup.
        (replace(PICKED_UP, rang=("101", "103")), "103", "picked up"),
        (replace(PICKED_UP, outcome="nothing_eligible", status=480), "103", "nothing eligible"),
    ],
)
def test_given_an_entry_when_told_in_an_extension_s_eyes_then_what_rang_it_was_answered_by_the_picker(
    entry: PickupEvent, number: str, shown: str
) -> None:
    assert events.row_of(entry, number)[3] == shown


@pytest.mark.parametrize(
    ("entry", "number", "concerned"),
    [
        (PICKED_UP, "101", True),
        (PICKED_UP, "103", True),
        (PICKED_UP, "700", False),
        (PICKED_UP, "10", False),
        (PICKED_UP, "104", False),
        # What was only tried is nothing to the phone that rang on.
        (replace(PICKED_UP, outcome="cancelled", status=487), "101", False),
        (replace(PICKED_UP, outcome="cancelled", status=487), "103", True),
        (PickupEvent("d", "104", "", "logged_out", 0, account="800", kind="agent"), "104", True),
        (PickupEvent("d", "104", "", "logged_out", 0, account="800", kind="agent"), "", False),
    ],
)
def test_given_an_entry_when_asked_for_an_extension_then_it_counts_if_he_did_it_or_another_answered_his_call(
    entry: PickupEvent, number: str, concerned: bool
) -> None:
    assert entry.concerns(number) is concerned


def test_given_an_entry_when_printed_for_a_program_then_it_names_who_rang_and_who_got_the_call() -> None:
    shown = PICKED_UP.as_json()
    assert (shown["rang"], shown["answered_by"]) == (["101", "102"], "103")
    refused = PickupEvent("d", "103", "101", "nothing_eligible", 480).as_json()
    assert (refused["rang"], refused["answered_by"]) == ([], "")


def test_given_a_refusal_when_shown_then_what_was_not_found_is_a_dash() -> None:
    entry = PickupEvent("pbx.example.com", "103", "101", "nothing_eligible", 480)
    assert events.row_of(entry)[2:] == ("101", "nothing eligible", "480", "-", "-", "-", "0 ms", "-")


@pytest.mark.parametrize(
    ("outcome", "group", "shown", "account"),
    [
        ("logged_in", "", "agent logged in", "-"),
        ("logged_out", "", "agent logged out", "-"),
        ("logged_out_after_misses", "800", "agent logged out after misses", "800 (agent group)"),
    ],
)
def test_given_an_entry_about_an_agent_when_shown_then_what_only_a_pickup_has_is_a_dash(
    outcome: str, group: str, shown: str, account: str
) -> None:
    entry = PickupEvent("pbx.example.com", "104", "", outcome, 0, account=group, kind="agent")
    row = events.row_of(entry)
    assert row[1:] == ("104@pbx.example.com", "-", shown, "-", account, "-", "-", "-", "-")
    assert len(row) == len(events.COLUMNS)


def test_given_a_display_name_with_escape_sequences_when_shown_then_they_do_nothing() -> None:
    assert printable("Al\x1b[31mice\r\x9b2J") == "Al�[31mice��2J"


def test_given_a_wait_when_shown_then_seconds_begin_at_one() -> None:
    assert (seconds(999), seconds(1000)) == ("999 ms", "1.0 s")
