"""What a picker's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Kind
from kemi.pickup.attempt import Attempt, Target
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
)
ATTEMPTS = st.builds(
    Attempt,
    domain=TEXTS,
    picker=TEXTS,
    picker_name=TEXTS,
    dialled=TEXTS,
    device=TEXTS,
    on_hold=st.booleans(),
    started_ms=st.integers(0, 2**53),
    tried=LISTS,
    sent=st.integers(0, 100),
    obstacle=TEXTS,
    raced=st.booleans(),
    target=st.none() | TARGETS,
    done=st.booleans(),
)


@given(ATTEMPTS)
def test_given_any_attempt_when_packed_and_unpacked_then_it_is_the_same(attempt: Attempt) -> None:
    assert Attempt.unpack(attempt.pack()) == attempt
    assert attempt.pack().isascii()


def test_given_early_dialogs_when_a_target_is_made_then_the_last_relayed_is_offered_first() -> None:
    target = Target.of(ringing_call(tags=("first", "second", "last")), "t", "Reception", 2001)
    assert target.callee_tags == ("last", "second", "first")
    assert target.waited_ms == 2


def test_given_a_caller_without_a_name_when_shown_then_his_number_stands_for_it() -> None:
    by_number = Target.of(ringing_call(display=""), "t", "Reception", 0)
    assert by_number.display == "104"


def test_given_a_caller_who_hides_when_shown_then_not_even_his_number_is_told() -> None:
    hidden = ringing_call(display="", uri="sip:anonymous@anonymous.invalid")
    assert "104" not in Target.of(hidden, "t", "Reception", 0).display


def test_given_a_call_that_was_lost_when_the_attempt_goes_on_then_neither_the_race_nor_the_call_is_forgotten() -> None:
    target = Target.of(ringing_call(), "t", "Reception", 0)
    attempt = Attempt("d", "103", "Carol", "101", "udp:x", False, 0).after(target)
    assert attempt.tried == (target.key,)

    last = replace(target, key="another")
    lost = attempt.lost("it said 486", raced=True).after(last).lost("it said 603")

    assert (lost.target, lost.raced, lost.obstacle) == (last, True, "it said 603")
    assert lost.tried == (target.key, "another")
