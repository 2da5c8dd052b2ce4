"""Whether a node grew under a steady load.

What is looked at after the warm-up, and how far it may rise over that time: more, steadily and beyond noise
(`Trend.grows`), is growth. Of each process its private memory, for resident memory also counts pages of the shared
memory that it touched for the first time. From the shared memory is taken what its calls account for: transactions
that were there at the moment, and entries of tables that forget them after minutes and fill up until then.

At rest, with no transaction and those tables empty, before and after the load: exact where a trend is not. A call
may leave nothing in Redis, and in shared memory no more than the allocator's fragments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.load.figures import Trend, trend, without
from tests.support.load.watch import Rest, Sample

KIB, MIB = 1024, 1024 * 1024
PROCESS_TOLERANCE, PKG_TOLERANCE, SHM_TOLERANCE = MIB, 64 * KIB, MIB
REDIS_TOLERANCE, KEYS_TOLERANCE = MIB, 50
SHARE = 0.02
"""Of its level each may rise at least."""
KEYS_OF_A_DIALOG = 2
REST_SHM_TOLERANCE, REST_SHM_PER_CALL = 512 * KIB, 16


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at. tolerance: how far it may rise; None: it is shown and not judged."""

    name: str
    unit: str
    trend: Trend
    tolerance: float | None = None

    @property
    def grows(self) -> bool:
        return self.tolerance is not None and self.trend.grows(self.tolerance)

    def as_json(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "level": round(self.trend.level),
            "per_minute": round(self.trend.per_minute, 2),
            "error_per_minute": round(self.trend.error, 2),
            "percent_per_hour": round(self.trend.percent_per_hour, 3),
            "rise": round(self.trend.rise),
            "tolerance": None if self.tolerance is None else round(self.tolerance),
            "grows": self.grows,
        }


def lines_of(samples: Sequence[Sample], names: dict[int, str], entry_bytes: float) -> list[Line]:
    """The trends of these samples, which are those after the warm-up."""

    def series(value: Callable[[Sample], float]) -> list[tuple[float, float]]:
        return [(sample.at, value(sample)) for sample in samples]

    def line(name: str, of: Sequence[tuple[float, float]], tolerance: float | None, unit: str = "bytes") -> Line:
        found = trend(of)
        return Line(name, unit, found, None if tolerance is None else max(tolerance, SHARE * found.level))

    found = [
        line("kamailio_rss", series(lambda s: sum(m.rss for m in s.processes.values())), None),
        line("kamailio_pss", series(lambda s: sum(m.pss for m in s.processes.values())), None),
        line("kamailio_private", series(lambda s: sum(m.private for m in s.processes.values())), None),
        line("shm_used", series(lambda s: s.shm_used), None),
        line("shm_of_no_call", shm_of_no_call(samples, entry_bytes), SHM_TOLERANCE),
        line("redis_used_memory", series(lambda s: s.redis_used), REDIS_TOLERANCE),
        line("redis_keys", series(lambda s: s.redis_keys), KEYS_TOLERANCE, "keys"),
    ]
    for pid in names:
        where = f"[{names[pid]}]"
        private = series(lambda s, pid=pid: s.processes[pid].private)  # type: ignore[misc]
        found.append(line(f"private{where}", private, PROCESS_TOLERANCE))
        if all(pid in sample.pkg for sample in samples):
            pkg = series(lambda s, pid=pid: s.pkg[pid])  # type: ignore[misc]
            found.append(line(f"pkg{where}", pkg, PKG_TOLERANCE))
    return found


def shm_of_no_call(samples: Sequence[Sample], entry_bytes: float) -> list[tuple[float, float]]:
    """Shared memory without entries of the tables and without what the number of transactions explains."""
    used = [(s.at, s.shm_used - entry_bytes * s.entries) for s in samples]
    return without(used, [(s.at, float(s.transactions)) for s in samples])


def at_rest(before: Rest, after: Rest, calls: int, lost_by_sipp: int = 0) -> dict[str, Any]:
    """What the calls have left; `grows` names what of it is too much.

    lost_by_sipp: calls that never end (Player.calls_in_a_pause): each leaves its dialog, and the list of its device.
    """
    shm = after.shm_used - before.shm_used
    tolerance = max(REST_SHM_TOLERANCE, REST_SHM_PER_CALL * calls)
    redis = after.redis_used - before.redis_used
    # What the ramp left, when it stopped the phones of its last step in their calls, is not of this load.
    keys, transactions = after.left_keys - before.left_keys, after.transactions - before.transactions
    return {
        "shm_bytes": shm,
        "shm_bytes_per_call": round(shm / max(calls, 1), 2),
        "shm_tolerance": tolerance,
        "redis_bytes": redis,
        "left_keys": keys,
        "left_transactions": transactions,
        "grows": [
            *(["shm_at_rest"] if shm > tolerance else []),
            *(["redis_at_rest"] if redis > max(REDIS_TOLERANCE, REST_SHM_PER_CALL * calls) else []),
            *(["left_keys"] if keys > KEYS_OF_A_DIALOG * lost_by_sipp else []),
            *(["left_transactions"] if transactions > 0 else []),
        ],
    }
