"""The caller's device does not take the picker: another early dialog, the next call, or the end; released always."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kemi.dialogs.record import CallRecord
from kemi.errors import AlreadyAnswered, MediaRefused, NothingEligible, PickupUnavailable, StoreUnavailable
from kemi.pickup.attempt import NAME, Attempt
from kemi.settings import Settings
from tests.unit.pickup.conftest import Pickup
from tests.unit.pickup.test_service import contacts, line

Make = Callable[..., Pickup]


def replaces_headers(dialling: Pickup) -> str:
    """The Replaces that the branch now being sent carries."""
    branch = dialling.scene.branch_out()
    dialling.service.dress_branch()
    return branch.appended[0]


def test_given_481_for_the_last_early_dialog_when_there_is_an_earlier_one_then_that_is_offered(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", tags=("first", "last")))
    dialling.dial()
    assert "from-tag=last" in replaces_headers(dialling)

    dialling.fails(481)

    assert dialling.sent == contacts("a", "a")
    assert "from-tag=first" in replaces_headers(dialling)
    assert dialling.store.released == []


def test_given_481_for_every_early_dialog_when_general_then_the_next_call_is_tried(pickup: Make) -> None:
    dialling = pickup(*line("a", tags=("first", "last")), *line("b"))
    dialling.dial()
    dialling.fails(481)
    dialling.fails(481)
    # Once more by the last: the first Replaces may have overtaken the answer that made it known to the caller.
    dialling.fails(481)

    assert dialling.sent == contacts("a", "a", "a", "b")
    assert len(dialling.store.released) == 3
    assert Attempt.unpack(dialling.scene.transaction.recall(NAME)).sent == 2, "calls, not dialogs"


def test_given_an_earlier_dialog_that_cannot_be_sent_when_481_then_the_next_call_is_tried(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", tags=("first", "last")), *line("b"))
    dialling.dial()
    dialling.scene.transaction.relays_fail = 2

    dialling.fails(481)

    assert dialling.sent == contacts("a", "b")
    assert len(dialling.store.released) == 2


def test_given_an_early_dialog_that_began_after_the_claim_when_481_then_it_is_tried(pickup: Make) -> None:
    dialling = pickup(*line("a", tags=("old",)), *line("b"))
    dialling.dial()
    before = dialling.store.line[0]
    assert isinstance(before, CallRecord)
    dialling.store.line[0] = replace(before, early_tags=("old", "new"))
    dialling.fails(481)

    assert dialling.sent == contacts("a", "a")
    assert Attempt.unpack(dialling.scene.transaction.recall(NAME)).target.callee_tags == ("new",)  # type: ignore[union-attr]


def test_given_a_caller_who_has_given_up_when_481_then_nobody_was_faster_and_the_next_call_is_tried(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"), AlreadyAnswered("taken"), *line("b"))
    dialling.dial("101")
    first = dialling.store.line.pop(0)
    assert isinstance(first, CallRecord)
    dialling.fails(481)

    assert dialling.sent == contacts("a", "b")
    _, again, after = dialling.store.asked
    assert (again.tried, after.tried) == ((), (first.key,))


@pytest.mark.parametrize("status", [302, 401, 403, 408, 420, 480, 481, 486, 500, 503, 600, 603])
def test_given_a_refusal_of_the_caller_s_device_when_general_then_released_and_the_next_call_is_tried(
    status: int, pickup: Make
) -> None:
    dialling = pickup(*line("a", "b"))
    dialling.dial()

    dialling.fails(status)

    assert dialling.sent == contacts("a", "b")
    assert len(dialling.store.released) == (2 if status == 481 else 1)
    assert len(dialling.store.held) == 1
    assert dialling.record.events == []
    relay = dialling.scene.transaction.sent[1]
    assert None not in (relay.reply, relay.failure, relay.branch)


@pytest.mark.parametrize("status", [408, 480, 500, 603])
def test_given_a_refusal_when_no_call_is_left_then_480_says_what_the_device_answered(status: int, pickup: Make) -> None:
    dialling = pickup(*line("a"))
    dialling.dial("101")

    with pytest.raises(NothingEligible) as refused:
        dialling.fails(status)

    assert str(status) in refused.value.warning
    assert dialling.store.held == {}
    assert dialling.record.outcomes() == [("nothing_eligible", 480)]


def test_given_486_when_directed_then_410_for_the_callee_was_faster(pickup: Make) -> None:
    """RFC 3891 §3: early-only makes the caller's device say 486 for a dialog that is confirmed."""
    dialling = pickup(*line("a"))
    dialling.dial("101")

    with pytest.raises(AlreadyAnswered) as refused:
        dialling.fails(486)

    assert refused.value.warning
    assert dialling.record.outcomes() == [("already_answered", 410)]


