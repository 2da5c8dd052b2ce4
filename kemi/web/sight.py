"""What an extension sees: the accounts that it may monitor, their calls, and their part of the pickup record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, PickupMode
from kemi.dialogs.line import positions
from kemi.dialogs.record import CallRecord
from kemi.pickup.console import ONLY_BY_PHONE, RINGS_YOU
from kemi.pickup.event import PickupEvent
from kemi.sip.aor import Aor
from kemi.sip.uri import user_and_host

SEES_ONLY = "you may see these calls, not pick them up"
OWN_CALL = "it is your own call"


@dataclass(frozen=True, slots=True)
class Sight:
    """One viewer, by the document in force."""

    directory: Directory
    viewer: Aor

    def account(self, number: str) -> Account | None:
        """An account that the viewer may see; None for any other."""
        account = self.directory.account(self.viewer.domain, number)
        return account if account is not None and account.permission.may_see(self.viewer.number) else None

    def accounts(self) -> list[dict[str, Any]]:
        """Goes through all accounts of the domain."""
        accounts = self.directory.accounts(self.viewer.domain)
        return [self._of_account(one) for one in accounts if one.permission.may_see(self.viewer.number)]

    def visible(self, calls: Iterable[CallRecord]) -> list[CallRecord]:
        return [call for call in calls if call.domain == self.viewer.domain and self.account(call.number)]

    def calls(self, calls: Iterable[CallRecord]) -> list[dict[str, Any]]:
        """The calls that the viewer may see, in their order."""
        every = list(calls)
        position = positions(every)
        return [self._of_call(call, position.get(call.key)) for call in self.visible(every)]

    def record(self, entries: Iterable[PickupEvent]) -> list[dict[str, Any]]:
        """What the viewer did, and what was done for accounts that he may see."""
        return [
            entry.as_json() if self._may_name(entry.account) else {**entry.as_json(), "call_id": ""}
            for entry in entries
            if entry.picker == self.viewer.number or (entry.account and self.account(entry.account))
        ]

    def explained(self, told: dict[str, Any]) -> dict[str, Any]:
        """What `star87 explain --json` tells, without what could name a call that the viewer may only see."""
        unnamed = {"call_id": "", "caller_tag": ""}
        candidates = [one if self._may_name(one["account"]) else {**one, **unnamed} for one in told["candidates"]]
        return {**told, "candidates": candidates}

    def why_not(self, call: CallRecord) -> str:
        """Why the viewer cannot pick up a call that he sees; '' when he can. The node decides, by the same rules."""
        account, me = self.account(call.number), self.viewer.number
        if account is None or not account.permission.may_pick_up(me):
            return SEES_ONLY
        settings = self.directory.settings(self.viewer.domain)
        if settings is not None and settings.pickup_mode is PickupMode.REPLACES:
            return ONLY_BY_PHONE
        if call.caller.number == me:
            return OWN_CALL
        if call.claimed_by:
            return "answer your phone" if call.claimed_by == me else f"{call.claimed_by} is picking it up"
        return RINGS_YOU if me in call.ringing else ""

    def _may_name(self, number: str) -> bool:
        """As with lamps: who may only see hears nothing by which his phone could name a call (RFC 3891)."""
        account = self.account(number)
        return account is not None and account.permission.may_pick_up(self.viewer.number)

    def _of_account(self, account: Account) -> dict[str, Any]:
        return {
            "number": account.number,
            "name": account.name,
            "kind": account.kind.value,
            "monitored_by": sorted(account.permission.monitored_by),
            "monitored_without_pickup": sorted(account.permission.monitored_without_pickup),
            "may_pick_up": account.permission.may_pick_up(self.viewer.number),
        }

    def _of_call(self, call: CallRecord, position: int | None) -> dict[str, Any]:
        account = self.account(call.number)
        assert account is not None
        user, host = user_and_host(call.caller.uri)
        obstacle = self.why_not(call)
        return {
            "id": call.key,
            "account": self._of_account(account),
            "caller_name": call.caller.display,
            "caller": f"{user}@{host}" if user else call.caller.uri,
            "state": "waiting" if call.waiting else "ringing" if call.early_tags else "routed",
            "routed_at_ms": call.routed_at_us // 1000,
            "ringing": list(call.ringing),
            "position": position,
            "claimed_by": call.claimed_by,
            "may_pick_up": account.permission.may_pick_up(self.viewer.number),
            "can_pick_up": not obstacle,
            "obstacle": obstacle,
        }
