"""What pickups ask and tell, counted on its way. Nothing of a plain call passes here."""

from __future__ import annotations

import time

from kemi.errors import AlreadyAnswered
from kemi.metrics import catalogue
from kemi.metrics.meter import Meter
from kemi.pickup.claim import Claim, Outcome, Picked, PickupRecord, PickupStore, Rerouted, Wanted
from kemi.pickup.event import PICKED_UP, PickupEvent


class CountedPickups:
    """Implements PickupStore by another."""

    def __init__(self, store: PickupStore, meter: Meter) -> None:
        self._store, self._meter = store, meter
        self.denied, self.rerouted, self.remember_device = store.denied, store.rerouted, store.remember_device

    def claim(self, wanted: Wanted) -> Claim | None:
        began = time.perf_counter()
        try:
            claim = self._store.claim(wanted)
        except AlreadyAnswered:
            self._meter.count(catalogue.RACES, "too_late")
            raise
        finally:
            self._meter.observe(catalogue.SEARCH_SECONDS, time.perf_counter() - began)
        if claim is not None:
            self._meter.count(catalogue.CLAIMS)
        return claim

    def release(self, domain: str, key: str, token: str) -> None:
        self._meter.count(catalogue.RELEASED)
        self._store.release(domain, key, token)

    def reroute(self, domain: str, key: str, token: str, *, ttl_ms: int, offer: str) -> Rerouted:
        answer = self._store.reroute(domain, key, token, ttl_ms=ttl_ms, offer=offer)
        # Without an offer it only asks.
        if offer:
            self._meter.count(catalogue.REROUTES, answer.name.lower())
        return answer

    def picked(self, domain: str, picked: Picked) -> tuple[Outcome, str]:
        outcome, callee = self._store.picked(domain, picked)
        if outcome is not Outcome.DONE:
            self._meter.count(catalogue.RACES, "crossed" if outcome is Outcome.CROSSED else "ended")
        return outcome, callee


class CountedRecord:
    """Implements PickupRecord by another."""

    def __init__(self, record: PickupRecord, meter: Meter) -> None:
        self._record, self._meter = record, meter

    def write(self, event: PickupEvent) -> None:
        self._record.write(event)
        mode = event.mode or "none"
        self._meter.count(catalogue.PICKUPS, self._meter.domain(event.domain), event.outcome, mode)
        if event.outcome == PICKED_UP:
            self._meter.observe(catalogue.PICKUP_SECONDS, event.took_ms / 1000, mode)
            self._meter.observe(catalogue.WAITED_SECONDS, event.waited_ms / 1000)
