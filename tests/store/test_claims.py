"""A claim: for one picker, until the old call has ended or the claim is released or runs out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from kemi.errors import AlreadyAnswered, StoreUnavailable
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import keys, open_store
from kemi.store.timed_link import TimedLink
from tests.store.scene import HUNT, PICKER, RING_MS, Scene
from tests.support.until import until


def run_out(scene: Scene, *calls: DialogId) -> None:
    """The claims of these calls have lasted as long as they may."""
    claims = f"{keys.tenant(scene.domain)}{keys.SUFFIXES['claims']}"
    scene.redis.zadd(claims, {call.key: 1 for call in calls})


def picked_up(scene: Scene, *, picker: str, token: str = "token") -> DialogId | None:
    """Dial *87 until a call is had: how a claim that runs out is waited for."""
    return until(lambda: scene.picked_up(picker=picker, token=token), what="a call to pick up")


def test_given_a_claim_when_it_is_looked_at_then_it_holds_the_call_and_the_picker(scene: Scene) -> None:
    call = scene.ring("700", HUNT, members=("101", "102"))
    claim = scene.pick(token="mine")
    assert claim is not None
    assert (claim.token, claim.call.number, claim.call.claimed_by) == ("mine", "700", PICKER)
    assert scene.seen()[call].claimed_by == PICKER


def test_given_a_claim_when_it_is_released_then_the_call_is_in_its_old_place(scene: Scene) -> None:
    calls = [scene.ring("700", HUNT, members=("101",), by_member=True) for _ in range(3)]
    before = set(scene.left())
    assert scene.picked_up(tried=calls[:1]) == calls[1]
    scene.release(calls[1])
    assert set(scene.left()) == before
    assert list(scene.seen()) == calls
    assert [scene.picked_up() for _ in range(4)] == [*calls, None]


def test_given_a_released_call_when_it_is_claimed_again_then_it_is_as_if_nothing_had_happened(
    scene: Scene,
) -> None:
    scene.rings(scene.ring("101"), 0, "bob")
    first = scene.pick("101", token="same")
    assert first is not None
    scene.release(first.call.caller.dialog, "same")
    assert scene.pick("101", token="same") == first


def test_given_a_claim_when_somebody_releases_it_with_another_token_then_it_holds(scene: Scene) -> None:
    call = scene.ring()
    scene.pick(token="mine")
    scene.release(call, "another's")
    scene.release(call, "")
    assert scene.pick(picker="110") is None
    assert scene.seen()[call].claimed_by == PICKER


def test_given_a_claim_when_it_is_disclaimed_then_the_call_is_in_its_old_place_and_no_other_s_claim_is_touched(
    scene: Scene,
) -> None:
    calls = [scene.ring("700", HUNT, members=("101",), by_member=True) for _ in range(3)]
    before = set(scene.left())
    assert scene.picked_up(token="another's") == calls[0]
    assert scene.picked_up(token="mine") == calls[1]
    scene.disclaims("mine")
    assert scene.seen()[calls[1]].claimed_by == ""
    assert scene.seen()[calls[0]].claimed_by == PICKER
    scene.disclaims("nobody's")
    scene.release(calls[0], "another's")
    assert set(scene.left()) == before
    assert list(scene.seen()) == calls


def test_given_a_picker_who_has_the_call_when_his_claim_is_disclaimed_then_he_keeps_it(scene: Scene) -> None:
    call = scene.ring()
    assert scene.picked_up(token="mine") == call
    scene.picked(call, "mine")
    before = scene.seen()
    scene.disclaims("mine")
    assert scene.seen() == before
    assert scene.ended(call) == PICKER


def test_given_a_claim_that_is_made_in_time_when_its_answer_is_late_then_the_call_is_not_kept_from_the_next_picker(
    settings: Settings, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker has answered 503 by then; it would be kept from everybody for as long as a claim lasts."""
    store = open_store(replace(settings, redis_retry_ms=1))
    hasty = Scene(store, scene.redis)
    assert hasty.pick("101") is None, "connected"
    call = scene.ring("101")
    claims = []

    def late(link: TimedLink) -> object:
        claims.append(link.redis.read_response())
        raise TimeoutError("late")

    with monkeypatch.context() as patch:
        patch.setattr(TimedLink, "reply", late)
        with pytest.raises(StoreUnavailable):
            hasty.pick("101")
    assert claims[0][:2] == [1, call.key.encode()], "it was made"
    assert scene.seen()[call].claimed_by == PICKER

    def is_back() -> bool:
        with suppress(StoreUnavailable):
            assert hasty.pick("102") is None
            store.provisioning.stamp()
            return True
        return False

    until(is_back, what="the store to be asked again")
    assert scene.picked_up("101", picker="110") == call
    store.close()


