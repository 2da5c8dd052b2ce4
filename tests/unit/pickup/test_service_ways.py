"""Which way a `*87` is carried out, and how it goes on when the caller's device refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.accounts.model import DomainSettings, PickupMode
from kemi.errors import CallIsBeingSent, MediaRefused, NothingEligible, PickupUnavailable, StoreUnavailable
from kemi.pickup.attempt import Attempt
from kemi.pickup.claim import Rerouted
from kemi.pickup.devices import Verdict, name_of
from tests.support.fake_store import ringing_call
from tests.unit.pickup.conftest import PICKER_CONTACT, Pickup
from tests.unit.pickup.test_service import contacts, line
from tests.unit.pickup.test_service_losses import replaces_headers

Make = Callable[..., Pickup]
HERE = "7:42"
"""Transaction of a call that this node holds."""
REFUSES_REPLACES = [405, 408, 420, 501]
REFUSES = [300, 400, 403, 480, 500, 503]
REROUTE = DomainSettings(pickup_mode=PickupMode.REROUTE)
REPLACES = DomainSettings(pickup_mode=PickupMode.REPLACES)


def here(*names: str, **more: object) -> list[object]:
    """Calls that this node holds, so that they can be rerouted."""
    return line(*names, transaction=HERE, **more)


def device(name: str) -> str:
    return name_of(f"sip:{name}@192.0.2.4", "")


def sent_to_him(dialling: Pickup, dial: Callable[[], None]) -> Attempt:
    """The picker is told that the call comes to him; what is said of it to whoever carries it there."""
    with pytest.raises(CallIsBeingSent) as said:
        dial()
    assert (said.value.status, said.value.reason) == (480, "Call Is Being Sent To You")
    assert dialling.scene.spiral.branched == [HERE]
    assert dialling.store.released == dialling.released_before
    assert dialling.record.events == [], "what comes of it is written down by whoever sees it"
    (offer,) = dialling.store.offers.values()
    return Attempt.unpack(offer)


# The first way


@pytest.mark.parametrize("lacking", [{"replaces": False}, {"tags": ()}, {"contact": ""}])
@pytest.mark.parametrize("dialled", ["", "101"])
def test_given_a_call_that_no_replaces_can_take_when_dialled_then_it_is_sent_to_the_device_that_dialled(
    lacking: dict[str, object], dialled: str, pickup: Make
) -> None:
    dialling = pickup(ringing_call("a", transaction=HERE, **lacking))  # type: ignore[arg-type]

    attempt = sent_to_him(dialling, lambda: dialling.dial(dialled))

    assert (attempt.contact, attempt.way, attempt.sent) == (PICKER_CONTACT, "reroute", 1)
    assert dialling.sent == [], "the caller's device is asked nothing"
    assert len(dialling.store.held) == 1, "the claim lasts until his phone has answered, or not"


def test_given_a_device_that_carries_replaces_out_when_dialled_then_nothing_is_sent_to_the_picker(pickup: Make) -> None:
    dialling = pickup(*here("a"))
    dialling.dial()
    assert dialling.sent == contacts("a")
    assert (dialling.scene.spiral.branched, dialling.store.offers) == ([], {})


def test_given_a_device_that_is_remembered_as_bad_when_dialled_then_it_is_rerouted_at_once(pickup: Make) -> None:
    (call,) = here("a")
    dialling = pickup(call)
    dialling.store.learnt[call.key] = Verdict.BAD  # type: ignore[attr-defined]
    sent_to_him(dialling, dialling.dial)
    assert dialling.sent == []
    assert dialling.store.remembered == []


def test_given_a_make_of_device_that_is_known_not_to_when_this_one_is_remembered_as_good_then_replaces_is_sent(
    pickup: Make,
) -> None:
    (call,) = here("a", user_agent="Linphone/5.1")
    dialling = pickup(call)
    dialling.store.learnt[call.key] = Verdict.GOOD  # type: ignore[attr-defined]
    dialling.dial()
    assert dialling.sent == contacts("a")


def test_given_the_mode_reroute_when_dialled_then_no_replaces_is_sent_even_to_who_can(pickup: Make) -> None:
    dialling = pickup(*here("a"), settings=REROUTE)
    sent_to_him(dialling, dialling.dial)
    assert dialling.sent == []


def test_given_the_mode_reroute_when_another_node_holds_the_call_then_the_next_is_sent(pickup: Make) -> None:
    dialling = pickup(*line("elsewhere"), *here("b"), settings=REROUTE)
    dialling.released_before = [line("elsewhere")[0].key]  # type: ignore[attr-defined]
    attempt = sent_to_him(dialling, dialling.dial)
    assert attempt.target is not None
    assert (attempt.target.call_id, attempt.sent, len(attempt.tried)) == ("b", 1, 2)
    assert dialling.sent == []


def test_given_the_mode_reroute_when_only_a_dead_node_s_call_rings_then_480_says_so(pickup: Make) -> None:
    dialling = pickup(*line("elsewhere"), settings=REROUTE)
    dialling.peers.own = "this one"
    with pytest.raises(NothingEligible) as refused:
        dialling.dial()
    assert "the node that holds the call is not there" in refused.value.warning
    assert (dialling.store.held, dialling.sent, dialling.scene.spiral.branched) == ({}, [], [])


def test_given_a_picker_without_a_contact_when_only_reroute_would_do_then_480_says_so(pickup: Make) -> None:
    dialling = pickup(*here("a"), settings=REROUTE)
    dialling.scene.request.contact_uri = ""
    with pytest.raises(NothingEligible) as refused:
        dialling.dial()
    assert "your device gave no Contact" in refused.value.warning


@pytest.mark.parametrize("lacking", [{"replaces": False}, {"tags": ()}])
def test_given_the_mode_replaces_when_that_cannot_be_then_the_next_call_is_tried_and_none_is_rerouted(
    lacking: dict[str, object], pickup: Make
) -> None:
    dialling = pickup(*here("a", **lacking), *here("b"), settings=REPLACES)
    dialling.dial()
    assert dialling.sent == contacts("b")
    assert (dialling.scene.spiral.branched, dialling.store.offers) == ([], {})


def test_given_a_call_that_is_gone_when_it_is_to_be_sent_then_the_next_one_is(pickup: Make) -> None:
    dialling = pickup(*here("gone", replaces=False), *here("next"))
    dialling.store.rerouting = Rerouted.GONE
    dialling.dial()
    assert dialling.sent == contacts("next")
    assert (len(dialling.store.released), len(dialling.store.held)) == (1, 1)


def test_given_a_transaction_that_has_ended_when_a_branch_is_to_be_added_then_the_claim_is_given_back(
    pickup: Make,
) -> None:
    dialling = pickup(*here("gone", replaces=False))
    dialling.scene.spiral.adds = False
    with pytest.raises(NothingEligible) as refused:
        dialling.dial("101")
    assert refused.value.warning == "the call has ended"
    assert (dialling.store.held, dialling.store.offers) == ({}, {})
    assert dialling.record.outcomes() == [("nothing_eligible", 480)]


def test_given_a_store_that_goes_away_when_the_call_is_to_be_sent_then_it_is_given_back_and_nothing_was_sent(
    pickup: Make,
) -> None:
    dialling = pickup(*here("a", replaces=False))
    dialling.store.away.add("reroute")
    dialling.store.line.append(StoreUnavailable("no answer"))
    with pytest.raises(PickupUnavailable):
        dialling.dial("101")
    assert (dialling.store.held, dialling.scene.spiral.branched) == ({}, [])


# The caller's device refused a Replaces


@pytest.mark.parametrize("status", [*REFUSES_REPLACES, *REFUSES])
def test_given_a_device_that_refuses_the_replaces_when_the_call_is_here_then_the_same_call_is_rerouted(
    status: int, pickup: Make
) -> None:
    dialling = pickup(*here("a", "b"))
    dialling.dial()

    attempt = sent_to_him(dialling, lambda: dialling.fails(status))

    assert attempt.target is not None
    assert (attempt.target.call_id, attempt.way, attempt.sent) == ("a", "reroute", 1)
    assert dialling.sent == contacts("a"), "no other call was touched"


@pytest.mark.parametrize("status", [*REFUSES_REPLACES, *REFUSES, 481, 486, 603])
def test_given_a_refusal_when_it_says_that_the_device_does_not_replace_then_only_then_it_is_remembered_as_bad(
    status: int, pickup: Make
) -> None:
    dialling = pickup(*here("a", "b"), settings=REPLACES)
    dialling.dial()
    dialling.fails(status)
    assert dialling.store.remembered == ([(device("a"), Verdict.BAD)] if status in REFUSES_REPLACES else [])


@pytest.mark.parametrize("status", [481, 486, 600, 603])
def test_given_a_call_that_is_no_more_or_whose_human_will_not_when_refused_then_it_is_not_rerouted_but_the_next_tried(
    status: int, pickup: Make
) -> None:
    dialling = pickup(*here("a", "b"))
    dialling.dial()
    dialling.fails(status)
    assert dialling.sent == contacts("a", "b")
    assert (dialling.scene.spiral.branched, len(dialling.store.released)) == ([], 2 if status == 481 else 1)


@pytest.mark.parametrize("status", [415, 488, 606])
def test_given_media_that_do_not_fit_when_refused_then_488_and_the_call_rings_on_unsent(
    status: int, pickup: Make
) -> None:
    dialling = pickup(*here("a", "b"))
    dialling.dial()
    with pytest.raises(MediaRefused):
        dialling.fails(status)
    assert (dialling.scene.spiral.branched, dialling.store.held, dialling.store.remembered) == ([], {}, [])


@pytest.mark.parametrize("status", [*REFUSES_REPLACES, *REFUSES])
def test_given_the_mode_replaces_when_the_device_refuses_then_it_is_never_rerouted(status: int, pickup: Make) -> None:
    dialling = pickup(*here("a"), settings=REPLACES)
    dialling.dial()
    with pytest.raises(NothingEligible) as refused:
        dialling.fails(status)
    assert str(status) in refused.value.warning
    assert (dialling.scene.spiral.branched, dialling.store.held) == ([], {})


def test_given_another_node_s_call_when_its_device_refuses_then_the_next_call_is_tried(pickup: Make) -> None:
    dialling = pickup(*line("a", "b"))
    dialling.dial()
    dialling.fails(420)
    assert dialling.sent == contacts("a", "b")
    assert dialling.scene.spiral.branched == []


def test_given_a_refused_call_that_has_ended_meanwhile_when_it_is_to_be_sent_then_the_next_is_tried(
    pickup: Make,
) -> None:
    dialling = pickup(*here("a", "b"))
    dialling.dial()
    dialling.store.rerouting = Rerouted.GONE
    dialling.fails(500)
    assert dialling.sent == contacts("a", "b")
    assert (dialling.store.offers, len(dialling.store.released)) == ({}, 1)


def test_given_a_picker_who_gave_up_when_the_device_then_refuses_then_nothing_is_sent_to_him(pickup: Make) -> None:
    dialling = pickup(*here("a"))
    dialling.dial()
    dialling.fails(420, cancelled=True)
    assert (dialling.scene.spiral.branched, dialling.store.held) == ([], {})
    assert dialling.record.outcomes() == [("cancelled", 487)]


# Success


def test_given_a_device_that_took_the_picker_when_it_is_done_then_it_is_remembered_as_good_once(pickup: Make) -> None:
    dialling = pickup(*here("a"))
    dialling.dial()
    for _ in range(2):
        dialling.succeeds()
    assert dialling.store.remembered == [(device("a"), Verdict.GOOD)]


def test_given_another_early_dialog_when_the_last_is_unknown_then_it_is_offered_before_any_reroute(
    pickup: Make,
) -> None:
    dialling = pickup(*here("a", tags=("first", "last")))
    dialling.dial()
    dialling.fails(481)
    assert "from-tag=first" in replaces_headers(dialling)
    assert dialling.scene.spiral.branched == []
    attempt = sent_to_him(dialling, lambda: dialling.fails(500))
    assert attempt.target is not None
    assert attempt.target.callee_tags == ("first",)
