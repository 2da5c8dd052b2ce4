"""Every crossing of `make races`, a few times each: nobody is answered twice, lost or left ringing, no key stays."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.node import Node
from tests.support.races.crossings import CROSSINGS, REPLACES, REROUTE, Crossing
from tests.support.races.moments import moments
from tests.support.races.play import ENVIRONMENT, document, play_all
from tests.support.races.verdict import DOUBLE_ANSWER, LOST_CALL, STUCK_RINGING, Line, judge, total

RUNS, LANES = 12, 4
ONE, OTHER = ("call", frozenset({"a", "b"})), ("call", frozenset({"a", "c"}))
ANSWER = next(crossing for crossing in CROSSINGS if crossing.name == "pickup-answer")


@pytest.fixture
def node(evidence: Path) -> Iterator[Node]:
    with Node(evidence, document(CROSSINGS, LANES), environment=ENVIRONMENT) as node:
        yield node


def test_given_two_things_that_cross_when_a_call_is_picked_up_then_one_phone_has_it_and_nothing_is_left(
    node: Node,
) -> None:
    lines = asyncio.run(play_all(node, CROSSINGS, runs=RUNS, lanes=LANES, done=lambda _: None))

    assert [line.runs for line in lines] == [RUNS] * len(CROSSINGS) * 2
    for line in lines:
        assert line.is_sound, "\n".join([str(line.as_json()), *line.told])
    assert "Traceback" not in node.log()


def test_given_one_call_between_two_phones_when_a_run_is_judged_then_one_more_dialog_is_a_double_answer() -> None:
    assert judge([ONE], [ONE, OTHER], rings=False, caller_waits=False, unacknowledged=False) == [DOUBLE_ANSWER]
    assert judge([ONE, OTHER], [ONE], rings=False, caller_waits=False, unacknowledged=False) == [DOUBLE_ANSWER]


def test_given_a_call_that_has_ended_when_a_phone_rings_on_then_it_is_stuck() -> None:
    assert judge([], [], rings=True, caller_waits=False, unacknowledged=False) == [STUCK_RINGING]
    assert judge([ONE], [ONE], rings=False, caller_waits=False, unacknowledged=True) == [STUCK_RINGING]


def test_given_ends_that_do_not_agree_when_a_run_is_judged_then_the_call_is_lost() -> None:
    assert judge([ONE], [], rings=False, caller_waits=False, unacknowledged=False) == [LOST_CALL]
    assert judge([], [], rings=True, caller_waits=True, unacknowledged=False) == [LOST_CALL]


@pytest.mark.parametrize("figure", ["double_answers", "lost_calls", "left_keys", "stuck_ringing"])
def test_given_one_fault_when_a_line_is_judged_then_it_is_not_sound(figure: str) -> None:
    line = _line("picker", "callee")
    assert line.is_sound
    assert line.was_forced
    faulty = replace(line)
    setattr(faulty, figure, 1)
    assert not faulty.is_sound
    assert total([line, faulty], 1.0)[figure] == 1


def test_given_an_outcome_that_may_not_be_when_a_line_is_judged_then_it_is_not_sound() -> None:
    assert not _line("picker", "callee", "nobody").is_sound


def test_given_one_outcome_of_two_when_a_line_is_judged_then_the_crossing_was_not_forced() -> None:
    assert not _line("picker").was_forced


def test_given_what_one_mode_may_do_when_the_other_does_it_then_it_is_not_sound() -> None:
    stages = next(crossing for crossing in CROSSINGS if crossing.name == "pickup-stage-refused")
    assert _line("refused", crossing=stages).is_sound
    assert not _line("refused", crossing=stages, mode=REROUTE).is_sound


def test_given_many_runs_when_their_moments_are_drawn_then_both_orders_and_every_habit_are_among_them() -> None:
    drawn = [moments(run, -10, 10) for run in range(100)]
    assert 40 <= sum(one.offset_ms < 0 for one in drawn) <= 60
    assert all(-10 <= one.offset_ms < 10 for one in drawn)
    assert 0.0 in {one.accepts_after_ms for one in drawn}
    assert max(one.accepts_after_ms for one in drawn) > 9
    assert {one.ends_second_answers for one in drawn} == {True, False}
    assert drawn == [moments(run, -10, 10) for run in range(100)]


def _line(*outcomes: str, crossing: Crossing = ANSWER, mode: str = REPLACES) -> Line:
    return Line(crossing, mode, runs=len(outcomes), outcomes=Counter(outcomes))
