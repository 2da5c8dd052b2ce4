"""Real processes that meet at one call, each with its own connection, round after round."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkContext
from multiprocessing.synchronize import Barrier
from typing import Any

from kemi.accounts.directory import Grants
from kemi.errors import AlreadyAnswered
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import open_store
from tests.store.scene import ALL, Scene

FORK: ForkContext = multiprocessing.get_context("fork")
PICKERS = 4
ROUNDS = 400
BOUND_S = 60
NOBODY, TOO_LATE = "", "already answered"

Act = Callable[[Scene, int], str]
"""What one process does in one round: returns what came of it."""


def name(round_: int) -> DialogId:
    return DialogId(f"round-{round_}@192.0.2.1", "alice")


def number(round_: int) -> str:
    """Each round's call rings at an account of its own, with a permission of that name."""
    return f"{2000 + round_}"


def run_rounds(settings: Settings, acts: Sequence[Act], rounds: int = ROUNDS) -> list[list[str]]:
    """Let each act run in a process of its own, all of them at once in each round; returns what came of each round.

    The first two rounds are played one act after another, in both orders: neither is left to the machine's luck.
    """
    barrier: Barrier = FORK.Barrier(len(acts))
    results: Any = FORK.SimpleQueue()

    def play(index: int) -> None:
        store = open_store(settings)
        scene = Scene(store, None)  # type: ignore[arg-type]
        outcomes = []
        try:
            store.ping()
            for round_ in range(rounds):
                turn = (index, len(acts) - 1 - index)[round_] if round_ < 2 else 0
                for _ in range(turn + 1):
                    barrier.wait(BOUND_S)
                outcomes.append(acts[index](scene, round_))
                for _ in range(len(acts) - 1 - turn if round_ < 2 else 0):
                    barrier.wait(BOUND_S)
            results.put((index, outcomes))
        except BaseException as failure:
            barrier.abort()
            results.put((index, [f"{type(failure).__name__}: {failure}"]))
        finally:
            store.close()

    processes = [FORK.Process(target=play, args=(index,), daemon=True) for index in range(len(acts))]
    for process in processes:
        process.start()
    by_index = dict(results.get() for _ in processes)
    for process in processes:
        process.join(BOUND_S)
        assert process.exitcode == 0
    assert all(len(outcomes) == rounds for outcomes in by_index.values()), by_index
    return [list(outcomes) for outcomes in zip(*(by_index[index] for index in range(len(acts))), strict=True)]


def picker(own: str, *, directed: bool) -> Act:
    """Dials *87 (or *87 and the round's account): returns its own number when it got the call."""

    def act(scene: Scene, round_: int) -> str:
        try:
            dialled = number(round_) if directed else ""
            claim = scene.pick(dialled, picker=own, token=own, grants=Grants(extensions=(number(round_),)))
        except AlreadyAnswered:
            return TOO_LATE
        if claim is None:
            return NOBODY
        assert claim.call.caller.dialog == name(round_)
        return own

    return act


def delayed(act: Act, *, in_odd_rounds: bool) -> Act:
    """Comes late in every second round, by up to 0.4 ms: both sides meet at every point of their way."""

    def later(scene: Scene, round_: int) -> str:
        if bool(round_ % 2) is in_odd_rounds:
            until_ns = time.perf_counter_ns() + (round_ % 40) * 10_000
            while time.perf_counter_ns() < until_ns:
                pass
        return act(scene, round_)

    return later


def pickers(count: int = PICKERS, *, directed: bool = True) -> list[Act]:
    return [picker(f"{110 + index}", directed=directed) for index in range(count)]


def against(act: Act, *, directed: bool) -> list[Act]:
    """Three pickers and somebody who ends the call."""
    sides = [delayed(side, in_odd_rounds=True) for side in pickers(PICKERS - 1, directed=directed)]
    return [*sides, delayed(act, in_odd_rounds=False)]


def ring_all(scene: Scene, rounds: int = ROUNDS) -> None:
    for round_ in range(rounds):
        scene.ring(number(round_), dialog=name(round_), permit=number(round_))


def test_given_four_pickers_when_all_direct_at_one_call_then_exactly_one_gets_it_and_the_others_are_too_late(
    scene: Scene, settings: Settings
) -> None:
    ring_all(scene)
    for outcomes in run_rounds(settings, pickers()):
        winners = [outcome for outcome in outcomes if outcome not in (NOBODY, TOO_LATE)]
        assert len(winners) == 1, outcomes
        assert outcomes.count(TOO_LATE) == PICKERS - 1


