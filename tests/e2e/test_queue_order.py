"""One queue, many callers, SIPp agents: who is served, in which order, and by whom when two are after one caller."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.support.busy_queue import DOMAIN, QUEUE, TOGETHER_S, BusyQueue, Figures, overtaken, serve
from tests.support.crowd import Caller, Picker

CALLERS, AGENTS = 20, 3
TALK_S = 0.3
OFFER_WITHIN_MS = 200
ROUNDS, STEP_S = 30, 0.003


@pytest.fixture
def queue(evidence: Path) -> Iterator[BusyQueue]:
    with BusyQueue(evidence, agents=AGENTS) as queue:
        yield queue


@pytest.fixture
def one_agent(evidence: Path) -> Iterator[BusyQueue]:
    """The node looks often for an agent who has become idle, so that a picker and the agent are about as fast."""
    with BusyQueue(evidence, agents=1, environment={"STAR87_QUEUE_LOOK_MS": "10"}) as queue:
        yield queue


def test_given_twenty_callers_when_three_agents_serve_them_then_all_are_served_in_the_order_in_which_they_came(
    queue: BusyQueue,
) -> None:
    figures = serve(queue, callers=CALLERS, talk_s=TALK_S, picks_every_s=None)

    assert figures.is_sound, figures
    assert (figures.served, figures.picked_up) == (CALLERS, 0)
    assert statistics_of(queue) == {"answered": CALLERS}
    assert 0 < figures.offer_p50_ms <= OFFER_WITHIN_MS, figures


def test_given_twenty_callers_when_a_picker_takes_the_head_again_and_again_then_nobody_is_lost_or_overtaken(
    queue: BusyQueue,
) -> None:
    figures = serve(queue, callers=CALLERS, talk_s=TALK_S, picks_every_s=0)

    assert figures.is_sound, figures
    assert figures.picked_up > 0
    assert figures.served > 0
    assert statistics_of(queue)["picked_up"] == figures.picked_up
    assert "abandoned" not in statistics_of(queue)


def test_given_the_head_of_a_queue_when_an_agent_becomes_idle_as_a_picker_dials_then_each_gets_one_caller(
    one_agent: BusyQueue,
) -> None:
    crowd, picker = one_agent.crowd, one_agent.picker
    talking = _enters(one_agent)
    one_agent.act_until(lambda: talking.served)
    won_by_picker = 0
    for turn in range(ROUNDS):
        head, second = _enters(one_agent), _enters(one_agent)
        assert [head.served, second.served] == [False, False]

        # From before the node looks for an idle agent until after the agent, who rings for 30 ms, has answered.
        dials_at = time.monotonic() + turn * STEP_S
        crowd.hangs_up(talking)
        one_agent.act_until(partial(_has_come, dials_at))
        picker.picks()

        one_agent.act_until(partial(_all_talk, [head, second]))
        assert sorted([head.served, second.served]) == [False, True]
        assert sorted([head.picked_up, second.picked_up]) == [False, True]
        won_by_picker += head.picked_up
        picked, talking = (head, second) if head.picked_up else (second, head)
        crowd.hangs_up(picked)
        one_agent.act_until(partial(_is_free, picker, picked))
    crowd.hangs_up(talking)
    one_agent.act_until(lambda: all(caller.is_over for caller in crowd.callers))

    assert picker.answers == [200] * ROUNDS
    assert 0 < won_by_picker < ROUNDS, "the moments were not those of a race"
    assert statistics_of(one_agent)["picked_up"] == ROUNDS
    assert "abandoned" not in statistics_of(one_agent)
    assert one_agent.close_shop() == 0


def test_given_somebody_behind_a_later_one_when_the_order_is_judged_then_he_was_overtaken() -> None:
    assert overtaken({0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0}) == 0
    assert overtaken({0: 0.0, 2: 1.0, 1: 2.0, 3: 3.0}) == 1
    assert overtaken({3: 0.0, 0: 1.0, 1: 2.0, 2: 3.0}) == 3
    assert overtaken({0: 0.0, 2: 1.0, 1: 1.0 + TOGETHER_S / 2, 3: 2.0}) == 0, "both at once"


def test_given_one_fault_when_figures_are_judged_then_they_are_not_sound() -> None:
    good = Figures(
        picker=True,
        callers=9,
        agents=1,
        served=8,
        picked_up=1,
        lost=0,
        served_twice=0,
        late_answers=0,
        out_of_order=0,
        left_keys=0,
        offer_p50_ms=1.0,
        offer_p99_ms=1.0,
        offer_max_ms=1.0,
        took_s=1.0,
    )

    assert good.is_sound
    assert not replace(good, lost=1).is_sound
    assert not replace(good, served_twice=1).is_sound
    assert not replace(good, out_of_order=1).is_sound
    assert not replace(good, left_keys=1).is_sound
    assert not replace(good, served=7).is_sound


def _enters(queue: BusyQueue) -> Caller:
    caller = queue.crowd.enters()
    queue.act_until(lambda: caller.entered)
    return caller


def _has_come(moment: float) -> bool:
    return time.monotonic() >= moment


def _all_talk(callers: Sequence[Caller]) -> bool:
    return all(caller.talk is not None for caller in callers)


def _is_free(picker: Picker, picked: Caller) -> bool:
    return picker.is_idle and picked.is_over


def statistics_of(queue: BusyQueue) -> dict[str, int]:
    return queue.node.roster(DOMAIN, [], [QUEUE]).groups[0].statistics