def test_given_an_unclaimed_call_when_it_is_released_then_nothing_changes(scene: Scene) -> None:
    call = scene.ring()
    before = scene.seen()
    scene.release(call)
    assert scene.seen() == before


def test_given_a_claim_whose_node_died_when_it_runs_out_then_the_call_is_in_its_old_place(
    scene: Scene,
) -> None:
    first, second = scene.ring(), scene.ring()
    assert scene.picked_up(token="of the dead") == first
    assert scene.picked_up(picker="110") == second
    run_out(scene, first)
    assert scene.picked_up(picker="110") == first


def test_given_a_claim_that_ran_out_when_the_account_is_named_then_the_call_is_taken(
    impatient: Scene,
) -> None:
    call = impatient.ring("101")
    impatient.pick("101")

    def taken() -> DialogId | None:
        try:
            return impatient.picked_up("101", picker="110")
        except AlreadyAnswered:
            return None

    assert until(taken) == call


def test_given_a_claim_that_ran_out_when_its_holder_releases_it_late_then_the_next_holder_keeps_it(
    impatient: Scene,
) -> None:
    call = impatient.ring()
    impatient.pick(token="late")
    assert picked_up(impatient, picker="110", token="next") == call
    impatient.release(call, "late")
    assert impatient.seen()[call].claimed_by == "110"


def test_given_a_claim_whose_node_died_when_nobody_looks_for_a_while_then_the_call_is_found_all_the_same(
    impatient: Scene,
) -> None:
    call = impatient.ring()
    impatient.pick(token="of the dead")
    claims = impatient.left()["claims"]
    assert claims > RING_MS - 5_000, "the list of claims must not expire before the claimed call does"
    assert picked_up(impatient, picker="110") == call


def test_given_a_claim_when_its_hunt_group_rings_on_for_longer_then_the_claim_is_remembered_as_long(
    scene: Scene,
) -> None:
    call = scene.ring("700", HUNT)
    scene.pick()
    scene.stage(call, ("103",), ttl_ms=4 * RING_MS)
    assert scene.left()["claims"] > 3 * RING_MS


def test_given_many_claims_of_dead_nodes_when_they_run_out_then_none_is_lost(scene: Scene) -> None:
    calls = [scene.ring() for _ in range(40)]
    for _ in calls:
        scene.pick(token="of the dead")
    run_out(scene, *calls)
    assert {scene.picked_up(picker="110") for _ in calls} == set(calls)
    assert scene.pick(picker="110") is None


def test_given_a_picked_up_call_when_the_claim_would_have_run_out_then_it_is_still_nobody_else_s(
    impatient: Scene,
) -> None:
    old, marker = impatient.ring("101"), impatient.ring("102")
    assert impatient.picked_up(token="mine") == old
    impatient.picked(old, "mine")
    assert impatient.picked_up(token="of the dead") == marker
    # When this claim has run out, the older one would have, too.
    assert picked_up(impatient, picker="110") == marker
    assert impatient.pick(picker="111") is None
    assert impatient.seen()[old].claimed_by == PICKER
    # Nor when its whole time is up while the record is still there.
    impatient.redis.zadd(f"{keys.tenant(impatient.domain)}{keys.SUFFIXES['claims']}", {old.key: 1})
    assert impatient.pick(picker="111") is None


def test_given_a_claim_that_ran_out_and_went_to_another_when_the_first_is_accepted_then_the_other_keeps_it(
    impatient: Scene,
) -> None:
    old = impatient.ring("101")
    impatient.pick(token="late")
    assert picked_up(impatient, picker="110", token="next") == old
    impatient.picked(old, "late")
    assert impatient.seen()[old].claimed_by == "110"
    impatient.release(old, "next")
    assert picked_up(impatient, picker="111") == old


def test_given_a_call_that_is_claimed_when_its_caller_cancels_then_whose_claim_it_was_is_returned(
    scene: Scene,
) -> None:
    call = scene.ring()
    scene.pick(picker="110")
    assert scene.ended(call) == "110"
    assert scene.ended(call) == ""


@pytest.mark.parametrize("late", ["release", "picked"])
def test_given_a_claimed_call_that_has_ended_when_its_picker_comes_back_then_it_stays_forgotten(
    scene: Scene, late: str
) -> None:
    call = scene.ring()
    scene.pick()
    scene.ended(call)
    if late == "release":
        scene.release(call)
    else:
        scene.picked(call)
    assert scene.lasting() <= {"taken:101"}
    assert scene.seen() == {}
