"""Percentiles and trends of many measurements."""

from __future__ import annotations

import math

import pytest

from tests.support.load.figures import percentile, spread_ms, trend, without

MINUTES = [n / 12 for n in range(240)]


def noise(n: int) -> float:
    """Between -1 and 1, the same each time, without a trend."""
    return math.sin(n * 12.9898) * math.cos(n * 78.233)


@pytest.mark.parametrize(("share", "found"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_given_one_to_a_hundred_when_a_percentile_is_asked_for_then_it_is_the_nearest_rank(
    share: float, found: float
) -> None:
    assert percentile([float(n) for n in range(1, 101)], share) == found


def test_given_one_value_when_its_spread_is_asked_for_then_it_is_that_value_everywhere() -> None:
    assert spread_ms([3.14159]) == {"p50": 3.14, "p95": 3.14, "p99": 3.14, "max": 3.14}


def test_given_nothing_when_a_spread_is_asked_for_then_there_is_none() -> None:
    assert spread_ms([]) is None
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_given_a_straight_line_when_it_is_fitted_then_slope_level_and_rise_are_its_own() -> None:
    found = trend([(t, 600 + 5 * t) for t in MINUTES])
    assert found.per_minute == pytest.approx(5)
    assert found.error == pytest.approx(0, abs=1e-9)
    assert found.rise == pytest.approx(5 * MINUTES[-1])
    assert found.percent_per_hour == pytest.approx(100 * 60 * 5 / found.level)


def test_given_a_leak_in_noise_when_it_is_judged_then_it_grows() -> None:
    series = [(t, 1000 + 10 * t + 20 * noise(n)) for n, t in enumerate(MINUTES)]
    assert trend(series).grows(tolerance=50)


@pytest.mark.parametrize("level", [0.0, 1000.0])
def test_given_noise_about_a_level_when_it_is_judged_then_it_does_not_grow(level: float) -> None:
    series = [(t, level + 200 * noise(n)) for n, t in enumerate(MINUTES)]
    assert not trend(series).grows(tolerance=10)


def test_given_a_leak_smaller_than_the_tolerance_when_it_is_judged_then_it_does_not_grow() -> None:
    assert not trend([(t, 1000 + t) for t in MINUTES]).grows(tolerance=50)


def test_given_a_cache_that_fills_up_when_it_is_judged_then_it_does_not_grow() -> None:
    series = [(t, min(1000.0, 200 * t) + noise(n)) for n, t in enumerate(MINUTES)]
    assert not trend(series).grows(tolerance=50)


def test_given_one_jump_when_it_is_judged_then_it_does_not_grow() -> None:
    series = [(t, (1000 if t < 5 else 1500) + noise(n)) for n, t in enumerate(MINUTES)]
    assert not trend(series).grows(tolerance=50)


def test_given_something_that_shrinks_when_it_is_judged_then_it_does_not_grow() -> None:
    assert not trend([(t, 5000 - 10 * t) for t in MINUTES]).grows(tolerance=1)


def test_given_five_moments_when_a_trend_is_asked_for_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="six"):
        trend([(float(n), 1.0) for n in range(5)])


def test_given_memory_that_follows_calls_when_freed_of_them_then_only_the_leak_stays() -> None:
    calls = [(t, 100 + 30 * noise(n)) for n, t in enumerate(MINUTES)]
    memory = [(t, 26 * count + 3 * t) for t, count in calls]
    found = trend(without(memory, calls))
    assert found.per_minute == pytest.approx(3)
    assert found.error == pytest.approx(0, abs=1e-6)


def test_given_a_cause_that_never_changes_when_freed_of_it_then_the_series_is_as_it_was() -> None:
    memory = [(t, 5 + t) for t in MINUTES]
    assert without(memory, [(t, 7.0) for t in MINUTES]) == memory
