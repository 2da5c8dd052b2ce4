"""The caller's INVITE, sent to the device that dialled: what leaves, and what it carries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kemi.accounts.model import Kind
from kemi.errors import CallIsBeingSent, NothingEligible, NotTaken
from kemi.settings import Settings
from kemi.sip.ports import Callback
from tests.support.fake_sip import DOMAIN
from tests.support.fake_store import ringing_call
from tests.unit.pickup.conftest import PICKER_CONTACT, PICKER_FLOW, Pickup
from tests.unit.pickup.rerouting import ANSWER_MS, OWN_HEADERS, TRANSACTION, Sent

Make = Callable[..., Sent]


@pytest.fixture
def sent(tmp_path: Path) -> Make:
    def make(**more: object) -> Sent:
        return Sent(tmp_path, **more)  # type: ignore[arg-type]

    return make


# send


@pytest.fixture
def dialling(tmp_path: Path) -> Callable[..., Pickup]:
    def make(**more: object) -> Pickup:
        call = ringing_call(**{"transaction": TRANSACTION, "replaces": False, **more})  # type: ignore[arg-type]
        return Pickup(tmp_path, call)

    return make


def test_given_a_ringing_call_when_it_is_sent_then_its_transaction_gets_a_branch_and_the_claim_the_time_that_takes(
    dialling: Callable[..., Pickup],
) -> None:
    picking = dialling()
    with pytest.raises(CallIsBeingSent):
        picking.dial()
    assert picking.scene.spiral.branched == [TRANSACTION]
    assert picking.sent_waiting == []
    assert picking.store.prolonged_ms == [ANSWER_MS + Settings().claim_ttl_ms]
    assert len(picking.store.held) == 1
    assert picking.scene.transaction.sent == [], "the picker's own INVITE goes nowhere"


def test_given_a_caller_who_waits_when_he_is_sent_then_the_queue_resumes_his_transaction_to_the_device(
    dialling: Callable[..., Pickup],
) -> None:
    picking = dialling(waiting=True, number="800", kind=Kind.AGENT_GROUP)
    with pytest.raises(CallIsBeingSent):
        picking.dial("800")
    assert picking.sent_waiting == [(TRANSACTION, PICKER_CONTACT, ANSWER_MS)]
    assert picking.scene.spiral.branched == []


def test_given_a_caller_who_waits_no_more_when_he_is_to_be_sent_then_the_claim_is_given_back(
    dialling: Callable[..., Pickup],
) -> None:
    picking = dialling(waiting=True, number="800", kind=Kind.AGENT_GROUP)
    picking.waits = False
    with pytest.raises(NothingEligible):
        picking.dial("800")
    assert (picking.store.held, picking.store.offers) == ({}, {})


# arrived


def test_given_a_call_that_is_sent_when_it_comes_round_then_it_goes_to_the_very_device_that_dialled(
    sent: Make,
) -> None:
    call = sent()
    call.arrives()
    (relay,) = call.scene.transaction.sent
    assert (relay.uri, relay.flow) == (PICKER_CONTACT, PICKER_FLOW)
    assert (relay.reply, relay.failure) == (Callback.REROUTE_REPLY, Callback.REROUTE_FAILURE)
    assert (relay.answer_ms, relay.silence_ms) == (ANSWER_MS, ANSWER_MS)
    assert relay.branches == ()
    assert call.record.events == []
    assert len(call.store.held) == 1


def test_given_a_call_that_is_sent_when_it_leaves_then_it_asks_to_be_answered_and_shows_caller_and_account(
    sent: Make,
) -> None:
    call = sent()
    call.arrives()
    assert call.scene.request.appended == [
        f'P-Asserted-Identity: "Dave for Sales" <sip:104@{DOMAIN}>',
        f"Call-Info: <sip:{DOMAIN}>;answer-after=0",
        f"Alert-Info: <http://{DOMAIN}>;info=alert-autoanswer;delay=0",
    ]


def test_given_a_device_that_said_answermode_when_the_call_leaves_then_it_is_asked_by_that_as_well(sent: Make) -> None:
    call = sent(answers_by_itself=True)
    call.arrives()
    assert call.scene.request.appended[-1] == "Answer-Mode: Auto"


@pytest.mark.parametrize("name", [name for name, _ in OWN_HEADERS])
def test_given_headers_of_the_caller_when_the_call_leaves_then_none_says_who_he_is_or_has_the_picker_s_phone_answer(
    name: str, sent: Make
) -> None:
    call = sent()
    call.arrives()
    assert name in call.scene.request.removed
    assert not any("evil" in line or "Boss" in line for line in call.scene.request.appended)


@pytest.mark.parametrize("uri", ["sip:anonymous@anonymous.invalid"])
def test_given_a_caller_who_hides_when_the_call_leaves_then_his_number_is_not_told(uri: str, sent: Make) -> None:
    call = sent(display="", uri=uri)
    call.arrives()
    assert call.scene.request.appended[0] == f'P-Asserted-Identity: "anonymous for Sales" <{uri}>'


@pytest.mark.parametrize("why", ["no claim", "another tag", "no tenant", "no store"])
def test_given_a_request_that_no_claim_speaks_of_when_it_comes_round_then_it_is_not_taken_and_nothing_leaves(
    why: str, sent: Make
) -> None:
    call = sent()
    domain = DOMAIN
    match why:
        case "no claim":
            call.store.offers.clear()
        case "another tag":
            call.scene.request.from_tag = "mallory"
        case "no tenant":
            domain = ""
        case "no store":
            call.store.away.add("rerouted")
    with pytest.raises(NotTaken) as refused:
        call.reroute.arrived(call.scene.request, domain)
    assert refused.value.status == 599
    assert call.scene.transaction.sent == []
    assert call.scene.request.appended == []
    assert call.record.events == []


def test_given_a_device_that_cannot_be_reached_when_it_comes_round_then_it_is_not_taken_and_the_call_is_given_back(
    sent: Make,
) -> None:
    call = sent()
    call.scene.transaction.relays_fail = 1
    with pytest.raises(NotTaken):
        call.arrives()
    assert call.store.released == [call.call.key]
    assert call.record.outcomes() == [("not_taken", 480)]
