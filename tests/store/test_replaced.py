"""Which dialog a Replaces header names, and how its sender stands to it; a claim of one call that is named."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kemi.dialogs.replaced import Confirmed, Early, Standing
from kemi.dialogs.tracking import Parties, trunk_party
from kemi.errors import AlreadyAnswered, NotOnHold
from kemi.sip.dialog import DialogId
from tests.store.queue_scene import QueueScene
from tests.store.scene import AGENT, HUNT, Scene, phone

CARRIER = trunk_party("carrier")


def answered(scene: Scene, caller: int, callee: int, parties: Parties, dialog: DialogId | None = None) -> DialogId:
    """Two devices, named by their ports, talk; 0 is a trunk."""
    dialog = dialog or scene.dialog()
    ends = [phone(port) if port else None for port in (caller, callee)]
    scene.answered(dialog, *ends, parties=parties)
    return dialog


def standing(scene: Scene, dialog: DialogId, callee_tag: str, sender: str) -> Standing:
    found = scene.replaced(dialog.call_id, dialog.caller_tag, callee_tag, sender)
    assert isinstance(found, Confirmed)
    return found.standing


# Early


def test_given_a_ringing_call_when_it_is_named_from_either_end_then_it_is_that_call(scene: Scene) -> None:
    call = scene.ring("700", HUNT)
    scene.rings(call, 0, "bob")
    scene.rings(call, 1, "frank")
    for to_tag, from_tag in (("alice", "bob"), ("alice", "frank"), ("bob", "alice"), ("frank", "alice")):
        found = scene.replaced(call.call_id, to_tag, from_tag, "103")
        assert isinstance(found, Early)
        assert (found.call.caller.dialog, found.call.number, found.call.early_tags) == (call, "700", ("bob", "frank"))


@pytest.mark.parametrize(
    ("to_tag", "from_tag"),
    [("alice", "b"), ("alice", "bobb"), ("alice", "0"), ("0", "bob"), ("alic", "bob"), ("alice", "alice"), ("a", "b")],
)
def test_given_a_ringing_call_when_a_tag_is_guessed_then_it_is_unknown(
    to_tag: str, from_tag: str, scene: Scene
) -> None:
    call = scene.ring()
    scene.rings(call, 0, "bob")
    assert scene.replaced(call.call_id, to_tag, from_tag, "103") is None
    assert scene.replaced(call.call_id + "x", "alice", "bob", "103") is None


def test_given_an_early_dialog_that_died_when_it_is_named_then_it_is_unknown_and_the_others_are_not(
    scene: Scene,
) -> None:
    call = scene.ring()
    scene.rings(call, 0, "bob")
    scene.rings(call, 1, "frank")
    scene.branch_failed(call, 0)
    assert scene.replaced(call.call_id, "alice", "bob", "103") is None
    assert isinstance(scene.replaced(call.call_id, "alice", "frank", "103"), Early)


def test_given_a_caller_who_waits_when_his_queue_s_dialog_is_named_then_it_is_early(queue: QueueScene) -> None:
    call, _ = queue.joins()
    queue.ready(call, "queue-tag")
    found = queue.replaced(call.call_id, call.caller_tag, "queue-tag", "103")
    assert isinstance(found, Early)
    assert (found.call.kind, found.call.waiting) == (AGENT, True)


def test_given_a_call_that_ended_or_never_was_when_it_is_named_then_it_is_unknown(scene: Scene) -> None:
    call = scene.ring()
    scene.rings(call, 0, "bob")
    scene.ended(call)
    assert scene.replaced(call.call_id, "alice", "bob", "103") is None
    # The mark that keeps a late entry out is no call.
    assert scene.ended(late := scene.dialog()) == ""
    assert scene.replaced(late.call_id, "alice", "bob", "103") is None


def test_given_a_call_of_another_tenant_when_it_is_named_then_it_is_unknown(scene: Scene) -> None:
    call = scene.ring()
    scene.rings(call, 0, "bob")
    talk = answered(scene, 5061, 5062, Parties("101", "102", "tag"))
    other = Scene(scene.store, scene.redis, "other.example.com")
    assert other.replaced(call.call_id, "alice", "bob", "101") is None
    assert other.replaced(talk.call_id, "alice", "tag", "101") is None


# Confirmed


def test_given_an_answered_call_when_it_is_named_then_who_gets_the_header_stays(scene: Scene) -> None:
    call = scene.ring("700", HUNT)
    answered(scene, 5061, 5062, Parties("101", "102", "tag"), call)

    to_caller = scene.replaced(call.call_id, "alice", "tag", "101")
    to_callee = scene.replaced(call.call_id, "tag", "alice", "101")

    assert to_caller == Confirmed("101", "", Standing.PARTY)
    assert to_callee == Confirmed("102", "700", Standing.PARTY)


@pytest.mark.parametrize(("to_tag", "from_tag"), [("alice", "x"), ("x", "tag"), ("tag", "tag"), ("alice", "0")])
def test_given_an_answered_call_when_one_tag_is_wrong_then_it_is_unknown(
    to_tag: str, from_tag: str, scene: Scene
) -> None:
    call = answered(scene, 5061, 5062, Parties("101", "102", "tag"))
    assert scene.replaced(call.call_id, to_tag, from_tag, "101") is None


def test_given_ends_that_gave_no_tag_when_0_stands_for_it_then_the_dialog_is_found(scene: Scene) -> None:
    """RFC 3891 §6.1."""
    untagged = answered(scene, 5061, 5062, Parties("101", "102", ""), DialogId("old", ""))
    assert isinstance(scene.replaced(untagged.call_id, "0", "0", "101"), Confirmed)
    zero = answered(scene, 5061, 5062, Parties("101", "102", "0"), DialogId("zero", "0"))
    assert isinstance(scene.replaced(zero.call_id, "0", "0", "101"), Confirmed)
    assert scene.replaced(untagged.call_id, "1", "0", "101") is None


def test_given_a_dialog_that_an_older_release_wrote_when_it_is_named_then_it_is_unknown(scene: Scene) -> None:
    call = answered(scene, 5061, 5062, Parties("101", "102", "tag"))
    (talk,) = cast(list[bytes], scene.redis.keys("*talk:*"))
    scene.redis.hdel(talk.decode(), "callee_tag", "caller_party", "callee_party", "routed_to")
    assert scene.replaced(call.call_id, "alice", "tag", "101") is None
    assert scene.replaced(call.call_id, "alice", "0", "101") is None


@pytest.mark.parametrize("sender", ["103", CARRIER, "10", "1011", "", "trunk "])
def test_given_a_sender_without_a_call_when_he_names_an_answered_one_then_he_is_a_stranger(
    sender: str, scene: Scene
) -> None:
    call = answered(scene, 5061, 5062, Parties("101", "102", "tag"))
    assert standing(scene, call, "tag", sender or "?") is Standing.STRANGER


@pytest.mark.parametrize("sender", ["104", CARRIER])
@pytest.mark.parametrize("party", [5061, 5062])
@pytest.mark.parametrize("called", [True, False])
def test_given_a_sender_in_another_dialog_with_a_device_of_the_call_when_he_names_it_then_he_was_sent(
    sender: str, party: int, called: bool, scene: Scene
) -> None:
    call = answered(scene, 5061, 5062, Parties("101", "102", "tag"))
    device = 5064 if sender == "104" else 0
    whose = "101" if party == 5061 else "102"
    if called:
        first = answered(scene, device, party, Parties(sender, whose, "t"))
    else:
        first = answered(scene, party, device, Parties(whose, sender, "t"))
    assert standing(scene, call, "tag", sender) is Standing.SENT
    assert standing(scene, call, "tag", "105") is Standing.STRANGER

    scene.over((first, DialogId(first.call_id, "t")))
    assert standing(scene, call, "tag", sender) is Standing.STRANGER


def test_given_a_sender_who_talks_to_another_device_of_the_party_when_he_names_the_call_then_he_is_a_stranger(
    scene: Scene,
) -> None:
    call = answered(scene, 5061, 5062, Parties("101", "102", "tag"))
    answered(scene, 5064, 5071, Parties("104", "101", "t"))
    assert standing(scene, call, "tag", "104") is Standing.STRANGER


def test_given_two_trunk_ends_when_other_calls_have_trunks_too_then_no_device_joins_them(scene: Scene) -> None:
    """Trunks have no device: the empty name is nobody's."""
    call = answered(scene, 0, 5062, Parties(CARRIER, "102", "tag"))
    answered(scene, 0, 5063, Parties(CARRIER, "103", "t"))
    assert standing(scene, call, "tag", "103") is Standing.STRANGER
    assert standing(scene, call, "tag", trunk_party("rival")) is Standing.STRANGER
    assert standing(scene, call, "tag", CARRIER) is Standing.PARTY


