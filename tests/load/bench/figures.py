"""Samples of alternating rounds, and the figures that are made of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Samples:
    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.values.append(value)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        return {
            "median": round(self.median, 3),
            "min": round(min(self.values), 3),
            "max": round(max(self.values), 3),
            "samples": [round(value, 3) for value in self.values],
        }


def ratios(above: Samples, below: Samples) -> Samples:
    """Pair by pair, of the same round."""
    return Samples([a / b for a, b in zip(above.values, below.values, strict=True)])


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured, and what it must be: `must` tells whether a value will do; None: it is only printed."""

    name: str
    samples: Samples
    must: Callable[[float], bool] | None = None
    wanted: str = ""

    @property
    def is_met(self) -> bool:
        return self.must is None or self.must(self.samples.median)

    def as_json(self) -> dict[str, Any]:
        return {**self.samples.as_json(), "must": self.wanted, "is_met": self.is_met}


def at_most(name: str, samples: Samples, bound: float) -> Figure:
    return Figure(name, samples, lambda value: value <= bound, f"<= {bound:g}")


def at_least(name: str, samples: Samples, bound: float) -> Figure:
    return Figure(name, samples, lambda value: value >= bound, f">= {bound:g}")


def report(figures: Iterable[Figure]) -> str:
    lines = [f"{'figure':<34}{'median':>12}{'min':>12}{'max':>12}  must"]
    for figure in figures:
        s = figure.samples
        verdict = "" if figure.must is None else f"{figure.wanted}  {'ok' if figure.is_met else 'MISSED'}"
        lines.append(
            f"{figure.name:<34}{s.median:>12.3f}{min(s.values):>12.3f}{max(s.values):>12.3f}  {verdict}".rstrip()
        )
    return "\n".join(lines)
