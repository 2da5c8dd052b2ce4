"""Figures of many measurements: percentiles, and whether something grows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Series = Sequence[tuple[float, float]]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of these, in ascending order, that is not exceeded by this share of them (nearest rank).

    Raises ValueError when there is none.
    """
    if not ordered:
        raise ValueError("no percentile of nothing")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread_ms(values: Sequence[float]) -> dict[str, float] | None:
    """p50, p95, p99 and max of these times, in ms; None when there are none."""
    if not values:
        return None
    ordered = sorted(values)
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(ordered, share), 2) for name, share in shares.items()}


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line by least squares through a series of (minutes, value)."""

    per_minute: float
    error: float
    """Standard error of per_minute."""
    level: float
    """Mean of the values."""
    rise: float
    """What the line gains from the first to the last moment."""
    thirds: tuple[float, float, float]
    """Median of each third of the series."""

    @property
    def percent_per_hour(self) -> float:
        return 100 * 60 * self.per_minute / self.level if self.level else 0.0

    def grows(self, tolerance: float) -> bool:
        """Whether it rises more than `tolerance`, beyond noise, and all the time.

        The line must gain more than the tolerance over the series, its slope be three standard errors above none,
        and the medians of the thirds ascend, the last more than half a tolerance above the first: what filled up
        and is full, or jumped once, is no leak.
        """
        first, middle, last = self.thirds
        return (
            self.rise > tolerance
            and self.per_minute > 3 * self.error
            and first < middle < last
            and last - middle > (last - first) / 6
            and last - first > tolerance / 2
        )


def trend(series: Series) -> Trend:
    """Fit a line. Raises ValueError for fewer than six moments."""
    if len(series) < 6:
        raise ValueError("six moments are needed for a trend")
    moments, values = [t for t, _ in series], [v for _, v in series]
    slope, offset = statistics.linear_regression(moments, values)
    residue = math.fsum((v - offset - slope * t) ** 2 for t, v in series)
    middle = statistics.fmean(moments)
    width = math.fsum((t - middle) ** 2 for t in moments)
    third = len(values) // 3
    return Trend(
        per_minute=slope,
        error=math.sqrt(residue / (len(series) - 2) / width),
        level=statistics.fmean(values),
        rise=slope * (moments[-1] - moments[0]),
        thirds=(
            statistics.median(values[:third]),
            statistics.median(values[third:-third]),
            statistics.median(values[-third:]),
        ),
    )


def without(series: Series, cause: Series) -> list[tuple[float, float]]:
    """The series less what follows from another of the same moments, in proportion, both freed of their trend in time.

    So the number of calls that were there at a moment explains its memory, and a leak stays.
    """
    moments = [t for t, _ in series]
    freed = [_residues(moments, [v for _, v in of]) for of in (cause, series)]
    weight = math.fsum(x * x for x in freed[0])
    if not weight:
        return list(series)
    factor = math.fsum(x * y for x, y in zip(*freed, strict=True)) / weight
    usual = statistics.fmean(v for _, v in cause)
    return [(t, v - factor * (x - usual)) for (t, v), (_, x) in zip(series, cause, strict=True)]


def _residues(moments: Sequence[float], values: Sequence[float]) -> list[float]:
    slope, offset = statistics.linear_regression(moments, values)
    return [v - offset - slope * t for t, v in zip(moments, values, strict=True)]
