"""Calls that come by a trunk, to its DIDs, and calls of extensions that leave by one.

A trunk is trusted by the address that its requests come from, to reach its DIDs and to say who calls; it may do
nothing else. So what one carrier sends never leaves by another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, Extension, Trunk
from kemi.accounts.trunks import Inbound, telephone_number
from kemi.dialogs.call_note import NAME as CALL
from kemi.dialogs.call_note import CallNote
from kemi.dialogs.replaced import Confirmed
from kemi.dialogs.tracking import trunk_party
from kemi.errors import MethodNotAllowed, NodeDrains, NoSuchAccount, RequestRefused
from kemi.routing.caller import wants_privacy
from kemi.routing.calls import Calls
from kemi.routing.draining import Draining
from kemi.routing.guard import Guard, Sender, named_by
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import Replaces
from kemi.sip.feature_code import unescape
from kemi.sip.headers import asserted_identity
from kemi.sip.ports import Callback, Message, Transaction

NOTE = "gateway"
TRY_ANOTHER = (500, 502, 503, 504)
"""The server failed, not the call. Other 5xx (501, 505, 513, 580) say that no server would take this request."""
UNAVAILABLE = 503


class TrunkUnavailable(RequestRefused):
    status, reason = 503, "Service Unavailable"


class Gateways(Protocol):
    """A trunk's destinations, without those that are known to be down."""

    def first(self, set_id: int) -> str:
        """URI of the first, '' when all are down."""
        ...

    def next(self) -> str:
        """URI of the one after that, '' when there is none left."""
        ...

    def mark_down(self) -> None:
        """The last one given cannot be used until a probe finds it there again."""
        ...


class Recorder(Protocol):
    def record_route(self, tenant: str) -> None: ...


class Trunks:
    def __init__(
        self,
        directory: Callable[[], Directory],
        transaction: Transaction,
        router: Recorder,
        gateways: Gateways,
        calls: Calls,
        settings: Settings,
        guard: Guard,
    ) -> None:
        self._directory = directory
        self._transaction = transaction
        self._router = router
        self._gateways = gateways
        self._calls = calls
        self._settings = settings
        self._guard = guard
        self.draining = Draining(lambda: 0)
        """Whether what rings is to end (set by the wiring)."""

    def accept(self, message: Message, trunk: Inbound) -> None:
        """Route a request that came by a trunk and began no dialog yet: an INVITE to one of its DIDs.

        Raises MethodNotAllowed (405), NoSuchAccount (404) for whatever is no DID: numbers of accounts, of other
        trunks, and feature codes; and for Replaces and Join what `named_by` and the guard raise.
        """
        if message.method != "INVITE":
            raise MethodNotAllowed("a trunk sends calls only")
        replaces = named_by(message)
        directory = self._directory()
        called = trunk.dids.get(unescape(message.ruri_user)) if self._is_for_us(message, directory) else None
        account = directory.account(called.domain, called.number) if called else None
        if called is None or account is None:
            raise NoSuchAccount(f"no such number on trunk {trunk.name}")
        message.remove_header("Route")
        if wants_privacy(message):
            # RFC 3325 §7: phones are outside of the trust domain; a caller who stays unnamed is not named to them.
            message.remove_header("P-Asserted-Identity")
        note = CallNote(called.domain, caller_number="", device="", on_hold=False, caller_trunk=trunk.name)
        stays = self._replaced(replaces, note, account) if replaces is not None else ""
        self._router.record_route(called.domain)
        if stays:
            self._calls.hand_over(note, stays)
        else:
            self._calls.place(message, note, account)

    def _replaced(self, replaces: Replaces, note: CallNote, account: Account) -> str:
        """The extension that is to get a trunk's INVITE with Replaces."""
        sender = Sender(note.domain, trunk_party(note.caller_trunk))
        admitted = self._guard.admit(replaces, sender, account.number)
        assert isinstance(admitted, Confirmed), "a trunk picks up nothing"
        return admitted.stays

    def leads_out(self, dialled: str) -> tuple[Trunk, str] | None:
        """The trunk by which a number that is no account's leaves, and the number as it is sent there."""
        number = telephone_number(dialled)
        trunk = self._directory().trunk_table().outbound(number) if number else None
        return None if trunk is None else (trunk, number)

    def send(self, message: Message, note: CallNote, trunk: Trunk, number: str) -> None:
        """Send an extension's INVITE to the first destination of a trunk that takes it.

        Raises TrunkUnavailable (503) when none does.
        """
        caller = Aor(note.caller_number, note.domain)
        account = self._directory().account(caller.domain, caller.number)
        # RFC 3325 §5: the extension is authenticated and the trunk is trusted.
        message.append_header(asserted_identity(account.name if isinstance(account, Extension) else "", caller.uri))
        self._transaction.create()
        self._transaction.remember(NOTE, json.dumps([trunk.name, number]))
        set_id = self._directory().trunk_table().set_id(trunk)
        note = note._replace(callee_trunk=trunk.name)
        self._try_from(self._gateways.first(set_id), note, trunk.name, number)

    def failed(self) -> None:
        """A destination ended the call or stayed silent: the next one's turn, or not. Raises TrunkUnavailable (503)."""
        if self._transaction.is_cancelled:
            return
        if self.draining.is_ending():
            raise NodeDrains("this node stops")
        if not self._failed_over():
            return
        name, number = json.loads(self._transaction.recall(NOTE))
        note = CallNote.unpack(self._transaction.recall(CALL))
        self._transaction.drop_answers()
        self._try_from(self._gateways.next(), note, name, number)

    def _failed_over(self) -> bool:
        """Whether the next destination's turn has come (RFC 3263 §4.3, RFC 3261 §21.5); marks what is down."""
        if self._transaction.is_unanswered:
            self._gateways.mark_down()
            return True
        status = self._transaction.final_status
        # RFC 3261 §21.5.4: only with a Retry-After does 503 speak of more than this one request.
        if status == UNAVAILABLE and self._transaction.final_header("Retry-After"):
            self._gateways.mark_down()
        return status in TRY_ANOTHER

    def _try_from(self, destination: str, note: CallNote, name: str, number: str) -> None:
        while destination:
            sent = self._calls.try_outside(
                note,
                _at(number, destination),
                failure=Callback.GATEWAY_FAILURE,
                silence_ms=self._settings.gateway_silence_ms,
            )
            if sent:
                return
            self._gateways.mark_down()
            destination = self._gateways.next()
        raise TrunkUnavailable(f"no destination of trunk {name} takes the call")

    @staticmethod
    def _is_for_us(message: Message, directory: Directory) -> bool:
        return message.ruri_is_here or directory.settings(message.ruri_host) is not None


def domain_of_did(directory: Directory, message: Message) -> str:
    """The tenant whose DID a trunk's request names in its Request-URI, '' when it is no such request."""
    trunk = directory.trunk_table().at(*message.source)
    called = trunk.dids.get(unescape(message.ruri_user)) if trunk else None
    return called.domain if called else ""


def _at(number: str, destination: str) -> str:
    """The number at a destination: its URI with the number as the user part."""
    scheme, _, place = destination.partition(":")
    return f"{scheme}:{number}@{place.rpartition('@')[2]}"
