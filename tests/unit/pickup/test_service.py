"""One `*87`, rule by rule: what it asks of the store, what it sends, what the picker's phone gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.accounts.model import DomainSettings, Kind
from kemi.errors import (
    AlreadyAnswered,
    NothingEligible,
    NotOnHold,
    NotPermitted,
    PickupRefused,
    PickupUnavailable,
    StoreUnavailable,
    UnknownTarget,
)
from kemi.pickup.pursuit import LOOKED_AT_MOST
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.sip.ports import Callback
from tests.support.fake_sip import DOMAIN, FLOW
from tests.support.fake_store import ringing_call
from tests.unit.pickup.conftest import PICKER, PICKER_FLOW, Pickup

Make = Callable[..., Pickup]
HOLD = "v=0\r\nc=IN IP4 192.0.2.3\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"
TALK = HOLD.replace("sendonly", "sendrecv")


def contacts(*names: str) -> list[str]:
    return [f"sip:{name}@192.0.2.4" for name in names]


def line(*names: str, **more: object) -> list[object]:
    """A ringing call for each caller."""
    return [ringing_call(name, contact=f"sip:{name}@192.0.2.4", **more) for name in names]  # type: ignore[arg-type]


# Sending


def test_given_a_ringing_call_when_dialled_then_the_invite_goes_to_the_caller_over_its_own_flow(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))

    dialling.dial("101")

    (relay,) = dialling.scene.transaction.sent
    assert (relay.uri, relay.flow) == ("sip:a@192.0.2.4", FLOW)
    assert (relay.reply, relay.failure, relay.branch) == (
        Callback.PICKUP_REPLY,
        Callback.PICKUP_FAILURE,
        Callback.PICKUP_BRANCH,
    )
    assert (relay.answer_ms, relay.silence_ms) == (
        Settings().replaces_answer_ms,
        Settings().replaces_silence_ms,
    )
    assert dialling.record.events == []


def test_given_a_branch_to_the_caller_when_dressed_then_it_carries_replaces_require_and_who_picks_up(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", tags=("first", "last"), routes=("<sip:edge;lr>",)))
    dialling.dial("101")

    branch = dialling.scene.branch_out()
    dialling.service.dress_branch()

    assert branch.appended == [
        "Replaces: a;to-tag=a-caller;from-tag=last;early-only",
        "Require: replaces",
        f'P-Asserted-Identity: "Carol" <sip:103@{DOMAIN}>',
        "Route: <sip:edge;lr>",
    ]


@pytest.mark.parametrize("name", ["Replaces", "Join", "P-Asserted-Identity", "P-Preferred-Identity"])
def test_given_a_header_that_is_the_proxy_s_to_say_when_dialled_then_the_picker_s_own_is_removed(
    name: str, pickup: Make
) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    assert name in dialling.scene.request.removed


def test_given_a_directed_pickup_when_it_searches_then_it_names_account_kind_grants_and_device(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", number="700", kind=Kind.HUNT_GROUP))

    dialling.dial("700")

    (wanted,) = dialling.store.asked
    assert (wanted.picker, wanted.number, wanted.kind) == (PICKER, "700", Kind.HUNT_GROUP)
    assert wanted.device == PICKER_FLOW.device
    assert bool(wanted.grants)
    assert wanted.token


def test_given_a_general_pickup_when_it_searches_then_only_the_grants_bound_it(pickup: Make) -> None:
    dialling = pickup(*line("a"))
    dialling.dial()
    (wanted,) = dialling.store.asked
    assert (wanted.number, wanted.kind) == ("", None)
    grants = wanted.grants
    assert (len(grants.hunt_groups), len(grants.extensions), len(grants.agent_groups)) == (1, 1, 1)


def test_given_require_hold_off_when_it_searches_then_no_device_is_looked_at(pickup: Make) -> None:
    dialling = pickup(*line("a"), settings=DomainSettings(require_hold=False))
    dialling.dial()
    assert dialling.store.asked[0].device == ""


@pytest.mark.parametrize("on", [True, False])
def test_given_the_setting_for_group_calls_when_it_searches_then_it_is_told(on: bool, pickup: Make) -> None:
    dialling = pickup(*line("a"), settings=DomainSettings(directed_includes_group_calls=on))
    dialling.dial("101")
    assert dialling.store.asked[0].includes_group_calls is on


# Refusals before anything is sent


@pytest.mark.parametrize(
    ("number", "refusal", "text"),
    [
        ("102", NotPermitted, "102 does not let 103 pick up"),
        ("105", NotPermitted, "105 does not let 103 pick up"),
        ("199", UnknownTarget, "no account of that number"),
        ("*87", UnknownTarget, "no account of that number"),
        ("101", NothingEligible, "no call that you may pick up is ringing"),
        ("", NothingEligible, "no call that you may pick up is ringing"),
    ],
)
def test_given_nothing_to_have_when_dialled_then_the_refusal_says_why_and_is_written_down_once(
    number: str, refusal: type[PickupRefused], text: str, pickup: Make
) -> None:
    dialling = pickup()

    with pytest.raises(refusal) as refused:
        dialling.dial(number)

    assert text in refused.value.warning
    assert dialling.record.outcomes() == [(refusal.outcome, refusal.status)]
    assert dialling.record.events[0].dialled == number
    assert dialling.sent == []


def test_given_a_picker_without_any_permission_when_general_then_403_and_the_store_is_not_asked(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a"))
    with pytest.raises(NotPermitted):
        dialling.dial(picker=Aor("nobody", DOMAIN))
    assert dialling.store.asked == []


def test_given_no_permission_when_directed_then_the_store_is_not_asked(pickup: Make) -> None:
    dialling = pickup(*line("a"))
    with pytest.raises(NotPermitted):
        dialling.dial("102")
    assert dialling.store.asked == []


@pytest.mark.parametrize(
    ("raised", "refusal", "status"),
    [
        (AlreadyAnswered("somebody was faster"), AlreadyAnswered, 410),
        (NotOnHold("hold it"), NotOnHold, 486),
        (StoreUnavailable("no answer"), PickupUnavailable, 503),
    ],
)
def test_given_the_store_s_refusal_when_dialled_then_it_is_the_picker_s_answer_with_its_warning(
    raised: Exception, refusal: type[PickupRefused], status: int, pickup: Make
) -> None:
    """Product: each answer of the table comes with a `Warning: 399` text."""
    dialling = pickup(raised)

    with pytest.raises(refusal) as refused:
        dialling.dial("101")

    assert refused.value.status == status
    assert (refused.value.retry_after_s > 0) == (status == 503)
    assert dialling.record.outcomes() == [(refusal.outcome, status)]
    assert refused.value.warning


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        ({"replaces": False}, "does not support Replaces"),
        ({"tags": ()}, "begun to ring"),
        ({"contact": ""}, "no Contact"),
        ({"dialog": DialogId("a", "")}, "no From tag"),
    ],
)
def test_given_a_call_that_replaces_cannot_take_when_dialled_then_480_nothing_is_sent_and_it_is_released(
    lacking: dict[str, object], text: str, pickup: Make
) -> None:
    dialling = pickup(ringing_call("a", **lacking))  # type: ignore[arg-type]

    with pytest.raises(NothingEligible) as refused:
        dialling.dial("101")

    assert text in refused.value.warning
    assert dialling.sent == []
    assert dialling.store.held == {}
    assert len(dialling.store.released) == 1
    assert dialling.record.outcomes() == [("nothing_eligible", 480)]


def test_given_a_call_that_cannot_be_had_when_general_then_the_next_one_is_tried_at_once(
    pickup: Make,
) -> None:
    dialling = pickup(*line("old", replaces=False), *line("next"))

    dialling.dial()

    assert dialling.sent == contacts("next")
    assert len(dialling.store.held) == 1


def test_given_many_calls_that_cannot_be_had_when_general_then_they_use_up_no_tries(pickup: Make) -> None:
    """pickup_tries bounds how many calls one `*87` is sent after; to these nothing is sent."""
    names = [f"trunk-{n}" for n in range(Settings().pickup_tries)]
    dialling = pickup(*line(*names, replaces=False), *line("real"))

    dialling.dial()

    assert dialling.sent == contacts("real")


def test_given_calls_without_end_that_cannot_be_had_when_general_then_it_ends_all_the_same(pickup: Make) -> None:
    dialling = pickup(*line(*(f"trunk-{n}" for n in range(LOOKED_AT_MOST + 5)), replaces=False), *line("real"))

    with pytest.raises(NothingEligible):
        dialling.dial()

    assert len(dialling.store.asked) == len(dialling.store.released) == LOOKED_AT_MOST
    assert (dialling.sent, dialling.store.held) == ([], {})
    (event,) = dialling.record.events
    assert (event.tried, event.call_id) == (0, f"trunk-{LOOKED_AT_MOST - 1}")


def test_given_a_caller_who_waits_in_a_queue_when_picked_up_from_there_then_the_182_is_the_dialog_that_is_replaced(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", number="800", kind=Kind.AGENT_GROUP, waiting=True, tags=("own-tag",)))

    dialling.dial("800")

    assert dialling.store.asked[0].kind is Kind.AGENT_GROUP
    branch = dialling.scene.branch_out()
    dialling.service.dress_branch()
    assert branch.appended[0] == "Replaces: a;to-tag=a-caller;from-tag=own-tag;early-only"


def test_given_a_permission_withdrawn_a_moment_ago_when_the_store_still_finds_the_call_then_it_is_released(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", number="102"))

    with pytest.raises(NothingEligible) as refused:
        dialling.dial()

    assert "102 does not let 103 pick up" in refused.value.warning
    assert (dialling.sent, dialling.store.held) == ([], {})


def test_given_an_account_that_is_gone_when_the_store_still_finds_its_call_then_it_is_released(
    pickup: Make,
) -> None:
    dialling = pickup(*line("a", number="999"))
    with pytest.raises(NothingEligible):
        dialling.dial()
    assert (dialling.sent, dialling.store.held) == ([], {})


def test_given_a_caller_that_cannot_be_reached_when_sent_then_it_is_released_and_the_next_is_tried(
    pickup: Make,
) -> None:
    dialling = pickup(*line("gone", "next"))
    dialling.scene.transaction.relays_fail = 1

    dialling.dial()

    assert dialling.sent == contacts("next")
    assert len(dialling.store.released) == 1
