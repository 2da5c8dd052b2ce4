"""Real processes that meet at the end of a pickup: the callee answers, or the caller's phone ends its call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from kemi.accounts.directory import Grants
from kemi.pickup.claim import Outcome, Rerouted
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import open_store
from tests.store.scene import PICKER, Answered, Scene, phone
from tests.store.test_races import Act, delayed, name, number, run_rounds

ROUNDS = 300
CALLER, CALLEE, PICKER_S = phone(5061), phone(5062), phone(5070)
NO = ""


@pytest.fixture
def patient(settings: Settings, raw: redis.Redis) -> Iterator[Scene]:
    """The same tenant, with claims that outlast the test."""
    store = open_store(replace(settings, claim_ttl_ms=600_000))
    store.load_functions()
    yield Scene(store, raw)
    store.close()


def claim_all(scene: Scene, *, sent: bool = False) -> None:
    """Each round's call is claimed by PICKER; sent: and on its way to his phone."""
    for round_ in range(ROUNDS):
        call = scene.ring(number(round_), dialog=name(round_), permit=number(round_), ttl_ms=600_000)
        assert scene.picked_up(number(round_), grants=Grants(extensions=(number(round_),))) == call
        if sent:
            assert scene.reroute(call, ttl_ms=600_000) is Rerouted.DONE


def new_dialog(round_: int) -> DialogId:
    return DialogId(f"new-{round_}@192.0.2.1", "carol")


def connects(*, rerouted: bool) -> Act:
    def act(scene: Scene, round_: int) -> str:
        new = None if rerouted else new_dialog(round_)
        outcome, callee = scene.connected(name(round_), new=new, picker=PICKER_S, called=CALLER)
        assert callee == (end_of(round_) if outcome is Outcome.CROSSED else "")
        return outcome.name

    return act


def end_of(round_: int) -> str:
    return f"callee's end of {round_}"


def answers(scene: Scene, round_: int) -> str:
    return scene.answered(name(round_), CALLER, CALLEE, callee_end=end_of(round_)).name


def cancels(scene: Scene, round_: int) -> str:
    return scene.ended(name(round_))


def sends(scene: Scene, round_: int) -> str:
    return scene.reroute(name(round_)).name


def meet(settings: Settings, one: Act, other: Act) -> Counter[tuple[str, ...]]:
    """What came of each round, on both sides, and how often."""
    acts = [delayed(one, in_odd_rounds=True), delayed(other, in_odd_rounds=False)]
    return Counter(tuple(outcomes) for outcomes in run_rounds(settings, acts, ROUNDS))


def talks(scene: Scene) -> set[str]:
    return {left.partition(":")[2] for left in scene.lasting() if left.startswith("talk:")}


def assert_nothing_rings(scene: Scene) -> None:
    assert not any(left.startswith(("call:", "ring:", "claims", "busy:", "due:")) for left in scene.lasting())


def test_given_a_caller_s_phone_that_takes_the_picker_when_the_callee_answers_at_that_moment_then_one_wins_both_know(
    patient: Scene, settings: Settings
) -> None:
    claim_all(patient)
    came_of_it = meet(settings, connects(rerouted=False), answers)
    # Either the callee is told that he is too late, or the picker that the callee's dialog must be ended.
    assert set(came_of_it) == {(Outcome.DONE.name, "PICKED_UP"), (Outcome.CROSSED.name, "DONE")}, came_of_it
    assert talks(patient) == {new_dialog(round_).key for round_ in range(ROUNDS)}, "only pickups are left"
    for round_ in range(ROUNDS):
        # The caller's phone ends what it gave up for the picker.
        patient.ended(name(round_))
    assert_nothing_rings(patient)


