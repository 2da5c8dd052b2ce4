"""The caller's device gave its call up for a picker whom it then did not take: it is rung back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.pickup.claim import Rerouted
from kemi.pickup.pursuit import RING_BACK_MS
from kemi.settings import Settings
from kemi.sip.ports import Callback
from tests.support.fake_sip import DOMAIN
from tests.unit.pickup.conftest import Pickup
from tests.unit.pickup.test_service import contacts
from tests.unit.pickup.test_service_ways import here

Make = Callable[..., Pickup]


def given_up(pickup: Make, status: int = 500) -> Pickup:
    dialling = pickup(*here("a", routes=("<sip:edge;lr>",)), *here("b"))
    dialling.dial()
    dialling.store.rerouting = Rerouted.GIVEN_UP
    dialling.fails(status)
    return dialling


@pytest.mark.parametrize("status", [408, 420, 500])
def test_given_a_device_that_gave_its_call_up_when_it_then_refuses_then_it_is_rung_back_without_replaces(
    status: int, pickup: Make
) -> None:
    dialling = given_up(pickup, status)

    assert dialling.sent == contacts("a", "a"), "the caller is not lost"
    relay = dialling.scene.transaction.sent[-1]
    assert (relay.answer_ms, relay.silence_ms) == (RING_BACK_MS, Settings().replaces_silence_ms)
    assert (relay.reply, relay.failure, relay.branch) == (
        Callback.PICKUP_REPLY,
        Callback.PICKUP_FAILURE,
        Callback.PICKUP_BRANCH,
    )
    branch = dialling.scene.branch_out()
    dialling.service.dress_branch()
    assert branch.appended == [f'P-Asserted-Identity: "Carol" <sip:103@{DOMAIN}>', "Route: <sip:edge;lr>"]
    assert dialling.scene.spiral.branched == []


def test_given_a_caller_who_is_rung_back_when_he_answers_then_it_is_the_pickup_and_his_device_is_not_called_good(
    pickup: Make,
) -> None:
    dialling = given_up(pickup, 500)
    dialling.succeeds()
    assert dialling.record.outcomes() == [("picked_up", 200)]
    assert dialling.store.remembered == []


@pytest.mark.parametrize("status", [408, 480, 486, 500, 603])
def test_given_a_caller_who_is_rung_back_when_he_does_not_answer_then_he_is_neither_sent_nor_rung_again(
    status: int, pickup: Make
) -> None:
    dialling = given_up(pickup, 500)
    dialling.fails(status)
    assert dialling.sent == contacts("a", "a", "b")
    assert dialling.scene.spiral.branched == []
    assert dialling.store.remembered == []
    assert len(dialling.store.released) == 1
