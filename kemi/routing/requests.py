"""Every request that comes in, in the order of RFC 3261 §16.3: checks first, then where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, DomainSettings, Extension
from kemi.dialogs.call_note import CallNote
from kemi.errors import MethodNotAllowed, NoSuchAccount, NotAuthorized, NotReachable, RequestRefused
from kemi.pickup.service import PickupService
from kemi.queueing.queue import Duty
from kemi.queueing.service import Queueing
from kemi.routing.calls import Calls
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog, Router
from kemi.routing.trunks import Trunks
from kemi.sip.aor import Aor
from kemi.sip.feature_code import is_code, parse_pickup_code, unescape
from kemi.sip.headers import REPLACING, warning
from kemi.sip.ports import Location, Message, Transaction
from kemi.sip.sdp import holds

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO, MESSAGE, SUBSCRIBE, REGISTER"
DIALOG_FORMING = frozenset({"INVITE", "SUBSCRIBE", "REFER"})


class Proxy(Router, Protocol):
    """Duties towards every message."""

    def has_hops_left(self) -> bool: ...
    def is_sane(self) -> bool: ...
    def is_retransmission(self) -> bool: ...
    def answer_to_source(self) -> None: ...


class TooManyHops(RequestRefused):
    status, reason = 483, "Too Many Hops"


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
        queueing: Queueing,
        trunks: Trunks,
    ) -> None:
        self._directory = directory
        self._proxy = proxy
        self._transaction = transaction
        self._location = location
        self._identity = identity
        self._in_dialog = in_dialog
        self._calls = calls
        self._pickup = pickup
        self._queueing = queueing
        self._trunks = trunks

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
        else:
            self._begin(message)

    def _begin(self, message: Message) -> None:
        """A request that begins something: known by the trunk that it comes from, or else by its credentials."""
        method = message.method
        trunk = self._directory().trunk_table().at(message.flow.ip, message.flow.port)
        if method == "OPTIONS" and (trunk or not message.ruri_user):
            self._transaction.reply(200, "OK", (ALLOW, "Accept: application/sdp", "Supported: replaces, path"))
        elif trunk:
            self._trunks.accept(message, trunk)
        elif method == "REGISTER":
            self._register(message)
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
        assert settings is not None, "a caller without his domain"
        # A Route that the phone was configured with has done its work by leading here.
        message.remove_header("Route")
        if message.method in DIALOG_FORMING:
            self._proxy.record_route(caller.domain)
        if self._feature(message, caller, settings):
            return
        for name in REPLACING:
            if message.has_header(name):
                raise NotAuthorized(f"{name} is not accepted from a phone; dial the pickup code")
        number = unescape(message.ruri_user)
        account = directory.account(caller.domain, number)
        if message.method == "INVITE":
            self._call(message, caller, number, account)
        elif account is None:
            raise NoSuchAccount(f"{caller.domain} has no such account")
        else:
            self._pass_on(caller, account)

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

    def _feature(self, message: Message, caller: Aor, settings: DomainSettings) -> bool:
        """Carry out a feature code; False when none was dialled."""
        pickup = parse_pickup_code(message.ruri_user, settings.pickup_code)
        duty = next((d for d, code in _duty_codes(settings) if is_code(message.ruri_user, code)), None)
        if pickup is None and duty is None:
            return False
        if message.method != "INVITE":
            raise MethodNotAllowed("a feature code takes INVITE only")
        if pickup is not None:
            self._pickup.begin(message, caller, pickup)
        elif duty is not None:
            self._report_for_duty(caller, duty)
        return True

    def _report_for_duty(self, agent: Aor, duty: Duty) -> None:
        """Log an agent in or out. The phone shows the reason: a proxy has no voice to say it with."""
        groups = [g.number for g in self._directory().agent_groups(agent.domain) if agent.number in g.agents]
        if not groups:
            raise NotAuthorized(f"{agent.number} is no agent of any group")
        self._queueing.set_duty(agent.domain, agent.number, duty)
        reason = "Logged In" if duty is Duty.IN else "Logged Out"
        self._transaction.reply(480, reason, (warning("star87", f"{reason}: {', '.join(groups)}"),))

    def _pass_on(self, caller: Aor, account: Account) -> None:
        """A request outside of calls (MESSAGE, OPTIONS, SUBSCRIBE, …) goes to the phones of one extension."""
        if not isinstance(account, Extension):
            raise MethodNotAllowed("a group takes calls only")
        if not self._location.ring(account.number, caller.domain, first=True):
            raise NotReachable("none of its phones is registered")
        if not self._transaction.relay():
            self._transaction.relay_failed()


def _duty_codes(settings: DomainSettings) -> tuple[tuple[Duty, str], ...]:
    return (Duty.IN, settings.agent_login_code), (Duty.OUT, settings.agent_logout_code)
