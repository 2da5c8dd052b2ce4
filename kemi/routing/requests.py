"""Every request that comes in, in the order of RFC 3261 §16.3: checks first, then where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, DomainSettings, Extension
from kemi.dialogs.call_note import CallNote
from kemi.dialogs.replaced import Early
from kemi.dialogs.tracking import trunk_party
from kemi.errors import MethodNotAllowed, NoSuchAccount, NoSuchDialog, NotAuthorized, NotReachable, RequestRefused
from kemi.lamps.watching import Watching
from kemi.nodes.peers import Bus, FromPeer, Peers
from kemi.pickup.reroute import Reroute
from kemi.pickup.service import PickupService
from kemi.queueing.queue import Duty
from kemi.queueing.service import Queueing
from kemi.routing.admission import Admission
from kemi.routing.calls import Calls
from kemi.routing.draining import Draining
from kemi.routing.guard import REPLACES, Guard, Sender, named_by
from kemi.routing.identity import Identity
from kemi.routing.in_dialog import InDialog, Router
from kemi.routing.trunks import Trunks
from kemi.sip.aor import Aor
from kemi.sip.dialog import Replaces
from kemi.sip.feature_code import is_code, parse_pickup_code, unescape
from kemi.sip.headers import warning
from kemi.sip.ports import Callback, Location, Message, Spiral, Transaction
from kemi.sip.sdp import holds

ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY, INFO, MESSAGE, SUBSCRIBE, REGISTER"
BUS = "KDMQ"
"""Method of requests by which nodes tell one another of their contacts."""
DIALOG_FORMING = frozenset({"INVITE", "REFER"})


class Proxy(Router, Protocol):
    """Duties towards every message."""

    def has_hops_left(self) -> bool: ...
    def is_sane(self) -> bool: ...
    def is_retransmission(self) -> bool: ...
    def tenant_of_record_route(self) -> str: ...
    def has_name_of_own(self, caller: str) -> bool: ...
    def answer_to_source(self) -> None: ...


class TooManyHops(RequestRefused):
    status, reason = 483, "Too Many Hops"


class AmbiguousContact(RequestRefused):
    status, reason = 400, "Bad Request"


class NameOfAnother(RequestRefused):
    """RFC 3261 §8.1.1.4, §19.3: nobody's Call-ID and tag are another's by chance. What is recorded of a call, and what
    crosses a pickup of it, goes by these."""

    status, reason = 482, "Call-ID And Tag Of Another Call"


class Requests:
    def __init__(
        self,
        directory: Callable[[], Directory],
        proxy: Proxy,
        admission: Admission,
        transaction: Transaction,
        location: Location,
        identity: Identity,
        in_dialog: InDialog,
        calls: Calls,
        pickup: PickupService,
        queueing: Queueing,
        trunks: Trunks,
        reroute: Reroute,
        spiral: Spiral,
        guard: Guard,
        watching: Watching,
        peers: Peers,
        bus: Bus,
    ) -> None:
        self._directory = directory
        self._proxy = proxy
        self._admission = admission
        self._transaction = transaction
        self._location = location
        self._identity = identity
        self._in_dialog = in_dialog
        self._calls = calls
        self._pickup = pickup
        self._queueing = queueing
        self._trunks = trunks
        self._reroute = reroute
        self._spiral = spiral
        self._guard = guard
        self._watching = watching
        self._peers = peers
        self._bus = bus
        self.by_peer: dict[str, FromPeer] = {}
        """What other nodes may ask, by the kind of their instruction (set by the wiring)."""
        self.draining = Draining(lambda: 0)
        """Whether new calls are taken (set by the wiring)."""
        self.carry_out: Callable[[str], None] = lambda _words: None
        """Carries out what this node asked of itself (set by the wiring)."""

    def route(self, message: Message) -> None:
        """Answer or relay one request; raises RequestRefused with the answer that it ends with."""
        self._proxy.answer_to_source()
        if self._spiral.is_return():
            self._returned(message)
            return
        if self._peers.is_peer(message.source):
            if message.method == BUS:
                self._heard_on_bus()
                return
        elif not self._admission.admits(message):
            return
        try:
            self._heard(message)
        except UnicodeDecodeError:
            self._admission.strike(message)
            raise

    def _heard_on_bus(self) -> None:
        if not self._bus.take():
            raise NotAuthorized("this is between nodes")

    def _heard(self, message: Message) -> None:
        if not self._proxy.has_hops_left():
            raise TooManyHops
        if not self._proxy.is_sane():
            self._admission.strike(message)
            return
        method = message.method
        if method == "CANCEL":
            if self._peers.is_peer(message.source):
                self._cancelled_by_peer(message)
            else:
                self._in_dialog.cancel(message)
            return
        if method == BUS:
            # From a node that this worker has not heard of yet, if not from a stranger.
            self._heard_on_bus()
            return
        if method != "ACK" and self._proxy.is_retransmission():
            return
        if message.to_tag and method == "SUBSCRIBE" and self._watching.holds(message):
            watcher = self._identity.caller(message, self._directory())
            if watcher is not None:
                self._watching.renew(message, watcher)
        elif message.to_tag:
            self._in_dialog.request(message)
        elif method == "ACK":
            # RFC 3261 §17.1.1.3: without a dialog it can only be for a negative answer of ours.
            if self._transaction.is_known:
                self._transaction.relay()
        elif not self._is_of_peer(message):
            self._begin(message)

    def _returned(self, message: Message) -> None:
        """A request by way of this node itself: only pickups and lamps send any."""
        if message.method == "INVITE":
            # A caller's own, whose headers say nothing of where it goes.
            if not self._proxy.is_retransmission():
                self._reroute.arrived(message, self._proxy.tenant_of_record_route())
        elif words := self._spiral.errand():
            self.carry_out(words)
        elif self._spiral.goes_on() or self._belongs(message):
            if message.method == "NOTIFY":
                self._transaction.call_back(reply=None, failure=Callback.LAMP_FAILURE)
            if not self._transaction.relay() and message.method == "NOTIFY":
                self._watching.lose(message)

    def _cancelled_by_peer(self, message: Message) -> None:
        """It ends a branch of another node's: what it says of the call, that node knows."""
        if self._transaction.cancels != message.call_id:
            raise NoSuchDialog("no such transaction")
        self._transaction.relay()

    def _is_of_peer(self, message: Message) -> bool:
        """Carry out what another node asked. It has checked who sent the request, and written its Record-Route."""
        instruction = self._peers.arrived() if self._peers.is_peer(message.source) else None
        if instruction is None:
            return False
        carry_out = self.by_peer.get(instruction.kind)
        if carry_out is None:
            raise NotAuthorized(f"this node knows no {instruction.kind!r}")
        carry_out(message, instruction)
        return True

    def _belongs(self, message: Message) -> bool:
        """An ACK of a negative answer, or a CANCEL, whose INVITE is known."""
        return self._transaction.is_known if message.method == "ACK" else bool(self._transaction.cancels)

    def _begin(self, message: Message) -> None:
        """A request that begins something: known by the trunk that it comes from, or else by its credentials."""
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
                self._proxy.has_name_of_own(trunk_party(trunk.name))
            self._trunks.accept(message, trunk)
        elif method == "REGISTER":
            self._register(message)
        else:
            self._initial(message)

    def _register(self, message: Message) -> None:
        """RFC 3261 §10.3."""
        if self._identity.registrant(message, self._directory()):
            if any("?" in value.partition("<")[0] for value in message.header_values("Contact")):
                raise AmbiguousContact("a Contact with ? stands in <> (RFC 3261 §20.10)")
            self._location.save()

    def _initial(self, message: Message) -> None:
        directory = self._directory()
        caller = self._identity.caller(message, directory)
        if caller is None:
            return
        is_contact = message.ruri_host != caller.domain
        if is_contact and not _may_name_a_contact(message, directory):
            raise NotAuthorized("calls do not leave their domain")
        if message.method == "INVITE" and not self._proxy.has_name_of_own(str(caller)):
            raise NameOfAnother("a call of somebody else has this Call-ID and From tag")
        settings = directory.settings(caller.domain)
        assert settings is not None, "a caller without his domain"
        # A Route that the phone was configured with has done its work by leading here.
        message.remove_header("Route")
        if message.method in DIALOG_FORMING:
            self._proxy.record_route(caller.domain)
            message.keep_flow()
        if not is_contact and self._feature(message, caller, settings):
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


def _duty_codes(settings: DomainSettings) -> tuple[tuple[Duty, str], ...]:
    return (Duty.IN, settings.agent_login_code), (Duty.OUT, settings.agent_logout_code)
