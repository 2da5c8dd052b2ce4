"""Documents obey the schema of RFC 4235 §4.4, whatever a caller calls himself, and say no more than they may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Kind
from kemi.dialogs.record import Caller, CallRecord
from kemi.lamps.document import SHOWN, document_of
from kemi.lamps.lamp import Lamp, Talk
from kemi.sip.dialog import DialogId, Tags
from kemi.sip.flow import Flow
from tests.support.directories import extension
from tests.support.lamp_keys import Shown

DOMAIN = "pbx.example.com"
ACCOUNT = extension("101", "Reception")
CALLER = Caller(
    DialogId("call@host", "a"),
    "104",
    "Dave",
    "sip:104@pbx.example.com",
    "sip:104@192.0.2.4:5070",
    Flow("udp", "192.0.2.4", 5070, "udp:192.0.2.9:5060"),
    (),
    True,
)
CALL = CallRecord(DOMAIN, "key", Kind.EXTENSION, "101", "permit", 1, CALLER, ("b1", "b2"), ("101",))


def shown(*calls: CallRecord, talks: tuple[Talk, ...] = (), may_pick_up: bool = True, version: int = 0) -> Shown:
    return Shown.parse(document_of(ACCOUNT, DOMAIN, Lamp(calls, talks), may_pick_up=may_pick_up).text(version))


def test_given_nothing_when_shown_then_the_document_is_full_and_empty() -> None:
    assert shown(version=7) == Shown(7, "sip:101@pbx.example.com", ())


def test_given_a_call_when_shown_to_a_picker_then_it_has_the_last_relayed_tag_as_the_watched_phone_sees_it() -> None:
    (dialog,) = shown(CALL).dialogs
    assert (dialog.call_id, dialog.local_tag, dialog.remote_tag) == ("call@host", "b2", "a")
    assert (dialog.state, dialog.direction, dialog.remote, dialog.remote_name, dialog.target) == (
        *("early", "recipient", "sip:104@pbx.example.com", "Dave"),
        "sip:101@pbx.example.com",
    )
    assert Tags.of_callee("a", "b2") == ("b2", "a")


def test_given_a_call_when_shown_to_who_may_only_see_then_nothing_names_it_or_the_caller_s_device() -> None:
    text = document_of(ACCOUNT, DOMAIN, Lamp((CALL,)), may_pick_up=False).text(0)
    (dialog,) = Shown.parse(text).dialogs
    assert (dialog.state, dialog.call_id, dialog.local_tag, dialog.remote_tag, dialog.target) == ("early", *[""] * 4)
    assert "call@host" not in text
    assert "192.0.2.4" not in text
    assert "192.0.2.4" not in document_of(ACCOUNT, DOMAIN, Lamp((CALL,)), may_pick_up=True).text(0)


def test_given_a_call_that_no_phone_has_said_to_ring_when_shown_then_it_is_trying_and_cannot_be_replaced() -> None:
    (dialog,) = shown(replace(CALL, early_tags=())).dialogs
    assert (dialog.state, dialog.call_id) == ("trying", "")


def test_given_confirmed_dialogs_when_shown_then_they_have_a_direction_and_no_names() -> None:
    dialogs = shown(talks=(Talk("k1", is_caller=True), Talk("k2", is_caller=False))).dialogs
    assert [(d.state, d.direction, d.call_id) for d in dialogs] == [
        ("confirmed", "initiator", ""),
        ("confirmed", "recipient", ""),
    ]


def test_given_more_calls_than_fit_into_a_datagram_when_shown_then_the_first_are() -> None:
    calls = [replace(CALL, key=f"k{n}") for n in range(SHOWN + 5)]
    document = document_of(ACCOUNT, DOMAIN, Lamp(tuple(calls), (Talk("t", is_caller=True),)), may_pick_up=True)
    assert len(Shown.parse(document.text(0)).dialogs) == SHOWN
    assert len(document.text(0)) < 8_000


@pytest.mark.parametrize("may_pick_up", [True, False])
@given(text=st.text(), name=st.text())
def test_given_whatever_a_caller_says_when_shown_then_the_document_is_valid(
    may_pick_up: bool, text: str, name: str
) -> None:
    caller = CALLER._replace(dialog=DialogId(text, text), display=name, uri=f"sip:{text}@x")
    call = replace(CALL, key=text, caller=caller, early_tags=(text,))
    assert shown(call, may_pick_up=may_pick_up).states == ["early"]
