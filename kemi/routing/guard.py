"""Who may send a Replaces of his own accord (RFC 3891 §8): phones, for lamp keys and attended transfer, and trunks.

That somebody knows the name of a call is no authority over it. A ringing call is replaced with the permission that a
pickup needs, an answered one by its parties and by whom they transferred there; all else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from kemi.dialogs.replaced import Confirmed, Early, ReplacedDialogs, Standing
from kemi.dialogs.tracking import is_extension
from kemi.errors import MalformedReplaces, NoSuchDialog, NotAuthorized, RequestRefused
from kemi.pickup.claim import PickupRecord
from kemi.pickup.event import BY_REPLACES, PickupEvent
from kemi.sip.dialog import Replaces
from kemi.sip.ports import Message

REPLACES, JOIN = "Replaces", "Join"


class AnsweredBefore(RequestRefused):
    """RFC 3891 §3: a confirmed dialog is not replaced with early-only; it is what 410 is to `*87`."""

    status, reason = 486, "Already Answered"


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose INVITE it is."""

    domain: str
    """Tenant in which he may name calls."""
    party: str
    """As in kemi.dialogs.tracking.Parties."""
    extension: str = ""
    """His number; empty: a trunk. What a trunk is refused is not recorded: outsiders write nothing there."""


def named_by(message: Message) -> Replaces | None:
    """What an initial request would replace; None when it has no such header.

    Raises MalformedReplaces (400: RFC 3891 §3 wants one Replaces, in an INVITE, and no Join beside it) and
    NotAuthorized (403) for Join.
    """
    if message.method != "INVITE":
        for name in (REPLACES, JOIN):
            if message.has_header(name):
                raise MalformedReplaces(f"{name} outside of an INVITE")
        return None
    joins = message.has_header(JOIN)
    if not message.has_header(REPLACES):
        if joins:
            raise NotAuthorized("Join is not accepted")
        return None
    values = message.header_values(REPLACES)
    if joins:
        raise MalformedReplaces("Replaces and Join in one request")
    if len(values) != 1:
        raise MalformedReplaces("more than one Replaces")
    return Replaces.parse(values[0])


class Guard:
    def __init__(self, dialogs: ReplacedDialogs, record: PickupRecord) -> None:
        self._dialogs = dialogs
        self._record = record

    def admit(self, replaces: Replaces, sender: Sender, called: str, *, is_contact: bool = False) -> Early | Confirmed:
        """What an INVITE may replace: a call that is to be picked up, or a dialog whose party `stays` is to be sent it.

        called: whom the Request-URI leads to: an account's number or a trunk (Parties), '' for nobody; is_contact: it
        is no address of the tenant, but perhaps a phone's own: that of whichever extension stays.
        Of an extension's early dialog the permission is not judged here, but by the pickup. Raises NoSuchDialog (481),
        AnsweredBefore (486), NotAuthorized (403), StoreUnavailable.
        """
        found = self._dialogs.replaced(sender.domain, replaces, sender.party)
        if found is None:
            raise NoSuchDialog("no such call to replace")
        if isinstance(found, Early):
            if not sender.extension:
                raise NotAuthorized("a trunk may not pick up calls")
            return found
        if replaces.early_only:
            self._write(replaces, sender, called, "already_answered", AnsweredBefore.status)
            raise AnsweredBefore("the call was answered")
        leads_there = _leads_to_who_stays(found, called) or (is_contact and is_extension(found.stays))
        if found.standing is Standing.STRANGER or not leads_there:
            self._write(replaces, sender, called, "replaces_denied", NotAuthorized.status)
            raise NotAuthorized("the call to replace is another's")
        return found

    def _write(self, replaces: Replaces, sender: Sender, called: str, outcome: str, status: int) -> None:
        if sender.extension:
            self._record.write(
                PickupEvent(
                    domain=sender.domain,
                    picker=sender.extension,
                    dialled="",
                    outcome=outcome,
                    status=status,
                    by=BY_REPLACES,
                    account=called,
                    call_id=replaces.call_id,
                )
            )


def _leads_to_who_stays(dialog: Confirmed, called: str) -> bool:
    """The transferor's phone names its peer as it called it: by the account, perhaps a group, or by the answerer."""
    return bool(dialog.stays and called) and called in (dialog.stays, dialog.routed_to)