def test_given_a_picker_s_phone_that_answers_when_the_callee_answers_at_that_moment_then_one_wins_and_both_know(
    patient: Scene, settings: Settings
) -> None:
    claim_all(patient, sent=True)
    came_of_it = meet(settings, connects(rerouted=True), answers)
    assert set(came_of_it) == {(Outcome.DONE.name, "PICKED_UP"), (Outcome.LOST.name, "DONE")}, came_of_it
    assert talks(patient) == {name(round_).key for round_ in range(ROUNDS)}, "each call has one talk"
    of_picker, of_callee = (patient.redis.hlen(f"s87:{{{patient.domain}}}:device:{d.flow}") for d in (PICKER_S, CALLEE))
    assert of_picker == came_of_it[Outcome.DONE.name, Answered.PICKED_UP.name]
    assert of_callee == came_of_it[Outcome.LOST.name, Answered.DONE.name]
    assert_nothing_rings(patient)


def test_given_a_caller_s_phone_that_takes_the_picker_when_its_cancel_comes_at_that_moment_then_it_is_the_picker_s(
    patient: Scene, settings: Settings
) -> None:
    claim_all(patient)
    came_of_it = meet(settings, connects(rerouted=False), cancels)
    assert set(came_of_it) == {(Outcome.DONE.name, PICKER), (Outcome.LOST.name, PICKER)}, came_of_it
    assert talks(patient) == {new_dialog(round_).key for round_ in range(ROUNDS)}, "the pickup is known in both orders"
    assert_nothing_rings(patient)


def test_given_a_picker_s_phone_that_answers_when_the_caller_gives_up_at_that_moment_then_one_wins_and_both_know(
    patient: Scene, settings: Settings
) -> None:
    claim_all(patient, sent=True)
    came_of_it = meet(settings, connects(rerouted=True), cancels)
    # A caller who gives up was picked up by nobody, whoever came first.
    assert set(came_of_it) == {(Outcome.DONE.name, NO), (Outcome.LOST.name, NO)}, came_of_it
    assert len(talks(patient)) == came_of_it[Outcome.DONE.name, NO]
    assert_nothing_rings(patient)


def test_given_a_refused_replaces_when_the_caller_s_phone_ends_its_call_at_that_moment_then_both_know_who_was_first(
    patient: Scene, settings: Settings
) -> None:
    claim_all(patient)
    came_of_it = meet(settings, sends, cancels)
    # Sent: the caller gives up himself. Given up: for the picker, who then rings the caller back.
    assert set(came_of_it) == {(Rerouted.DONE.name, NO), (Rerouted.GIVEN_UP.name, PICKER)}, came_of_it
    assert_nothing_rings(patient)


def test_given_a_call_that_is_to_be_sent_when_the_callee_answers_at_that_moment_then_it_is_answered_and_no_phone_wins(
    patient: Scene, settings: Settings
) -> None:
    claim_all(patient)
    came_of_it = meet(settings, sends, answers)
    assert set(came_of_it) == {(Rerouted.DONE.name, "DONE"), (Rerouted.GONE.name, "DONE")}, came_of_it
    assert {patient.connected(name(round_))[0] for round_ in range(ROUNDS)} == {Outcome.LOST}
    assert talks(patient) == {name(round_).key for round_ in range(ROUNDS)}
    assert_nothing_rings(patient)


def test_given_a_claim_that_is_given_back_when_the_picker_s_phone_answers_at_that_moment_then_it_is_had_or_rings_on(
    patient: Scene, settings: Settings
) -> None:
    claim_all(patient, sent=True)

    def gives_back(scene: Scene, round_: int) -> str:
        scene.release(name(round_))
        return NO

    came_of_it = meet(settings, connects(rerouted=True), gives_back)
    assert set(came_of_it) == {(Outcome.DONE.name, NO), (Outcome.LOST.name, NO)}, came_of_it
    lost = came_of_it[Outcome.LOST.name, NO]
    shown = patient.seen(*(number(round_) for round_ in range(ROUNDS)))
    assert len(shown) == lost
    assert not any(call.claimed_by for call in shown.values())
    assert len(talks(patient)) == ROUNDS - lost
