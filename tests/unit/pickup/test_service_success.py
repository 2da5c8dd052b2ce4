"""The caller's device takes the picker: what is shown, what the store hears, what is written down, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.accounts.model import Kind
from kemi.dialogs.tracking import Device
from kemi.errors import MediaRefused, NothingEligible
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from tests.support.fake_sip import DOMAIN, FLOW
from tests.support.fake_store import ringing_call
from tests.unit.pickup.conftest import PICKER, PICKER_FLOW, Pickup
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
    (picked,) = dialling.store.picks
    assert picked.dialog == DialogId("pickup", "caller-tag")
    assert picked.picker == Device(PICKER_FLOW.device, False)
    assert picked.caller == Device(FLOW.device, True)
    assert dialling.record.outcomes() == [("picked_up", 200)]
    (event,) = dialling.record.events
    assert (event.rang, event.answered_by) == (("101",), PICKER.number)


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
    assert dialling.store.picks[0].picker.on_hold is on_hold


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


@pytest.mark.parametrize("body", ["", TALK, HOLD])
def test_given_a_caller_from_a_trunk_when_picked_up_then_nobody_asks_for_the_hold_of_its_address(
    body: str, pickup: Make
) -> None:
    """One trunk's address has many calls: a caller who holds on one must not count as holding on the others."""
    dialling = pickup(*line("a", caller_number=""))
    dialling.dial()
    dialling.succeeds(body)
    assert dialling.store.picks[0].caller == Device("")
    assert dialling.store.picks[0].picker == Device(PICKER_FLOW.device, False)


@pytest.mark.parametrize(
    ("picker", "number", "caller", "agents"),
    [
        (PICKER, "101", "104", ("104",)),
        (PICKER, "101", "105", ()),
        (PICKER, "101", "", ()),
        (Aor("106", DOMAIN), "700", "104", ("106", "104")),
        (Aor("106", DOMAIN), "700", "105", ("106",)),
    ],
)
def test_given_agents_among_picker_and_caller_when_picked_up_then_they_are_named_as_not_idle(
    picker: Aor, number: str, caller: str, agents: tuple[str, ...], pickup: Make
) -> None:
    dialling = pickup(ringing_call("a", number=number, caller_number=caller))
    dialling.dial(picker=picker)
    dialling.succeeds()
    assert dialling.store.picks[0].agents == agents


@pytest.mark.parametrize(
    ("number", "kind", "group"),
    [("800", Kind.AGENT_GROUP, "800"), ("700", Kind.HUNT_GROUP, ""), ("101", Kind.EXTENSION, "")],
)
def test_given_a_caller_of_an_agent_group_when_picked_up_then_the_store_hears_whose_caller_it_was(
    number: str, kind: Kind, group: str, pickup: Make
) -> None:
    dialling = pickup(*line("a", number=number, kind=kind))
    dialling.dial(number)
    dialling.succeeds()
    assert dialling.store.picks[0].group == group


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
    calls = line("old", replaces=False) + line("lost", "had", number="700", kind=Kind.HUNT_GROUP)
    dialling = pickup(*calls)
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
    (event,) = dialling.record.events
    assert (event.account, event.kind, event.call_id) == ("101", "extension", "a")
    assert (event.tried, event.mode) == (0, "")


def test_given_calls_that_were_lost_when_refused_then_the_entry_names_the_last_it_was_sent_after(pickup: Make) -> None:
    dialling = pickup(*line("first", "last"))
    dialling.dial()
    dialling.fails(603)
    with pytest.raises(NothingEligible):
        dialling.fails(603)
    (event,) = dialling.record.events
    assert (event.call_id, event.tried, event.mode) == ("last", 2, "replaces")


def test_given_nothing_that_rings_when_refused_then_the_entry_names_no_call(pickup: Make) -> None:
    dialling = pickup()
    with pytest.raises(NothingEligible):
        dialling.dial()
    (event,) = dialling.record.events
    assert (event.account, event.kind, event.caller, event.call_id, event.tried) == ("", "", "", "", 0)


def test_given_the_media_refused_when_written_down_then_the_status_is_the_picker_s_final_one(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    with pytest.raises(MediaRefused):
        dialling.fails(606)
    assert dialling.record.outcomes() == [("media_refused", 488)]


@pytest.mark.parametrize(
    ("caller", "status", "kept"), [("104", 180, 1), ("104", 200, 1), ("104", 486, 0), ("", 200, 0)]
)
def test_given_the_caller_s_answer_when_he_is_an_extension_then_his_contact_is_kept_with_its_flow(
    caller: str, status: int, kept: int, pickup: Make
) -> None:
    """A trunk is taken at its word."""
    dialling = pickup(*line("a", caller_number=caller))
    dialling.dial()
    answer = dialling.scene.reply(status, to_tag="new")
    dialling.service.replied()
    assert answer.kept_flow == kept