def test_given_a_device_in_very_many_dialogs_when_one_is_named_then_the_work_is_bounded(scene: Scene) -> None:
    call = answered(scene, 5061, 5062, Parties("101", "102", "tag"))
    for number in range(300):
        answered(scene, 5061, 0, Parties("101", f"trunk {number}", "t"))
    found = [standing(scene, call, "tag", f"trunk {number}") is Standing.SENT for number in range(300)]
    assert 200 < sum(found) < 256


def test_given_a_picked_up_call_when_its_new_dialog_is_named_then_picker_and_caller_are_its_parties(
    scene: Scene,
) -> None:
    call = scene.ring(calls_from="104")
    scene.pick()
    new = scene.picked(call, picker=phone(5069), called=phone(5064), parties=Parties("109", "104", "new-tag"))
    assert scene.replaced(new.call_id, "new-tag", "alice", "109") == Confirmed("104", "", Standing.PARTY)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.tuples(*[st.text(max_size=8) | st.sampled_from(["alice", "tag", "0"]) for _ in range(4)]))
def test_given_any_words_when_they_are_asked_for_then_nothing_changes_and_only_the_right_ones_find_the_call(
    words: tuple[str, str, str, str], scene: Scene
) -> None:
    call = DialogId("here", "alice")
    if not scene.left():
        answered(scene, 5061, 5062, Parties("101", "102", "tag"), call)
    before = set(scene.left())
    call_id, to_tag, from_tag, sender = words
    assert scene.replaced(call_id, to_tag, from_tag, sender or "?") is None
    found = scene.replaced(call.call_id, to_tag, from_tag, sender or "?")
    assert (found is not None) == ({to_tag, from_tag} == {"alice", "tag"})
    assert set(scene.left()) == before


