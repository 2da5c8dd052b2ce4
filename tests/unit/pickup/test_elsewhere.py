"""Calls that another node holds, from either node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from kemi.accounts.model import DomainSettings, PickupMode
from kemi.dialogs.record import CallRecord
from kemi.errors import CallIsBeingSent, MediaRefused, NothingEligible, StoreUnavailable
from kemi.nodes.hop import HEADER
from kemi.nodes.peer import Peer
from kemi.pickup.attempt import NAME, Attempt
from kemi.pickup.claim import Rerouted
from kemi.pickup.elsewhere import PICKUP, SILENCE_MS, Result, Told
from kemi.sip.ports import Callback
from tests.unit.pickup.conftest import PICKER, PICKER_CONTACT, PICKER_FLOW, Pickup
from tests.unit.pickup.test_service import contacts, line

Make = Callable[..., Pickup]

OTHER = Peer("other", "1", "udp:192.0.2.50:5060")
THIRD = Peer("third", "1", "udp:192.0.2.51:5060")
DIALLED = "sip:*87@pbx.example.com"


def held_by(peer: Peer, *names: str, **more: object) -> list[object]:
    return [replace(cast(CallRecord, call), node=peer.instance, transaction="3:4") for call in line(*names, **more)]


def at_the_picker_s(pickup: Make, *calls: object) -> Pickup:
    dialling = pickup(*calls)
    dialling.peers.others = (OTHER, THIRD)
    return dialling


def told(dialling: Pickup, what: Told, status: int = 480) -> None:
    """The other node answers."""
    header, _, value = what.header().partition(": ")
    assert header == HEADER
    dialling.scene.failure(status, headers={HEADER: value})
    dialling.service.failed()


def attempt_of(dialling: Pickup) -> Attempt:
    return Attempt.unpack(dialling.scene.transaction.recall(NAME))


# The picker's node


def test_given_a_call_of_another_node_when_dialled_then_the_invite_goes_there_and_names_the_claim(
    pickup: Make,
) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"))
    dialling.dial()
    (sent,) = dialling.scene.transaction.sent
    assert dialling.peers.aimed == [(OTHER.instance, DIALLED)]
    assert (sent.failure, sent.branch, sent.silence_ms) == (
        Callback.PICKUP_FAILURE,
        Callback.PICKUP_BRANCH,
        SILENCE_MS,
    )
    branch = dialling.scene.branch_out()
    dialling.service.dress_branch()
    assert branch.appended == []
    ((instance, kind, words),) = dialling.peers.instructed
    ((key, token),) = dialling.store.held.items()
    assert (instance, kind) == (OTHER.instance, PICKUP)
    domain, asked, named, by, _ = words
    assert (domain, named, by) == ("pbx.example.com", key, token)
    attempt = Attempt.unpack(asked)
    assert (attempt.picker, attempt.flow, attempt.contact) == (PICKER.number, str(PICKER_FLOW), PICKER_CONTACT)
    assert (attempt.target, attempt.tried, attempt.sent) == (None, (), 0)


def test_given_a_pickup_that_the_other_node_made_when_it_is_answered_then_this_one_neither_settles_nor_writes(
    pickup: Make,
) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"))
    dialling.dial()
    dialling.succeeds()
    assert (dialling.store.picks, dialling.record.events, dialling.store.remembered) == ([], [], [])


def test_given_a_call_that_was_lost_there_when_told_then_it_is_given_back_and_the_next_is_tried(pickup: Make) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"), *held_by(THIRD, "b"), *line("c"))
    dialling.dial()
    told(dialling, Told(Result.LOST, "the caller's device answered 603"))
    told(dialling, Told(Result.LOST, "the caller's device answered 603"))
    assert [instance for instance, _ in dialling.peers.aimed] == [OTHER.instance, THIRD.instance]
    assert dialling.sent[-1:] == contacts("c")
    assert len(dialling.store.released) == 2
    assert attempt_of(dialling).sent == 3


def test_given_a_node_that_is_silent_when_its_other_calls_are_next_then_they_are_not_waited_for(pickup: Make) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a", "b", "c"), *line("d"))
    dialling.dial()
    dialling.scene.failure(408, unanswered=True)
    dialling.service.failed()
    assert dialling.peers.aimed == [(OTHER.instance, DIALLED)]
    assert dialling.sent[-1:] == contacts("d")
    assert len(dialling.store.released) == 3


def test_given_a_node_that_is_not_known_to_live_when_its_call_is_first_then_the_next_is_taken_at_once(
    pickup: Make,
) -> None:
    dialling = at_the_picker_s(pickup, *held_by(Peer("dead", "1", ""), "a"), *line("b"))
    dialling.dial()
    assert dialling.sent == contacts("b")
    assert len(dialling.store.released) == 1


def test_given_nothing_but_lost_calls_when_told_why_then_the_picker_hears_it(pickup: Make) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"))
    dialling.dial()
    with pytest.raises(NothingEligible) as refused:
        told(dialling, Told(Result.LOST, "the caller's device answered 603", way="replaces"))
    assert refused.value.warning == "the caller's device answered 603"
    assert dialling.record.outcomes() == [("nothing_eligible", 480)]
    assert dialling.record.events[0].mode == "replaces"


def test_given_a_call_that_is_being_sent_when_told_then_the_claim_stays_and_the_picker_hears_so(pickup: Make) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"))
    dialling.dial()
    with pytest.raises(CallIsBeingSent):
        told(dialling, Told(Result.SENT))
    assert dialling.store.released == []
    assert dialling.record.events == []


def test_given_media_that_was_refused_when_told_then_so_is_the_pickup(pickup: Make) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"), *line("b"))
    dialling.dial()
    with pytest.raises(MediaRefused):
        told(dialling, Told(Result.MEDIA))
    assert len(dialling.store.released) == 1
    assert dialling.record.outcomes() == [("media_refused", 488)]


def test_given_a_dialog_that_nobody_knew_when_told_then_the_call_is_asked_for_once_more(pickup: Make) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a", tags=("one", "two")))
    dialling.dial()
    unknown = tuple(attempt_of(dialling).target.early_dialog(tag) for tag in ("two", "one"))  # type: ignore[union-attr]
    told(dialling, Told(Result.LOST, "481", unknown=unknown, once_more=True))
    assert len(dialling.peers.aimed) == 2
    assert (attempt_of(dialling).unknown, attempt_of(dialling).sent) == (unknown, 1)


@pytest.mark.parametrize("words", ["", "[]", '["odd",1,2]', "no list", '{"a":1}', '["lost","",0,"",5,0]'])
def test_given_what_is_no_word_of_a_node_s_when_read_then_the_call_is_lost(pickup: Make, words: str) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"), *line("b"))
    dialling.dial()
    dialling.scene.failure(500, headers={HEADER: words})
    dialling.service.failed()
    assert dialling.sent[-1:] == contacts("b")


def test_given_a_picker_who_gives_up_when_his_call_is_elsewhere_then_the_claim_is_given_back_and_it_is_recorded(
    pickup: Make,
) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"))
    dialling.dial()
    dialling.fails(487, cancelled=True)
    assert len(dialling.store.released) == 1
    assert dialling.record.outcomes() == [("cancelled", 487)]


# The node that holds the call


def asked(pickup: Make, *calls: object, settings: DomainSettings | None = None) -> Pickup:
    """This node holds the first call; a picker of another one has claimed it."""
    carrying = pickup(*calls, settings=settings)
    carrying.peers.others = (OTHER,)
    call = cast(CallRecord, carrying.store.line[0])
    carrying.store.held[call.key] = "its-token"
    attempt = Attempt.of(carrying.scene.request, carrying._directory, PICKER, "101")
    words = ("pbx.example.com", attempt.pack(), call.key, "its-token", "12")
    carrying.service.carry_out(words, OTHER.instance)
    return carrying


def answer(carrying: Pickup) -> Told:
    ((status, _, (header,)),) = carrying.scene.transaction.replies
    assert status == 480
    said = Told.parse(header.partition(": ")[2])
    assert said is not None
    return said


def test_given_another_node_s_picker_when_the_call_is_here_then_the_caller_s_device_is_asked_to_replace(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a"))
    assert carrying.sent == contacts("a")
    branch = carrying.scene.branch_out()
    carrying.service.dress_branch()
    assert any(header.startswith("Replaces: ") for header in branch.appended)
    assert carrying.peers.instructed == []
    assert carrying.store.asked == [], "nothing is searched for"


def test_given_the_caller_s_device_that_takes_him_when_answered_then_it_is_settled_and_recorded_here(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a"))
    carrying.succeeds()
    assert len(carrying.store.picks) == 1
    assert carrying.store.picks[0].picker.flow == PICKER_FLOW.device
    (event,) = carrying.record.events
    assert (event.outcome, event.status, event.mode, event.tried) == ("picked_up", 200, "replaces", 1)
    assert event.took_ms >= 12


def test_given_a_claim_that_is_not_there_any_more_when_asked_then_nothing_is_sent(pickup: Make) -> None:
    carrying = pickup(*line("a"))
    attempt = Attempt.of(carrying.scene.request, carrying._directory, PICKER, "101")
    carrying.service.carry_out(("pbx.example.com", attempt.pack(), "key", "old-token", "0"), OTHER.instance)
    assert carrying.sent == []
    assert answer(carrying) == Told(Result.LOST, "the call has ended")


def test_given_a_store_that_is_away_when_asked_then_nothing_is_sent(pickup: Make) -> None:
    carrying = pickup(*line("a"))
    carrying.store.away.add("entrust")
    attempt = Attempt.of(carrying.scene.request, carrying._directory, PICKER, "101")
    carrying.service.carry_out(("pbx.example.com", attempt.pack(), "key", "token", "0"), OTHER.instance)
    assert carrying.sent == []
    assert answer(carrying).result is Result.LOST


def test_given_a_permission_that_was_withdrawn_when_asked_then_nothing_is_sent(pickup: Make) -> None:
    carrying = asked(pickup, *line("a", number="105"))
    assert carrying.sent == []
    assert "does not let 103 pick up" in answer(carrying).obstacle
    assert len(carrying.store.released) == 1


def test_given_a_refusal_of_the_caller_s_device_when_it_is_another_node_s_picker_then_that_goes_on_not_this_one(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a", "b"))
    carrying.fails(603)
    assert carrying.sent == contacts("a")
    assert answer(carrying) == Told(Result.LOST, "the caller's device answered 603", way="replaces")
    assert len(carrying.store.released) == 1
    assert carrying.record.events == []


def test_given_an_answer_that_was_faster_when_the_caller_s_device_says_so_then_the_other_node_knows(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a"))
    carrying.fails(486)
    assert answer(carrying).raced


def test_given_early_dialogs_that_the_caller_s_device_does_not_know_when_all_were_tried_then_it_may_be_asked_once_more(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a", tags=("one", "two")))
    carrying.fails(481)
    carrying.fails(481)
    assert carrying.sent == contacts("a", "a")
    said = answer(carrying)
    assert said.once_more
    assert [name.rpartition(" ")[2] for name in said.unknown] == ["two", "one"]


def test_given_media_that_the_caller_s_device_cannot_take_when_it_says_so_then_the_other_node_tells_its_picker(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a"))
    carrying.fails(488)
    assert answer(carrying).result is Result.MEDIA
    assert carrying.record.events == []


def test_given_a_caller_that_does_not_replace_when_asked_then_the_call_is_sent_to_the_device_at_the_other_node(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a", transaction="7:1", replaces=False))
    assert carrying.scene.spiral.branched == ["7:1"]
    assert answer(carrying).result is Result.SENT
    (offer,) = carrying.store.offers.values()
    assert Attempt.unpack(offer).peer == OTHER.instance
    assert carrying.store.released == []


def test_given_a_transaction_that_has_ended_when_the_call_is_to_be_sent_then_nobody_else_is_sent_after_it(
    pickup: Make,
) -> None:
    carrying = pickup(*line("a", transaction="7:1"), settings=DomainSettings(pickup_mode=PickupMode.REROUTE))
    carrying.scene.spiral.adds = False
    carrying.scene.spiral.over.add("7:1")
    with pytest.raises(NothingEligible):
        carrying.dial()
    assert carrying.store.line == []


def test_given_a_caller_who_still_waits_for_an_answer_when_his_device_knows_no_dialog_then_his_call_stays(
    pickup: Make,
) -> None:
    carrying = pickup(*line("a", transaction="7:1"))
    carrying.dial()
    with pytest.raises(NothingEligible):
        carrying.fails(481)
    assert len(carrying.store.line) == 1
    over = pickup(*line("a", transaction="7:1"))
    over.scene.spiral.over.add("7:1")
    over.dial()
    with pytest.raises(NothingEligible):
        over.fails(481)
    assert over.store.line == []


def test_given_a_caller_who_cannot_be_had_by_reroute_any_more_when_asked_then_the_other_node_goes_on(
    pickup: Make,
) -> None:
    carrying = pickup(*line("a", transaction="7:1", replaces=False))
    carrying.store.rerouting = Rerouted.GONE
    call = cast(CallRecord, carrying.store.line[0])
    carrying.store.held[call.key] = "t"
    attempt = Attempt.of(carrying.scene.request, carrying._directory, PICKER, "101")
    carrying.service.carry_out(("pbx.example.com", attempt.pack(), call.key, "t", "0"), OTHER.instance)
    assert answer(carrying).obstacle == "the call has ended"


def test_given_another_node_s_picker_who_gives_up_when_it_is_carried_out_then_only_his_node_records_it(
    pickup: Make,
) -> None:
    carrying = asked(pickup, *line("a"))
    carrying.fails(487, cancelled=True)
    assert len(carrying.store.released) == 1
    assert carrying.record.events == []
    assert carrying.scene.transaction.replies == []


def test_given_a_store_that_fails_when_a_node_goes_on_then_the_error_is_the_picker_s(pickup: Make) -> None:
    dialling = at_the_picker_s(pickup, *held_by(OTHER, "a"), cast(object, StoreUnavailable("away")))
    dialling.dial()
    with pytest.raises(Exception, match="not known at the moment"):
        told(dialling, Told(Result.LOST, "x"))
