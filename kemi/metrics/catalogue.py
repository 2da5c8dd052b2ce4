"""The series that a node's processes count: what each is called, its unit and its labels.

Names are those of Prometheus without the prefix `star87_`; a counter's ends with `_total` there, a time is in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of every histogram; the last bucket has none."""
OTHER = "other"
"""The tenants that have no series of their own."""


class Type(Enum):
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    MOMENT = "moment"
    """Not shown as it is: until when, on the clock of this host (monotonic, ns), something is so in one process."""


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    type: Type = Type.COUNTER
    known: tuple[str, ...] = ()
    """The values of its one label, when they are known: they are shown before anything is counted."""


PICKUPS = Series("pickups", "Pickups that ended, by tenant, outcome and way.", ("domain", "outcome", "mode"))
PICKUP_SECONDS = Series(
    "pickup_duration_seconds", "From the picker's INVITE to the 200, of pickups made.", ("mode",), Type.HISTOGRAM
)
WAITED_SECONDS = Series(
    "pickup_ring_duration_seconds", "How long a call had rung when it was picked up.", (), Type.HISTOGRAM
)
SEARCH_SECONDS = Series(
    "pickup_search_duration_seconds", "One search-and-claim, the store's answer included.", (), Type.HISTOGRAM
)
CLAIMS = Series("claims", "Calls that pickups have claimed.")
RELEASED = Series("claims_released", "Claims given back: the call rang on.")
RACES = Series(
    "pickup_races",
    "Races of pickups: too_late (a callee or another picker had the call), ended (the claimed call ended first), "
    "crossed (the callee had answered as well; that answer was ended).",
    ("result",),
    known=("too_late", "ended", "crossed"),
)
REROUTES = Series(
    "reroutes",
    "Calls to be sent to the picker's device: done, gone or given_up.",
    ("result",),
    known=("done", "gone", "given_up"),
)
OPERATION_SECONDS = Series(
    "store_operation_duration_seconds", "Operations on the state store that were waited for.", (), Type.HISTOGRAM
)
FAILURES = Series("store_failures", "Operations that the state store did not carry out in time, or refused.")
NOT_ASKED = Series("store_breaker_refusals", "Operations that were not tried: the circuit breaker was open.")
BREAKER = Series("store_breaker_open_until", "", type=Type.MOMENT)
DROPPED = Series("series_dropped", "Counts that found no room for a new series.")

ALL = (
    *(PICKUPS, PICKUP_SECONDS, WAITED_SECONDS, SEARCH_SECONDS, CLAIMS, RELEASED, RACES, REROUTES),
    *(OPERATION_SECONDS, FAILURES, NOT_ASKED, BREAKER, DROPPED),
)
