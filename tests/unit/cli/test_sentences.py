"""What `star87 explain` says to people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kemi.accounts.directory import Directory
from kemi.accounts.model import Kind
from kemi.cli.explain import judge
from kemi.cli.sentences import told
from kemi.dialogs.record import CallRecord
from kemi.sip.aor import Aor
from tests.unit.cli.test_explain import CAROL, DOMAIN, NOW_US, opened, ringing


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    yield from opened(tmp_path, "false")


def said(directory: Directory, number: str, *calls: CallRecord, picker: Aor = CAROL) -> list[str]:
    return list(told(judge(directory, picker, number, calls, NOW_US), directory))


def test_given_one_call_when_told_then_who_gets_whom_and_how(directory: Directory) -> None:
    assert said(directory, "101", ringing("101", at_s=50, caller="104")) == [
        "If Carol (103) dials *87101 now, Carol (103) is connected with Dave (104), "
        "whose call for Bob (101) has rung for 10.0 s.",
        "Dave (104)'s phone hands the call over to Carol (103)'s by itself.",
        "If Carol (103) is in another call at that moment, it must be put on hold first.",
    ]


def test_given_a_caller_whose_phone_does_not_replace_when_told_then_the_picker_s_phone_rings(
    directory: Directory,
) -> None:
    call = ringing("101", at_s=50)
    call = replace(call, caller=call.caller._replace(replaces=False), transaction="1:2")
    assert "Carol (103)'s phone shows `Call Is Being Sent To You` and rings once more: with +15550199's call." in said(
        directory, "101", call
    )


def test_given_several_calls_when_told_then_each_other_one_says_why_not(directory: Directory) -> None:
    lines = said(
        directory,
        "",
        ringing("700", at_s=20, kind=Kind.HUNT_GROUP, members=("101",)),
        ringing("700", at_s=30, kind=Kind.HUNT_GROUP, members=("101",)),
        ringing("101", at_s=10),
        ringing("102", at_s=10, caller="104"),
    )
    assert lines[0].startswith("If Carol (103) dials *87 now, Carol (103) is connected with +15550199, ")
    assert "whose call for Sales (700) has rung at Bob (101) for 40.0 s." in lines[0]
    assert lines[3:] == [
        "",
        "3 other calls are there:",
        "- +15550199, whose call for Sales (700) has rung at Bob (101) for 30.0 s: "
        "it comes later, because it came in later.",
        "- +15550199, whose call for Bob (101) has rung for 50.0 s: "
        "it comes later, because calls to a hunt group go first.",
        "- Dave (104), whose call for Erin (102) has rung for 50.0 s: "
        "not this one, because 102 does not let 103 pick up its calls (may see it only).",
    ]


def test_given_no_call_when_told_then_what_the_phone_shows(directory: Directory) -> None:
    assert said(directory, "101") == [
        "If Carol (103) dials *87101 now, no call is picked up. The phone shows `No Call To Pick Up`: "
        "no call that you may pick up is ringing.",
    ]


def test_given_no_permission_when_told_then_who_can_mend_it(directory: Directory) -> None:
    assert said(directory, "101", ringing("101", at_s=50), picker=Aor("104", DOMAIN)) == [
        "If Dave (104) dials *87101 now, no call is picked up. The phone shows `Pickup Not Permitted`: "
        "101 does not let 104 pick up its calls.",
        "Who looks after the telephones can allow it: `monitored_by` of Bob (101) must name 104.",
        "",
        "Another call is there:",
        "- +15550199, whose call for Bob (101) has rung for 10.0 s: "
        "not this one, because 101 does not let 104 pick up its calls.",
    ]
    assert said(directory, "999")[-1] == "Is the number right?"


def test_given_waiting_callers_when_told_then_a_ringing_one_goes_first(directory: Directory) -> None:
    rings = ringing("800", at_s=50, kind=Kind.AGENT_GROUP, members=("104",))
    waits = replace(ringing("800", at_s=10, kind=Kind.AGENT_GROUP), waiting=True, ringing=())
    lines = said(directory, "800", rings, waits)
    assert lines[-1] == (
        "- +15550199, who has waited for Support (800) for 50.0 s: "
        "it comes later, because a call that rings an agent goes before one that waits."
    )
