"""Every request that comes in, in the order of RFC 3261 §16.3: checks first, then where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, Extension
from kemi.errors import NoSuchAccount, NotAuthorized, NotReachable, RequestRefused
from kemi.pickup.service import PickupService
from kemi.routing.call_note import CallNote
from kemi.routing.calls import Calls
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog, Router
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode, parse_pickup_code, unescape
from kemi.sip.ports import Location, Message, Transaction
from kemi.sip.sdp import holds

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO, MESSAGE, SUBSCRIBE, REGISTER"
DIALOG_FORMING = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
REPLACING = ("Replaces", "Join")


class Proxy(Router, Protocol):
    """Duties towards every message."""

    def has_hops_left(self) -> bool: ...
    def is_sane(self) -> bool: ...
    def is_retransmission(self) -> bool: ...
    def answer_to_source(self) -> None: ...


class TooManyHops(RequestRefused):
    status, reason = 483, "Too Many Hops"


class MethodNotAllowed(RequestRefused):
    status, reason = 405, "Method Not Allowed"


class Requests:
    def __init__(
        self,
        directory: Callable[[], Directory],
        proxy: Proxy,
        transaction: Transaction,
        location: Location,
        identity: Identity,
        in_dialog: InDialog,
        calls: Calls,
        pickup: PickupService,
    ) -> None:
        self._directory = directory
        self._proxy = proxy
        self._transaction = transaction
        self._location = location
        self._identity = identity
        self._in_dialog = in_dialog
        self._calls = calls
        self._pickup = pickup

    def route(self, message: Message) -> None:
        """Answer or relay one request; raises RequestRefused with the answer that it ends with."""
        self._proxy.answer_to_source()
        if not self._proxy.has_hops_left():
            raise TooManyHops
        if not self._proxy.is_sane():
            return
        method = message.method
        if method == "CANCEL":
            self._in_dialog.cancel(message)
            return
        if method != "ACK" and self._proxy.is_retransmission():
            return
        if message.to_tag:
            self._in_dialog.request(message)
        elif method == "ACK":
            # RFC 3261 §17.1.1.3: without a dialog it can only be for a negative answer of ours.
            if self._transaction.is_known:
                self._transaction.relay()
        elif method == "REGISTER":
            self._register(message)
        elif method == "OPTIONS" and not message.ruri_user:
            self._directory()
            self._transaction.reply(200, "OK", (ALLOW, "Accept: application/sdp", "Supported: replaces, path"))
        else:
            self._initial(message)

    def _register(self, message: Message) -> None:
        """RFC 3261 §10.3."""
        if self._identity.registrant(message, self._directory()):
            self._location.save()

    def _initial(self, message: Message) -> None:
        directory = self._directory()
        caller = self._identity.caller(message, directory)
        if caller is None:
            return
        if message.ruri_host != caller.domain:
            raise NotAuthorized("calls do not leave their domain")
        settings = directory.settings(caller.domain)
        code = parse_pickup_code(message.ruri_user, settings.pickup_code) if settings else None
        # A Route that the phone was configured with has done its work by leading here.
        message.remove_header("Route")
        if message.method in DIALOG_FORMING:
            self._proxy.record_route()
        if code is not None:
            self._feature(message, caller, code)
            return
        for name in REPLACING:
            if message.has_header(name):
                raise NotAuthorized(f"{name} is not accepted from a phone; dial the pickup code")
        account = directory.account(caller.domain, unescape(message.ruri_user))
        if account is None:
            raise NoSuchAccount(f"{caller.domain} has no such account")
        if message.method == "INVITE":
            note = CallNote(caller.domain, caller.number, message.flow.device, bool(holds(message.body)))
            self._calls.place(message, note, account)
        else:
            self._pass_on(caller, account)

    def _feature(self, message: Message, caller: Aor, code: PickupCode) -> None:
        if message.method != "INVITE":
            raise MethodNotAllowed("a feature code takes INVITE only")
        self._pickup.begin(message, caller, code)

    def _pass_on(self, caller: Aor, account: Account) -> None:
        """A request outside of calls (MESSAGE, OPTIONS, SUBSCRIBE, …) goes to the phones of one extension."""
        if not isinstance(account, Extension):
            raise MethodNotAllowed("a group takes calls only")
        if not self._location.ring(account.number, caller.domain, first=True):
            raise NotReachable("none of its phones is registered")
        if not self._transaction.relay():
            self._transaction.relay_failed()
