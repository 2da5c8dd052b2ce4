"""Refusals: each is written down, permission's own are counted, and past the limit one entry stands for all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.accounts.model import DomainSettings
from kemi.errors import (
    AlreadyAnswered,
    MediaRefused,
    NothingEligible,
    NotOnHold,
    NotPermitted,
    NotRegistered,
    PickupRefused,
    PickupUnavailable,
    RateLimited,
    StoreUnavailable,
    TargetHidden,
    UnknownTarget,
)
from tests.unit.pickup.conftest import PICKER, Pickup
from tests.unit.pickup.test_service import line

Make = Callable[..., Pickup]
HIDES = DomainSettings(hide_accounts=True)


def every_refusal(kind: type[PickupRefused] = PickupRefused) -> set[type[PickupRefused]]:
    return {found for below in kind.__subclasses__() for found in {below, *every_refusal(below)}}


DIALLED = sorted(every_refusal() - {NotRegistered}, key=str)
"""What a phone may hear; NotRegistered is for the console, which rings phones (test_console.py)."""


def refused(pickup: Make, refusal: type[PickupRefused]) -> Pickup:
    """A pickup that has ended with this refusal."""
    if refusal is MediaRefused:
        dialling = pickup(*line("a"))
        dialling.dial("101")
        with pytest.raises(MediaRefused):
            dialling.fails(488)
        return dialling
    of_the_store = {
        AlreadyAnswered: AlreadyAnswered(),
        NotOnHold: NotOnHold(),
        PickupUnavailable: StoreUnavailable(),
        RateLimited: RateLimited(retry_after_s=7),
    }
    dialling = pickup(
        *([of_the_store[refusal]] if refusal in of_the_store else []),
        settings=HIDES if refusal is TargetHidden else None,
    )
    numbers = {NotPermitted: "102", UnknownTarget: "199", TargetHidden: "199"}
    with pytest.raises(refusal) as ended:
        dialling.dial(numbers.get(refusal, "101"))
    assert type(ended.value) is refusal
    return dialling


@pytest.mark.parametrize("refusal", DIALLED)
def test_given_any_refusal_when_a_pickup_ends_with_it_then_its_outcome_is_written_down_once(
    refusal: type[PickupRefused], pickup: Make
) -> None:
    dialling = refused(pickup, refusal)
    assert dialling.record.outcomes() == [(refusal.outcome, refusal.status)]
    (event,) = dialling.record.events
    assert (event.picker, event.domain) == (PICKER.number, PICKER.domain)


@pytest.mark.parametrize("refusal", DIALLED)
def test_given_any_refusal_when_a_pickup_ends_with_it_then_only_permission_s_are_counted(
    refusal: type[PickupRefused], pickup: Make
) -> None:
    denied = issubclass(refusal, NotPermitted | UnknownTarget)
    assert refused(pickup, refusal).store.denials == ([PICKER] if denied else [])


def test_given_the_list_of_refusals_when_compared_with_the_product_then_there_are_those_ten() -> None:
    assert every_refusal() == {
        *(NotPermitted, TargetHidden, RateLimited, UnknownTarget, NothingEligible),
        *(AlreadyAnswered, NotOnHold, MediaRefused, PickupUnavailable, NotRegistered),
    }


@pytest.mark.parametrize(("number", "settings"), [("102", None), ("199", None), ("102", HIDES), ("199", HIDES)])
def test_given_a_picker_past_the_limit_when_denied_then_that_is_the_answer_and_only_the_first_is_written(
    number: str, settings: DomainSettings | None, pickup: Make
) -> None:
    dialling = pickup(settings=settings)
    for is_first in (True, False, False):
        dialling.store.denying = RateLimited("enough", retry_after_s=42, is_first=is_first)
        with pytest.raises(RateLimited) as refused:
            dialling.dial(number)
        assert (refused.value.status, refused.value.reason) == (403, "Pickup Not Permitted")
        assert refused.value.retry_after_s == 42
    assert dialling.record.outcomes() == [("rate_limited", 403)]


def test_given_a_store_that_is_away_when_denied_then_the_refusal_stands(pickup: Make) -> None:
    dialling = pickup()
    dialling.store.denying = StoreUnavailable("away")
    with pytest.raises(NotPermitted):
        dialling.dial("102")
    assert dialling.record.outcomes() == [("not_permitted", 403)]


def test_given_hidden_accounts_when_refused_then_the_same_is_asked_of_the_store_for_both(pickup: Make) -> None:
    """No round trip more for one than for the other, or time would tell."""
    told = []
    for number in ("102", "199"):
        dialling = pickup(settings=HIDES)
        with pytest.raises(NotPermitted):
            dialling.dial(number)
        told.append((dialling.store.asked, dialling.store.denials, len(dialling.record.events), dialling.sent))
    assert told[0] == told[1] == ([], [PICKER], 1, [])
