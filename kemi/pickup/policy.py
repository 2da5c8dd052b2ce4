"""Who may pick up from what, and in which order: the rules of the product as pure functions.

The store carries the same order out (claim.lua); a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kemi.accounts.directory import Directory, Grants
from kemi.accounts.model import Account, Kind
from kemi.accounts.permission import Permission
from kemi.dialogs.record import CallRecord
from kemi.errors import NotPermitted, TargetHidden, UnknownTarget
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode

ORDER = tuple(Kind)
NOT_YOURS = "no account of that number lets you pick up its calls"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a pickup may look: `account` for a directed one, every account that `grants` covers for a general one."""

    grants: Grants
    account: Account | None = None


def scope_of(directory: Directory, picker: Aor, code: PickupCode) -> Scope:
    """What a dialled code lets this picker reach. Raises UnknownTarget (404), NotPermitted (403).

    With `hide_accounts` an account that the picker may not even see is refused like one that there is not.
    """
    grants = directory.grants(picker.domain, picker.number)
    if code.is_general:
        if not grants:
            raise NotPermitted(f"no account lets {picker.number} pick up its calls")
        return Scope(grants)
    account = directory.account(picker.domain, code.number)
    # What is not there admits nobody, like what is hidden: the same is gone through for both.
    permission = account.permission if account else Permission()
    if permission.may_pick_up(picker.number) and account is not None:
        return Scope(grants, account)
    settings = directory.settings(picker.domain)
    sees = permission.may_see(picker.number)
    if settings is not None and settings.hide_accounts and not sees:
        raise NotPermitted(NOT_YOURS) if account else TargetHidden(NOT_YOURS)
    if account is None:
        raise UnknownTarget(f"{picker.domain} has no account of that number")
    raise NotPermitted(f"{account.number} does not let {picker.number} pick up its calls")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call as a picker stands to it. `obstacle` empty: eligible."""

    call: CallRecord
    obstacle: str = ""


def candidates(
    calls: Iterable[CallRecord],
    directory: Directory,
    picker: Aor,
    number: str = "",
    *,
    includes_group_calls: bool = False,
) -> list[Candidate]:
    """Every call of a tenant in the order in which a pickup looks at it, each with what stands in its way."""
    # A directed pickup looks at the account's own calls before those that ring it as a member.
    ranked = sorted(
        calls,
        key=lambda call: (
            bool(number) and call.number != number,
            ORDER.index(call.kind),
            call.waiting,
            call.routed_at_us,
            call.key,
        ),
    )
    return [
        Candidate(call, _obstacle(call, directory, picker, number, includes_group_calls=includes_group_calls))
        for call in ranked
    ]


def _obstacle(call: CallRecord, directory: Directory, picker: Aor, number: str, *, includes_group_calls: bool) -> str:
    if number and call.number != number:
        as_member = number in call.ringing and call.kind is not Kind.EXTENSION
        if not as_member:
            return f"it was routed to {call.number}"
        if not includes_group_calls:
            return f"it rings {number} only as a member of {call.number}"
    account = directory.account(picker.domain, call.number)
    if account is None:
        return f"{call.number} is no longer an account"
    if not account.permission.may_pick_up(picker.number):
        seen = " (may see it only)" if account.permission.may_see(picker.number) else ""
        return f"{call.number} does not let {picker.number} pick up its calls{seen}"
    if call.caller.number == picker.number:
        return "it is the picker's own call"
    if call.claimed_by:
        return f"{call.claimed_by} is picking it up"
    return ""
