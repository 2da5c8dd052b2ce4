"""A ringing call that the picker's phone named by a Replaces of its own: that call, or none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.accounts.model import Kind
from kemi.dialogs.record import CallRecord
from kemi.dialogs.tracking import Parties
from kemi.errors import AlreadyAnswered, NothingEligible, NotOnHold, NotPermitted, PickupRefused, UnknownTarget
from tests.support.fake_store import ringing_call
from tests.unit.pickup.conftest import PICKER, Pickup

Make = Callable[..., Pickup]


def take(pickup: Pickup, call: CallRecord) -> None:
    pickup.service.take(pickup.scene.request, PICKER, call)


@pytest.mark.parametrize(("number", "kind"), [("101", Kind.EXTENSION), ("700", Kind.HUNT_GROUP)])
def test_given_a_named_call_when_it_is_taken_then_it_is_sent_for_and_no_other(
    number: str, kind: Kind, pickup: Make
) -> None:
    call = ringing_call("named", number=number, kind=kind)
    taking = pickup(ringing_call("first", number=number, kind=kind), call)
    take(taking, call)

    (wanted,) = taking.store.asked
    assert (wanted.only, wanted.number, wanted.kind) == (call.key, number, kind)
    assert list(taking.store.held) == [call.key]
    taking.succeeds()
    (event,) = taking.record.events
    assert (event.outcome, event.by, event.dialled, event.account, event.mode) == (
        *("picked_up", "replaces", "", number, "replaces"),
    )


def test_given_the_named_call_when_it_is_lost_then_no_next_one_is_gone_after(pickup: Make) -> None:
    call = ringing_call("named")
    taking = pickup(call, ringing_call("next"))
    take(taking, call)
    with pytest.raises(NothingEligible):
        taking.fails(603)
    assert (len(taking.sent), taking.store.held, taking.store.released) == (1, {}, [call.key])
    assert taking.record.outcomes() == [("nothing_eligible", 480)]


def test_given_the_named_call_when_its_caller_says_that_it_was_answered_then_410(pickup: Make) -> None:
    call = ringing_call("named")
    taking = pickup(call)
    take(taking, call)
    with pytest.raises(AlreadyAnswered):
        taking.fails(486)


@pytest.mark.parametrize(("number", "refusal"), [("102", NotPermitted), ("105", NotPermitted), ("199", UnknownTarget)])
def test_given_no_permission_on_the_account_when_its_call_is_named_then_nothing_is_claimed_and_it_is_written_down(
    number: str, refusal: type[PickupRefused], pickup: Make
) -> None:
    call = ringing_call("named", number=number)
    taking = pickup(call)
    with pytest.raises(refusal):
        take(taking, call)
    assert (taking.store.asked, taking.sent) == ([], [])
    (event,) = taking.record.events
    assert (event.account, event.call_id, event.by, event.status) == (number, "named", "replaces", refusal.status)


@pytest.mark.parametrize("refusal", [AlreadyAnswered(), NotOnHold()])
def test_given_what_the_store_refuses_when_a_call_is_named_then_the_answer_is_that_of_the_code(
    refusal: PickupRefused, pickup: Make
) -> None:
    taking = pickup(refusal)
    with pytest.raises(type(refusal)):
        take(taking, ringing_call("named"))
    assert taking.record.outcomes() == [(refusal.outcome, refusal.status)]


def test_given_a_caller_without_replaces_when_his_call_is_named_then_the_claim_is_given_back(pickup: Make) -> None:
    call = ringing_call("named")
    taking = pickup(ringing_call("named", caller_number="104", replaces=False))
    with pytest.raises(NothingEligible):
        take(taking, call)
    assert (taking.store.held, taking.sent) == ({}, [])


def test_given_a_pickup_when_it_is_done_then_picker_and_caller_are_the_new_dialog_s_parties(pickup: Make) -> None:
    taking = pickup(ringing_call("a"))
    taking.dial("101")
    taking.succeeds()
    assert taking.store.picks[0].parties == Parties("103", "104", "new")