# A claim of the call that was named


def test_given_a_named_call_when_it_is_claimed_then_it_is_that_one_though_another_is_first(scene: Scene) -> None:
    first, named = scene.ring(), scene.ring()
    assert scene.picked_up("101", only=named) == named
    with pytest.raises(AlreadyAnswered):
        scene.pick("101", only=named, token="other", picker="108")
    assert scene.picked_up("101", token="third", picker="108") == first


def test_given_a_named_call_when_it_was_tried_then_no_other_comes_in_its_place(scene: Scene) -> None:
    first, named = scene.ring(), scene.ring()
    assert scene.pick("101", only=named, tried=[named]) is None
    assert scene.picked_up("101") == first


def test_given_a_named_call_when_it_is_the_picker_s_own_or_was_sent_on_then_nothing(scene: Scene) -> None:
    own, sent_on = scene.ring(calls_from="109"), scene.ring("102")
    for call in (own, sent_on):
        assert scene.pick("101", only=call) is None


def test_given_a_named_call_when_it_was_answered_meanwhile_then_the_picker_was_too_late(scene: Scene) -> None:
    named = scene.ring()
    scene.answered(named, phone(5061), phone(5062))
    with pytest.raises(AlreadyAnswered):
        scene.pick("101", only=named)


def test_given_a_named_call_when_its_caller_gave_up_then_nothing(scene: Scene) -> None:
    named = scene.ring()
    scene.ended(named)
    assert scene.pick("101", only=named) is None


def test_given_a_named_call_when_it_is_released_then_it_has_its_old_place(scene: Scene) -> None:
    first, second = scene.ring(), scene.ring()
    assert scene.picked_up("101", only=first) == first
    scene.release(first)
    assert scene.picked_up("101", token="again") == first
    assert scene.picked_up("101", token="last", picker="108") == second


def test_given_a_device_that_talks_when_it_names_a_call_then_it_has_to_hold_first(scene: Scene) -> None:
    answered(scene, 5069, 5062, Parties("109", "102", "t"))
    named = scene.ring()
    with pytest.raises(NotOnHold):
        scene.pick("101", only=named, device=phone(5069).flow)


def test_given_a_claim_whose_node_died_when_its_time_is_over_then_the_named_call_is_to_be_had(
    queue: QueueScene,
) -> None:
    named = queue.ring()
    queue.pick("101", only=named)
    queue.run_out_claims()
    assert queue.picked_up("101", only=named, token="next", picker="108") == named


def test_given_a_waiting_caller_when_he_is_named_then_he_is_claimed_and_offered_to_nobody(queue: QueueScene) -> None:
    first, _ = queue.joins()
    queue.ready(first, "a")
    named, _ = queue.joins()
    queue.ready(named, "b")
    assert queue.picked_up("800", AGENT, only=named) == named
    assert queue.offers() == [(first, "101")]