def test_given_four_pickers_when_all_dial_87_at_one_call_then_exactly_one_gets_it_and_the_others_nothing(
    scene: Scene, settings: Settings
) -> None:
    ring_all(scene)
    for outcomes in run_rounds(settings, pickers(directed=False)):
        winners = [outcome for outcome in outcomes if outcome != NOBODY]
        assert len(winners) == 1, outcomes


def test_given_four_pickers_and_as_many_calls_when_all_dial_87_at_once_then_each_gets_another_call(
    scene: Scene, settings: Settings
) -> None:
    calls = {scene.ring(f"{101 + index % 3}").key for index in range(PICKERS * ROUNDS)}

    def act(scene: Scene, _: int) -> str:
        claim = scene.pick()
        return claim.call.key if claim else NOBODY

    taken = [key for outcomes in run_rounds(settings, [act] * PICKERS) for key in outcomes]
    assert len(taken) == len(set(taken))
    assert set(taken) == calls


def test_given_pickers_when_the_caller_cancels_at_that_moment_then_its_end_names_whoever_got_the_call(
    scene: Scene, settings: Settings
) -> None:
    ring_all(scene)

    def cancel(scene: Scene, round_: int) -> str:
        return scene.ended(name(round_))

    seen = Counter[bool]()
    for *outcomes, had_claimed in run_rounds(settings, against(cancel, directed=False)):
        assert [outcome for outcome in outcomes if outcome] == ([had_claimed] if had_claimed else [])
        seen[bool(had_claimed)] += 1
    assert not any(key.startswith(("call:", "ring:", "claims")) for key in scene.lasting())
    assert len(seen) == 2, "both orders must have been tried"


def test_given_pickers_when_the_callee_answers_at_that_moment_then_at_most_one_has_the_call_and_it_rings_no_more(
    scene: Scene, settings: Settings
) -> None:
    ring_all(scene)

    def answer(scene: Scene, round_: int) -> str:
        scene.answered(name(round_))
        return ""

    seen = Counter[int]()
    for *outcomes, _ in run_rounds(settings, against(answer, directed=True)):
        winners = [outcome for outcome in outcomes if outcome != TOO_LATE]
        assert NOBODY not in winners, "who is too late for an answered call is told so"
        assert len(winners) <= 1, outcomes
        seen[len(winners)] += 1
    assert {key.partition(":")[0] for key in scene.lasting()} == {"taken"}
    assert len(seen) == 2, "both orders must have been tried"


def test_given_pickers_that_claim_and_release_when_they_meet_then_the_call_is_held_by_one_and_never_lost(
    scene: Scene, settings: Settings
) -> None:
    first, second = scene.ring(), scene.ring()
    held = {first.key: FORK.Value("i", 0), second.key: FORK.Value("i", 0)}

    def act(scene: Scene, round_: int) -> str:
        claim = scene.pick(token=f"{id(held)}-{multiprocessing.current_process().pid}-{round_}")
        if claim is None:
            return NOBODY
        holders = held[claim.call.key]
        with holders.get_lock():
            holders.value += 1
            alone = holders.value == 1
        scene.release(claim.call.caller.dialog, "of somebody else")
        with holders.get_lock():
            holders.value -= 1
        scene.release(claim.call.caller.dialog, claim.token)
        return "alone" if alone else "twice"

    outcomes = Counter(outcome for outcomes in run_rounds(settings, [act] * PICKERS) for outcome in outcomes)
    assert outcomes["alone"] >= ROUNDS
    assert outcomes["twice"] == 0
    assert [scene.picked_up() for _ in range(3)] == [first, second, None]
    assert "claims" in scene.left()


def test_given_a_group_that_goes_on_when_pickers_claim_and_release_at_that_moment_then_its_lines_hold_it_once(
    scene: Scene, settings: Settings
) -> None:
    call = scene.ring("101", by_member=True)

    def go_on(scene: Scene, round_: int) -> str:
        return str(scene.stage(call, (f"{300 + round_}",)))

    def reindex(scene: Scene, round_: int) -> str:
        scene.reindex("101", "even" if round_ % 2 else "odd")
        return ""

    def act(scene: Scene, _: int) -> str:
        grants = Grants(extensions=("even", "odd", *ALL.extensions))
        claim = scene.pick(grants=grants, token=f"{multiprocessing.current_process().pid}")
        if claim is not None:
            scene.release(call, claim.token)
        return NOBODY

    run_rounds(settings, [act, act, go_on, reindex])
    last, permit = ROUNDS - 1, "even" if (ROUNDS - 1) % 2 else "odd"
    assert set(scene.left()) == {
        f"call:{call.key}",
        "ring:n:101",
        f"ring:p:e:{permit}",
        f"ring:m:{300 + last}",
    }
