"""The figures of `make bench`: medians, ratios pair by pair, and whether they are what they must be."""

from __future__ import annotations

import pytest

from tests.load.bench.figures import Figure, Samples, at_least, at_most, ratios, report


def test_given_rounds_when_two_proxies_are_compared_then_each_round_is_compared_with_itself() -> None:
    found = ratios(Samples([2.0, 30.0, 6.0]), Samples([1.0, 10.0, 2.0]))
    assert found.values == [2.0, 3.0, 3.0]
    assert found.median == 3.0


def test_given_samples_of_unequal_rounds_when_compared_then_that_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios(Samples([1.0, 2.0]), Samples([1.0]))


@pytest.mark.parametrize(("value", "most", "least"), [(1.25, True, True), (1.26, False, True), (1.24, True, False)])
def test_given_a_bound_when_a_figure_is_judged_then_the_bound_itself_will_do(
    value: float, most: bool, least: bool
) -> None:
    samples = Samples([0.0, value, 9.0])
    assert at_most("it", samples, 1.25).is_met is most
    assert at_least("it", samples, 1.25).is_met is least


def test_given_a_figure_without_a_bound_when_judged_then_it_is_met() -> None:
    assert Figure("it", Samples([1.0])).is_met


def test_given_figures_when_reported_then_a_missed_one_says_so() -> None:
    lines = report([at_most("good", Samples([1.0, 1.2]), 1.25), at_most("bad", Samples([2.0]), 1.25)]).splitlines()
    assert lines[1].split() == ["good", "1.100", "1.000", "1.200", "<=", "1.25", "ok"]
    assert lines[2].split() == ["bad", "2.000", "2.000", "2.000", "<=", "1.25", "MISSED"]


def test_given_samples_when_written_then_median_spread_and_all_of_them_are_there() -> None:
    assert at_most("it", Samples([3.0, 1.0, 2.00049]), 2).as_json() == {
        "median": 2.0,
        "min": 1.0,
        "max": 3.0,
        "samples": [3.0, 1.0, 2.0],
        "must": "<= 2",
        "is_met": False,
    }
