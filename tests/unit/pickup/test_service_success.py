"""The caller's device takes the picker: what is shown, what the store hears, what is written down, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.accounts.model import Kind
from kemi.dialogs.tracking import Device
from kemi.errors import MediaRefused, NothingEligible
from kemi.sip.dialog import DialogId
from tests.support.fake_sip import DOMAIN, FLOW
from tests.unit.pickup.conftest import PICKER_FLOW, Pickup
from tests.unit.pickup.test_service import line

Make = Callable[..., Pickup]
HOLD = "v=0\r\nc=IN IP4 192.0.2.3\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"
TALK = HOLD.replace("sendonly", "sendrecv")


def test_given_the_caller_s_200_when_it_passes_then_the_pickup_is_done_shown_and_written_down(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial("101")

    answer = dialling.scene.reply(200, to_tag="new", body=HOLD)
    dialling.service.replied()

    assert answer.appended == [f'P-Asserted-Identity: "Dave for Reception" <sip:104@{DOMAIN}>']
    assert "P-Asserted-Identity" in answer.removed
    ((_, dialog, picker, caller),) = dialling.store.picks
    assert dialog == DialogId("pickup", "caller-tag")
    assert picker == Device(PICKER_FLOW.device, False)
    assert caller == Device(FLOW.device, True)
    assert dialling.record.outcomes() == [("picked_up", 200)]


def test_given_an_account_without_a_name_when_picked_up_from_then_its_number_is_shown(pickup: Make) -> None:
    dialling = pickup(*line("a", number="106"))
    dialling.dial("106")
    answer = dialling.scene.reply(200)
    dialling.service.replied()
    assert '"Dave for 106"' in answer.appended[0]


@pytest.mark.parametrize(("body", "on_hold"), [("", False), (TALK, False), (HOLD, True)])
def test_given_the_picker_s_own_offer_when_picked_up_then_its_hold_is_remembered(
    body: str, on_hold: bool, pickup: Make
) -> None:
    dialling = pickup(*line("a"))
    dialling.scene.request.body = body
    dialling.dial()
    dialling.succeeds()
    assert dialling.store.picks[0][2].on_hold is on_hold


def test_given_a_200_that_is_repeated_when_it_passes_then_it_is_shown_again_and_recorded_once(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    for _ in range(3):
        dialling.succeeds()
        assert len(dialling.scene.at_hand.appended) == 1

    assert len(dialling.store.picks) == 1
    assert dialling.record.outcomes() == [("picked_up", 200)]


@pytest.mark.parametrize("status", [100, 180, 183, 302, 486, 603])
def test_given_another_reply_of_the_caller_s_device_when_it_passes_then_nothing_is_done_yet(
    status: int, pickup: Make
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()

    reply = dialling.scene.reply(status)
    dialling.service.replied()

    assert (reply.appended, dialling.store.picks, dialling.record.events) == ([], [], [])


def test_given_a_pickup_when_written_down_then_the_entry_tells_who_what_and_how(pickup: Make) -> None:
    dialling = pickup(*line("lost", "had", number="700", kind=Kind.HUNT_GROUP))
    dialling.dial("700")
    dialling.fails(603)
    dialling.succeeds()

    (event,) = dialling.record.events
    assert (event.domain, event.picker, event.dialled, event.mode) == (DOMAIN, "103", "700", "replaces")
    assert (event.account, event.kind, event.caller, event.call_id) == (
        "700",
        "hunt_group",
        f"sip:104@{DOMAIN}",
        "had",
    )
    assert event.tried == 2
    assert event.waited_ms > 0
    assert event.took_ms >= 0


def test_given_a_call_that_could_not_be_had_when_refused_then_the_entry_names_it(pickup: Make) -> None:
    """Product: the record tells which call, for which account: refusals too."""
    dialling = pickup(*line("a", replaces=False))
    with pytest.raises(NothingEligible):
        dialling.dial("101")
    assert (dialling.record.events[0].account, dialling.record.events[0].call_id) == ("101", "a")


def test_given_the_media_refused_when_written_down_then_the_status_is_the_picker_s_final_one(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    with pytest.raises(MediaRefused):
        dialling.fails(606)
    assert dialling.record.outcomes() == [("media_refused", 488)]
