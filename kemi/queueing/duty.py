"""Agents log in and out: by star code, by an operator, or because they missed their calls. All of it is recorded."""

from __future__ import annotations

from typing import Protocol

from kemi.pickup.claim import PickupRecord
from kemi.pickup.event import PickupEvent
from kemi.queueing.queue import Duty

EVENT_KIND = "agent"
"""`kind` of the record's entries about agents: `picker` is the agent's number, `account` the group, if one had part."""


class DutyStore(Protocol):
    """Awaited; raises StoreUnavailable."""

    def set_duty(self, domain: str, agent: str, duty: Duty) -> bool: ...


def set_duty(store: DutyStore, record: PickupRecord, domain: str, agent: str, duty: Duty) -> bool:
    """Log an agent in or out and write it down; False when he was so already. Raises StoreUnavailable."""
    changed = store.set_duty(domain, agent, duty)
    if changed:
        record.write(_event(domain, agent, f"logged_{duty.value}"))
    return changed


def write_logged_out_after_misses(record: PickupRecord, domain: str, agent: str, group: str) -> None:
    """Write down that a group's offers logged an agent out, who missed too many in a row."""
    record.write(_event(domain, agent, "logged_out_after_misses", group))


def _event(domain: str, agent: str, outcome: str, group: str = "") -> PickupEvent:
    return PickupEvent(domain, agent, "", outcome, 0, account=group, kind=EVENT_KIND)
