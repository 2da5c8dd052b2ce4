"""Where a call to an extension rings, for how long, and where it goes when nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import Account, Forward
from kemi.dialogs.tracking import Answer, Device, Parties
from kemi.errors import NotReachable, StoreUnavailable
from kemi.routing.calls import FORWARDS_MOST
from kemi.settings import Settings
from kemi.sip.ports import Callback
from tests.support.directories import directory_of, extension
from tests.support.fake_sip import CALLEE_FLOW, DOMAIN, FLOW
from tests.unit.routing.conftest import DIALOG, RING_MAX_MS, TALK, VOICEMAIL, Maker

# An extension


def test_given_an_extension_when_called_then_its_phone_rings_and_the_call_takes_its_place(
    placing: Maker,
) -> None:
    call = placing(extension("101", monitored_by=("103",)), registered=("101",))

    call.place("101")

    (relay,) = call.scene.transaction.sent
    assert relay.branches == (f"101@{DOMAIN}",)
    assert (relay.reply, relay.failure) == (Callback.CALL_REPLY, Callback.CALL_FAILURE)
    assert (relay.answer_ms, relay.silence_ms) == (RING_MAX_MS, Settings().phone_silence_ms)
    assert not relay.ignores_6xx
    (placed,) = call.tracking.placed
    assert (placed.number, placed.ringing, placed.caller.number, placed.caller.replaces) == (
        "101",
        ("101",),
        "104",
        True,
    )
    assert placed.caller.dialog == DIALOG
    assert placed.ttl_ms > RING_MAX_MS


def test_given_nobody_registered_when_called_then_480_and_no_place_is_taken(placing: Maker) -> None:
    call = placing(extension("101"))
    with pytest.raises(NotReachable):
        call.place("101")
    assert (call.rang, call.tracking.told) == ([], [])


def test_given_a_forward_and_nobody_registered_when_called_then_it_goes_there_at_once(placing: Maker) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)))
    call.place("101")
    assert call.rang == [(VOICEMAIL,)]


def test_given_a_relay_that_fails_when_called_then_the_stack_answers_and_no_place_is_kept(
    placing: Maker,
) -> None:
    call = placing(extension("101"), registered=("101",))
    call.scene.transaction.relays_fail = 1
    call.place("101")
    assert call.scene.transaction.answered_failures == 1
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


def test_given_no_answer_after_when_called_then_it_rings_that_long(placing: Maker) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)), registered=("101",))
    call.place("101")
    assert call.timers_ms == [20_000]


@pytest.mark.parametrize("status", [408, 480])
def test_given_no_answer_when_its_time_is_over_then_the_call_goes_on_and_has_no_place_any_more(
    status: int, placing: Maker
) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)), registered=("101",))
    call.place("101")
    call.fails(status, after_s=20)
    assert call.rang == [("101",), (VOICEMAIL,)]
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]
    call.replies(200)
    assert call.answers == [Answer(Device(FLOW.device, False), Device("", False), parties=Parties("104", "", "b1"))]


@pytest.mark.parametrize("status", [486, 600])
def test_given_a_busy_forward_when_busy_then_the_call_goes_there(status: int, placing: Maker) -> None:
    call = placing(extension("101", busy=Forward("sip:102@vm.example.com")), registered=("101",))
    call.place("101")
    call.fails(status)
    assert call.rang == [("101",), ("sip:102@vm.example.com",)]


@pytest.mark.parametrize("status", [403, 486, 500, 603])
def test_given_a_no_answer_forward_only_when_refused_then_the_call_ends_and_is_forgotten(
    status: int, placing: Maker
) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)), registered=("101",))
    call.place("101")
    call.fails(status)
    assert call.rang == [("101",)]
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


def test_given_a_caller_who_gives_up_when_it_fails_then_it_goes_nowhere(placing: Maker) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)), registered=("101",))
    call.place("101")
    call.fails(487, cancelled=True)
    assert call.rang == [("101",)]


def test_given_a_forward_to_another_account_when_not_answered_then_it_is_routed_directly_there(
    placing: Maker,
) -> None:
    onward = Forward(f"sip:102@{DOMAIN}", 20)
    call = placing(extension("101", no_answer=onward), extension("102"), registered=("101", "102"))
    call.place("101")
    call.fails(408, after_s=20)
    assert call.rang == [("101",), ("102",)]
    assert [placed.number for placed in call.tracking.placed] == ["101", "102"]


def test_given_forwards_in_a_circle_when_nobody_is_registered_then_they_end_with_480(placing: Maker) -> None:
    call = placing(
        extension("101", no_answer=Forward(f"sip:102@{DOMAIN}", 5)),
        extension("102", no_answer=Forward(f"sip:101@{DOMAIN}", 5)),
    )
    with pytest.raises(NotReachable):
        call.place("101")


def test_given_forwards_in_a_circle_when_nobody_answers_then_they_are_bounded(placing: Maker) -> None:
    call = placing(
        extension("101", no_answer=Forward(f"sip:102@{DOMAIN}", 5)),
        extension("102", no_answer=Forward(f"sip:101@{DOMAIN}", 5)),
        registered=("101", "102"),
    )
    call.place("101")
    for _ in range(FORWARDS_MOST + 3):
        call.fails(408, after_s=5)
    assert len(call.rang) == FORWARDS_MOST + 1
    assert call.tracking.told[-1] == ("forget", DOMAIN, DIALOG)


def test_given_an_account_that_was_removed_meanwhile_when_it_fails_then_the_call_is_forgotten(
    placing: Maker, tmp_path: Path
) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)), registered=("101",))
    call.place("101")
    (tmp_path / "newer").mkdir()
    call.directory = directory_of(tmp_path / "newer", extension("104"))
    call.fails(408, after_s=20)
    assert call.rang == [("101",)]
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


@pytest.mark.parametrize(
    ("account", "status"),
    [
        (extension("101", no_answer=Forward(VOICEMAIL, 20)), 408),
        (extension("101", busy=Forward(f"sip:102@{DOMAIN}")), 486),
    ],
)
def test_given_a_call_that_was_picked_up_meanwhile_when_it_would_be_forwarded_then_it_goes_nowhere(
    account: Account, status: int, placing: Maker
) -> None:
    """The caller talks to the picker; his INVITE ends with what the phone said, and no CANCEL will come."""
    call = placing(account, extension("102"), registered=("101", "102"))
    call.place("101")
    call.tracking.picked_up_meanwhile = True
    call.fails(status, after_s=20)
    assert call.rang == [("101",)]
    assert call.tracking.named("next_stage") == [(DOMAIN, DIALOG, (), ())]
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


def test_given_a_store_that_is_away_when_a_call_is_forwarded_then_it_goes_on(placing: Maker) -> None:
    call = placing(extension("101", no_answer=Forward(VOICEMAIL, 20)), registered=("101",))
    call.place("101")
    call.tracking.fails = StoreUnavailable("no answer")
    call.fails(408, after_s=20)
    assert call.rang == [("101",), (VOICEMAIL,)]


def test_given_a_forward_to_an_account_that_is_none_when_it_is_due_then_the_call_ends_and_is_forgotten(
    placing: Maker,
) -> None:
    call = placing(extension("101", no_answer=Forward(f"sip:199@{DOMAIN}", 20)), registered=("101",))
    call.place("101")
    call.fails(408, after_s=20)
    assert call.rang == [("101",)]
    assert call.tracking.named("forget") == [(DOMAIN, DIALOG)]


def test_given_a_call_when_forwarded_then_it_is_told_whether_that_leads_anywhere(placing: Maker) -> None:
    call = placing(extension("101"), registered=("101",))
    request, note = call.scene.request, call.note()
    assert not call.calls.forward(request, note._replace(forwards=FORWARDS_MOST), Forward(VOICEMAIL))
    assert not call.calls.forward(request, note, Forward(f"sip:199@{DOMAIN}"))
    assert call.rang == []
    assert call.calls.forward(request, note, Forward(f"sip:101@{DOMAIN}"))
    assert call.calls.forward(request, note, Forward(VOICEMAIL))
    assert call.rang == [("101",), (VOICEMAIL,)]


def test_given_a_target_that_is_no_account_when_sent_to_then_its_end_is_followed_and_it_takes_no_place(
    placing: Maker,
) -> None:
    call = placing()
    call.calls.send_outside(call.note(), VOICEMAIL)
    (relay,) = call.scene.transaction.sent
    assert (relay.uri, relay.reply, relay.failure) == (VOICEMAIL, Callback.CALL_REPLY, Callback.CALL_FAILURE)
    call.replies(180)
    call.replies(486)
    call.fails(486)
    assert call.tracking.told == []


def test_given_a_target_outside_that_cannot_be_sent_to_when_sent_then_the_stack_answers(placing: Maker) -> None:
    call = placing()
    call.scene.transaction.relays_fail = 1
    call.calls.send_outside(call.note(), VOICEMAIL)
    assert call.scene.transaction.answered_failures == 1


# Replies


def test_given_provisional_replies_when_they_pass_then_each_tagged_one_is_an_early_dialog(
    placing: Maker,
) -> None:
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    call.replies(180, tag="b1", branch=0)
    call.replies(183, tag="b2", branch=1)
    call.replies(180, tag="")
    assert call.tracking.named("ringing") == [(DOMAIN, DIALOG, 0, "b1"), (DOMAIN, DIALOG, 1, "b2")]


def test_given_any_answer_when_it_passes_then_the_other_branches_are_seen_to_end_once_it_is_a_2xx(
    placing: Maker,
) -> None:
    call = placing(extension("101"), registered=("101", "101"))
    call.place("101")
    call.replies(180, tag="b1", branch=0)
    call.replies(200, tag="b2", branch=1)
    assert call.scene.transaction.seen_to_end == [180, 200]


@pytest.mark.parametrize("tag", ["", "b1"])
def test_given_a_trying_when_it_passes_then_nothing_is_told(tag: str, placing: Maker) -> None:
    """RFC 3261 §8.2.6.2: a 100 makes no dialog, and it answers nothing."""
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    before = list(call.tracking.told)
    call.replies(100, tag=tag)
    assert call.tracking.told == before


@pytest.mark.parametrize("status", [300, 404, 486, 503, 603])
def test_given_a_negative_reply_when_it_passes_then_that_branch_s_dialogs_are_dead(status: int, placing: Maker) -> None:
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    call.replies(status, branch=3)
    assert call.tracking.named("branch_failed") == [(DOMAIN, DIALOG, 3)]


@pytest.mark.parametrize(("body", "on_hold"), [("", False), (TALK, False), (TALK + "a=inactive\r\n", True)])
def test_given_a_200_when_it_passes_then_both_devices_and_their_hold_are_told(
    body: str, on_hold: bool, placing: Maker
) -> None:
    call = placing(extension("101"), registered=("101",))
    call.place("101")
    call.replies(200, body=body)
    answer = Answer(
        Device(FLOW.device, False), Device(CALLEE_FLOW.device, on_hold), parties=Parties("104", "101", "b1")
    )
    assert call.answers == [answer]
    assert [told[:2] for told in call.tracking.named("answered")] == [(DOMAIN, DIALOG)]
