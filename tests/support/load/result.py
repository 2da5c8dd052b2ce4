"""What a load came to: one JSON object, raw figures as CSV, and what is drawn of them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.load.figures import percentile, spread_ms
from tests.support.load.kinds import Pace, Play
from tests.support.load.messages import Call, read_calls

LATENCIES = ("post_dial_ms", "answer_ms", "picked_up_ms")


@dataclass(slots=True)
class Result:
    """The calls of a play that has ended. took_s: from the first INVITE until the last call was over, or given up."""

    kind: str
    pace: Pace
    calls: list[Call]
    picks: list[Call]
    retransmissions: int = 0
    unexpected: int = 0
    late: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> int:
        return sum(call.is_complete for call in self.calls)

    @property
    def failed(self) -> int:
        """Calls that did not go all their way, those that were never begun included."""
        return self.pace.calls - self.complete

    @property
    def is_sound(self) -> bool:
        return not self.failed

    def as_json(self) -> dict[str, Any]:
        """Rates in calls a second; times in ms, None where there were none."""
        calls, ms = self.calls, self.latencies()
        first = min((call.begun_at for call in calls), default=0.0)
        last = max((call.begun_at for call in calls), default=0.0)
        ended = max((call.ended_at or call.begun_at for call in calls), default=0.0)
        answered = sum(call.answered_at is not None or call.replaced_at is not None for call in calls)
        found: dict[str, Any] = {
            "kind": self.kind,
            "offered_per_s": self.pace.rate,
            "begun_per_s": round((len(calls) - 1) / (last - first), 2) if last > first else None,
            "achieved_per_s": round(self.complete / max(ended - first, self.pace.duration_s), 2),
            "duration_s": self.pace.duration_s,
            "calls": len(calls),
            "failed": self.failed,
            "refused": dict(Counter(call.refused for call in [*calls, *self.picks] if call.refused)),
            "answer_seizure_ratio": round(answered / len(calls), 4) if calls else None,
            "retransmissions": self.retransmissions,
            "unexpected_messages": self.unexpected,
            "late_messages": self.late,
            "post_dial_ms": spread_ms(ms["post_dial_ms"]),
            "answer_ms": spread_ms(ms["answer_ms"]),
        }
        if self.kind == "pickups":
            found["picked_up_ms"] = spread_ms(ms["picked_up_ms"])
            found["picked_up_dialled_ms"] = spread_ms(_known(pick.answer_ms for pick in self.picks))
            found["pickups_per_s"] = found["achieved_per_s"]
        return {**found, **self.more}

    def latencies(self) -> dict[str, list[float]]:
        """By name: each call's, in ms. picked_up_ms is from the picker's INVITE with credentials to his 200."""
        return {
            "post_dial_ms": _known(call.post_dial_ms for call in self.calls),
            "answer_ms": _known(call.answer_ms for call in self.calls),
            "picked_up_ms": _known(pick.admitted_answer_ms for pick in self.picks),
        }

    def seconds(self) -> list[dict[str, Any]]:
        """One row for each second: what began, was completed and failed, and the latencies of what began in it."""
        if not self.calls:
            return []
        start = min(call.begun_at for call in self.calls)
        end = max(call.ended_at or call.begun_at for call in self.calls)
        rows: list[dict[str, Any]] = [
            {
                "second": n,
                "offered": self.pace.rate if n < self.pace.duration_s else 0,
                "begun": 0,
                "complete": 0,
                "failed": 0,
            }
            for n in range(int(end - start) + 1)
        ]
        times: list[dict[str, list[float]]] = [{name: [] for name in LATENCIES} for _ in rows]
        for call in self.calls:
            second = int(call.begun_at - start)
            rows[second]["begun"] += 1
            if call.is_complete and call.ended_at is not None:
                rows[int(call.ended_at - start)]["complete"] += 1
            else:
                rows[second]["failed"] += 1
            _add(times[second], "post_dial_ms", call.post_dial_ms)
            _add(times[second], "answer_ms", call.answer_ms)
        for pick in self.picks:
            second = min(max(0, int(pick.asked_at - start)), len(rows) - 1)
            _add(times[second], "picked_up_ms", pick.admitted_answer_ms)
        for row, of in zip(rows, times, strict=True):
            for name, values in of.items():
                values.sort()
                for label, share in (("p50", 0.5), ("p99", 0.99)):
                    row[f"{name}_{label}"] = round(percentile(values, share), 2) if values else ""
        return rows

    def write(self, folder: Path) -> None:
        """calls.csv, a line a call, and seconds.csv."""
        start = min((call.begun_at for call in self.calls), default=0.0)
        rows = [
            [f"{c.begun_at - start:.3f}", *map(_shown, (c.post_dial_ms, c.answer_ms)), int(c.is_complete), c.refused]
            for c in self.calls
        ]
        _write(folder / "calls.csv", ["begun_s", "post_dial_ms", "answer_ms", "complete", "refused"], rows)
        if self.picks:
            rows = [
                [f"{p.begun_at - start:.3f}", *map(_shown, (p.answer_ms, p.admitted_answer_ms)), p.refused]
                for p in self.picks
            ]
            _write(folder / "pickups.csv", ["dialled_s", "picked_up_dialled_ms", "picked_up_ms", "refused"], rows)
        seconds = self.seconds()
        if seconds:
            _write(folder / "seconds.csv", list(seconds[0]), [list(row.values()) for row in seconds])


def result_of(play: Play, pace: Pace) -> Result:
    """Of a play whose players have ended."""
    counts = [player.counts() for player in play.players]

    def sums(*names: str) -> int:
        return sum(of.get(name, 0) for of in counts for name in names)

    return Result(
        play.kind,
        pace,
        read_calls(play.caller.messages),
        read_calls(play.picker.messages) if play.picker else [],
        retransmissions=sums("Retransmissions"),
        unexpected=sums("FailedUnexpectedMessage", "OutOfCallMsgs"),
        late=sums("DeadCallMsgs"),
    )


def _known(values: Any) -> list[float]:
    return [value for value in values if value is not None]


def _add(times: dict[str, list[float]], name: str, value: float | None) -> None:
    if value is not None:
        times[name].append(value)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _write(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