def test_given_486_when_general_and_nothing_is_left_then_480(pickup: Make) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    with pytest.raises(NothingEligible):
        dialling.fails(486)


@pytest.mark.parametrize("status", [415, 488, 606])
def test_given_media_that_the_device_cannot_take_when_refused_then_488_released_and_no_other_is_tried(
    status: int, pickup: Make
) -> None:
    dialling = pickup(*line("a", "b"))
    dialling.dial()

    with pytest.raises(MediaRefused):
        dialling.fails(status)

    assert dialling.sent == contacts("a")
    assert dialling.store.held == {}
    assert dialling.record.outcomes() == [("media_refused", 488)]


def test_given_a_picker_who_gives_up_when_the_invite_ends_then_released_and_no_other_is_tried(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", "b"))
    dialling.dial()

    dialling.fails(487, cancelled=True)

    assert dialling.sent == contacts("a")
    assert dialling.store.held == {}
    assert dialling.record.outcomes() == [("cancelled", 487)]


def test_given_a_store_that_went_away_when_the_next_call_is_wanted_then_503_and_released(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    dialling.store.line.insert(0, StoreUnavailable("no answer"))

    with pytest.raises(PickupUnavailable):
        dialling.fails(603)

    assert dialling.store.held == {}
    assert dialling.record.outcomes() == [("store_unavailable", 503)]


def test_given_a_permission_withdrawn_meanwhile_when_the_next_call_is_wanted_then_it_is_not_sent(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"), *line("b", number="106"))
    dialling.dial()
    dialling.withdraw("106")

    with pytest.raises(NothingEligible):
        dialling.fails(603)

    assert dialling.sent == contacts("a")
    assert dialling.store.held == {}


def test_given_calls_without_end_when_each_is_lost_then_the_tries_are_bounded(pickup: Make) -> None:
    most = Settings().pickup_tries
    dialling = pickup(*line(*(f"c{n}" for n in range(most + 5))))
    dialling.dial()
    for _ in range(most - 1):
        dialling.fails(603)
    assert len(dialling.sent) == most

    with pytest.raises(NothingEligible):
        dialling.fails(603)

    assert len(dialling.sent) == most
    assert dialling.store.held == {}
    assert len(dialling.record.events) == 1


def test_given_many_callers_that_cannot_be_reached_when_general_then_they_use_up_no_tries(pickup: Make) -> None:
    """pickup_tries bounds how many calls one `*87` is sent after; to these nothing was sent."""
    most = Settings().pickup_tries
    dialling = pickup(*line(*(f"gone-{n}" for n in range(most)), "real"))
    dialling.scene.transaction.relays_fail = most

    dialling.dial()
    assert dialling.sent == contacts("real")
    assert len(dialling.store.released) == most

    dialling.succeeds()
    (event,) = dialling.record.events
    assert (event.call_id, event.tried) == ("real", 1)


def test_given_a_lost_call_when_the_next_is_wanted_then_the_store_is_told_which_were_tried(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", "b"))
    dialling.dial()
    dialling.fails(603)
    first, second = dialling.store.asked
    assert first.tried == ()
    assert second.tried == (dialling.store.released[0],)
    assert first.token != second.token
