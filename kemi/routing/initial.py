"""Requests that begin something, a dialog, a registration or neither: from a trunk, or with credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, Extension
from kemi.dialogs.call_note import CallNote
from kemi.dialogs.replaced import Early
from kemi.dialogs.tracking import trunk_party
from kemi.errors import MethodNotAllowed, NoSuchAccount, NotAuthorized, NotReachable, RequestRefused
from kemi.lamps.watching import Watching
from kemi.pickup.service import PickupService
from kemi.routing.calls import Calls
from kemi.routing.draining import Draining
from kemi.routing.feature_codes import FeatureCodes
from kemi.routing.guard import REPLACES, Guard, Sender, named_by
from kemi.routing.identity import Identity
from kemi.routing.trunks import Trunks
from kemi.sip.aor import Aor
from kemi.sip.dialog import Replaces
from kemi.sip.feature_code import unescape
from kemi.sip.ports import Callback, Location, Message, Transaction
from kemi.sip.sdp import holds

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO, MESSAGE, SUBSCRIBE, REGISTER"
DIALOG_FORMING = frozenset({"INVITE", "REFER"})


class Entry(Protocol):
    """Duties towards a request that begins something."""

    def record_route(self, tenant: str, *, edge: bool = False) -> None: ...
    def has_name_of_own(self, caller: str) -> bool: ...


class AmbiguousContact(RequestRefused):
    status, reason = 400, "Bad Request"


class NameOfAnother(RequestRefused):
    """RFC 3261 §8.1.1.4, §19.3: nobody's Call-ID and tag are another's by chance. What is recorded of a call, and what
    crosses a pickup of it, goes by these."""

    status, reason = 482, "Call-ID And Tag Of Another Call"


class InitialRequests:
    def __init__(
        self,
        directory: Callable[[], Directory],
        entry: Entry,
        transaction: Transaction,
        location: Location,
        identity: Identity,
        feature_codes: FeatureCodes,
        calls: Calls,
        pickup: PickupService,
        trunks: Trunks,
        guard: Guard,
        watching: Watching,
    ) -> None:
        self._directory = directory
        self._entry = entry
        self._transaction = transaction
        self._location = location
        self._identity = identity
        self._feature_codes = feature_codes
        self._calls = calls
        self._pickup = pickup
        self._trunks = trunks
        self._guard = guard
        self._watching = watching
        self.draining = Draining(lambda: 0)
        """Whether new calls are taken (set by the wiring)."""

    def begin(self, message: Message) -> None:
        """Answer or relay it; its sender is known by the trunk that it comes from, or else by its credentials."""
        method = message.method
        directory = self._directory()
        trunk = directory.trunk_table().at(*message.source)
        if trunk:
            message.keep_connection()
        if method == "INVITE":
            self.draining.check(message, directory)
        if method == "OPTIONS" and (trunk or not message.ruri_user):
            self.draining.check_probe()
            self._transaction.reply(200, "OK", (ALLOW, "Accept: application/sdp", "Supported: replaces, path"))
        elif trunk:
            if method == "INVITE":
                # A carrier may well bring an extension's call back, under its name.
                self._entry.has_name_of_own(trunk_party(trunk.name))
            self._trunks.accept(message, trunk)
        elif method == "REGISTER":
            self._register(message)
        else:
            self._of_extension(message)

    def _register(self, message: Message) -> None:
        """RFC 3261 §10.3."""
        if self._identity.registrant(message, self._directory()):
            if any("?" in value.partition("<")[0] for value in message.header_values("Contact")):
                raise AmbiguousContact("a Contact with ? stands in <> (RFC 3261 §20.10)")
            self._location.save()

    def _of_extension(self, message: Message) -> None:
        directory = self._directory()
        caller = self._identity.caller(message, directory)
        if caller is None:
            return
        is_contact = message.ruri_host != caller.domain
        if is_contact and not _may_name_a_contact(message, directory):
            raise NotAuthorized("calls do not leave their domain")
        if message.method == "INVITE" and not self._entry.has_name_of_own(str(caller)):
            raise NameOfAnother("a call of somebody else has this Call-ID and From tag")
        settings = directory.settings(caller.domain)
        assert settings is not None, "a caller without his domain"
        # A Route that the phone was configured with has done its work by leading here.
        message.remove_header("Route")
        if message.method in DIALOG_FORMING:
            self._entry.record_route(caller.domain)
            message.keep_flow()
        if not is_contact and self._feature_codes.carry_out(message, caller, settings):
            return
        replaces = named_by(message)
        number = unescape(message.ruri_user)
        if message.method == "SUBSCRIBE":
            self._watching.begin(message, caller, number)
            return
        account = None if is_contact else directory.account(caller.domain, number)
        if replaces is not None:
            self._replace(message, caller, replaces, number, account, is_contact=is_contact)
        elif message.method == "INVITE":
            self._call(message, caller, number, account)
        elif account is None:
            raise NoSuchAccount(f"{caller.domain} has no such account")
        else:
            self._pass_on(message, caller, account)

    def _call(self, message: Message, caller: Aor, number: str, account: Account | None) -> None:
        """An extension calls an account, or what leaves by a trunk."""
        note = CallNote(caller.domain, caller.number, message.flow.device, bool(holds(message.body)))
        if account is not None:
            self._calls.place(message, note, account)
            return
        way_out = self._trunks.leads_out(number)
        if way_out is None:
            raise NoSuchAccount(f"{caller.domain} has no such account")
        self._trunks.send(message, note, *way_out)

    def _replace(
        self,
        message: Message,
        caller: Aor,
        replaces: Replaces,
        number: str,
        account: Account | None,
        *,
        is_contact: bool,
    ) -> None:
        """An extension's phone sent a Replaces: a pickup, or what a transfer made of it."""
        way_out = None if account else self._trunks.leads_out(number)
        called = account.number if account else trunk_party(way_out[0].name) if way_out else ""
        sender = Sender(caller.domain, caller.number, caller.number)
        admitted = self._guard.admit(replaces, sender, called, is_contact=is_contact)
        if isinstance(admitted, Early):
            self._pickup.take(message, caller, admitted.call)
            return
        note = CallNote(caller.domain, caller.number, message.flow.device, bool(holds(message.body)))
        if way_out is not None and admitted.stays == called:
            self._trunks.send(message, note, *way_out)
        else:
            self._calls.hand_over(note, admitted.stays)

    def _pass_on(self, message: Message, caller: Aor, account: Account) -> None:
        """A request outside of calls (MESSAGE, OPTIONS, REFER, …) goes to the phones of one extension."""
        if not isinstance(account, Extension):
            raise MethodNotAllowed("a group takes calls only")
        if not self._location.ring(account.number, caller.domain, first=True):
            raise NotReachable("none of its phones is registered")
        if message.method in DIALOG_FORMING:
            self._transaction.call_back(reply=Callback.PASSED_REPLY, failure=None)
        if not self._transaction.relay():
            self._transaction.relay_failed()


def _may_name_a_contact(message: Message, directory: Directory) -> bool:
    """RFC 5589 §7.3: a Refer-To may hold the target's Contact. It leads nowhere by itself: the Replaces decides."""
    is_replacing = message.method == "INVITE" and message.has_header(REPLACES)
    return is_replacing and directory.settings(message.ruri_host) is None
