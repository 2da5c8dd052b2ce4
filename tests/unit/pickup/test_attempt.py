"""What a picker's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Kind
from kemi.dialogs.record import CallRecord
from kemi.pickup.attempt import Attempt, Target
from kemi.pickup.claim import Claim
from kemi.pickup.devices import Verdict, name_of
from kemi.pickup.way import Way
from kemi.settings import Settings
from kemi.sip.aor import Aor
from tests.support.directories import directory_of, extension
from tests.support.fake_sip import DOMAIN, invite
from tests.support.fake_store import ringing_call

TEXTS = st.text(max_size=12) | st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
LISTS = st.lists(TEXTS, max_size=3).map(tuple)
TARGETS = st.builds(
    Target,
    key=TEXTS,
    token=TEXTS,
    kind=st.sampled_from(Kind),
    number=TEXTS,
    shown_for=TEXTS,
    caller_number=TEXTS,
    display=TEXTS,
    uri=TEXTS,
    contact=TEXTS,
    flow=TEXTS,
    routes=LISTS,
    call_id=TEXTS,
    caller_tag=TEXTS,
    callee_tags=LISTS,
    waited_ms=st.integers(0, 2**40),
    node=TEXTS,
    transaction=TEXTS,
    waiting=st.booleans(),
    says_replaces=st.booleans(),
    caller_device=TEXTS,
    verdict=st.sampled_from(Verdict),
    rang=LISTS,
)
ATTEMPTS = st.builds(
    Attempt,
    domain=TEXTS,
    picker=TEXTS,
    picker_name=TEXTS,
    dialled=TEXTS,
    flow=TEXTS,
    contact=TEXTS,
    answers_by_itself=st.booleans(),
    on_hold=st.booleans(),
    started_ms=st.integers(0, 2**53),
    tried=LISTS,
    sent=st.integers(0, 100),
    obstacle=TEXTS,
    raced=st.booleans(),
    target=st.none() | TARGETS,
    way=st.sampled_from(["", *Way]),
    rings_back=st.booleans(),
    done=st.booleans(),
)


def target_of(call: CallRecord, learnt: Verdict = Verdict.UNKNOWN) -> Target:
    return Target.of(Claim("t", call, learnt), "Reception")


@given(ATTEMPTS)
def test_given_any_attempt_when_packed_and_unpacked_then_it_is_the_same(attempt: Attempt) -> None:
    assert Attempt.unpack(attempt.pack()) == attempt
    assert attempt.pack().isascii()


def test_given_early_dialogs_when_a_target_is_made_then_the_last_relayed_is_offered_first() -> None:
    target = target_of(ringing_call(tags=("first", "second", "last")))
    assert target.callee_tags == ("last", "second", "first")


def test_given_a_call_when_a_target_is_made_then_it_tells_how_long_it_waited() -> None:
    routed_at_us = time.time_ns() // 1000 - 5_000_000
    target = target_of(replace(ringing_call(), routed_at_us=routed_at_us))
    assert 5_000 <= target.waited_ms < 60_000


def test_given_a_call_when_a_target_is_made_then_it_names_who_rang_and_the_caller_s_device() -> None:
    call = ringing_call(user_agent="Desk/1")
    target = target_of(call)
    assert target.rang == ("101",)
    assert target.caller_device == name_of(call.caller.contact, "Desk/1")


def test_given_a_caller_without_a_name_when_shown_then_his_number_stands_for_it() -> None:
    by_number = target_of(ringing_call(display=""))
    assert by_number.display == "104"


def test_given_a_caller_who_hides_when_shown_then_not_even_his_number_is_told() -> None:
    hidden = ringing_call(display="", uri="sip:anonymous@anonymous.invalid")
    assert "104" not in target_of(hidden).display


def test_given_a_call_that_was_lost_when_the_attempt_goes_on_then_neither_the_race_nor_the_call_is_forgotten() -> None:
    target = target_of(ringing_call())
    attempt = Attempt("d", "103", "Carol", "101", "udp:x", "sip:103@x", (), False, False, 0).after(target)
    assert attempt.tried == (target.key,)

    last = target._replace(key="another")
    lost = attempt.lost("it said 486", raced=True).after(last).lost("it said 603")

    assert (lost.target, lost.raced, lost.obstacle) == (last, True, "it said 603")
    assert lost.tried == (target.key, "another")


@pytest.mark.parametrize(
    ("learnt", "user_agent", "verdict"),
    [
        (Verdict.UNKNOWN, "", Verdict.UNKNOWN),
        (Verdict.UNKNOWN, "Linphone/5.1", Verdict.BAD),
        (Verdict.GOOD, "Linphone/5.1", Verdict.GOOD),
        (Verdict.BAD, "", Verdict.BAD),
    ],
)
def test_given_what_is_remembered_of_the_caller_s_device_when_a_target_is_made_then_it_goes_before_its_make(
    learnt: Verdict, user_agent: str, verdict: Verdict
) -> None:
    assert target_of(ringing_call(user_agent=user_agent), learnt).verdict is verdict


def test_given_a_call_when_a_target_is_made_then_it_names_the_transaction_by_which_it_can_be_sent() -> None:
    target = target_of(ringing_call(transaction="7:42", waiting=True, replaces=False))
    assert (target.node, target.transaction, target.waiting) == (Settings().node, "7:42", True)
    assert not target.says_replaces


@pytest.mark.parametrize(
    ("supported", "answers"), [("answermode", True), ("replaces, AnswerMode", True), ("replaces", False), ("", False)]
)
def test_given_the_picker_s_invite_when_an_attempt_begins_then_it_keeps_where_his_device_is_and_what_it_can(
    supported: str, answers: bool, tmp_path: Path
) -> None:
    message = invite("*87101", headers=[("Supported", supported)], contact_uri="sip:103@192.0.2.3:5073")
    attempt = Attempt.of(message, directory_of(tmp_path, extension("103", "Carol")), Aor("103", DOMAIN), "101")
    assert (attempt.contact, attempt.device) == ("sip:103@192.0.2.3:5073", message.flow.device)
    assert (attempt.picker_name, attempt.dialled) == ("Carol", "101")
    assert attempt.answers_by_itself is answers
    assert (attempt.way, attempt.rings_back, attempt.sent) == ("", False, 0)


def test_given_an_attempt_that_was_sent_nowhere_when_written_down_then_it_names_no_way() -> None:
    attempt = Attempt("d", "103", "Carol", "101", "udp:x", "sip:103@x", (), False, False, 0, way=Way.REROUTE)
    assert attempt.event("nothing_eligible", 480).mode == ""
    assert attempt._replace(sent=1).event("picked_up", 480).mode == "reroute"
