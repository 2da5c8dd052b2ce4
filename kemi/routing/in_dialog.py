"""Requests inside a dialog, and CANCEL: relayed by the book; what they tell of the call is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import DomainSettings
from kemi.dialogs.late_answers import LateAnswers
from kemi.dialogs.tracking import Device, Tracking
from kemi.errors import NoSuchDialog, NotProvisioned, RequestRefused, StoreUnavailable
from kemi.routing.media import Media
from kemi.routing.trunks import domain_of_did
from kemi.sip.dialog import DialogId
from kemi.sip.feature_code import parse_pickup_code
from kemi.sip.headers import COMPLETED_ELSEWHERE, REPLACING
from kemi.sip.ports import Callback, Message, Transaction
from kemi.sip.sdp import holds

NOTE = "renewed"
TARGET_REFRESHING = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""Requests that may tell the other end a new Contact (RFC 3261 §12.2, RFC 3311, RFC 6665 §4.1.2.2)."""


class ReplacesInDialog(RequestRefused):
    """RFC 3891 §3: a Replaces or Join header belongs into a new dialog only."""

    status, reason = 400, "Bad Request"


class Router(Protocol):
    def follow_route(self) -> bool: ...
    def leads_to_peer(self) -> bool: ...
    def record_route(self, tenant: str, *, edge: bool = False) -> None: ...
    def is_edge(self) -> bool: ...
    def tenant_of_route(self) -> str: ...
    def apply_changes(self) -> None: ...


def _nothing(_domain: str, _call: DialogId) -> None:
    return None


class InDialog:
    def __init__(
        self,
        directory: Callable[[], Directory],
        message: Callable[[], Message],
        transaction: Transaction,
        tracking: Tracking,
        router: Router,
        late_answers: LateAnswers,
        media: Media,
        is_peer: Callable[[tuple[str, int]], bool] = lambda _source: False,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._tracking = tracking
        self._router = router
        self._late_answers = late_answers
        self._media = media
        self._is_peer = is_peer
        self.ended: Callable[[str, DialogId], None] = _nothing
        """Of a tenant's call that its caller has given up, before anybody else hears of it (set by the wiring)."""

    def request(self, message: Message) -> None:
        """Route a request that has a To tag (RFC 3261 §16.4); raises NoSuchDialog (481)."""
        routed = self._router.tenant_of_route()
        edge = self._router.is_edge()
        tenant = self._tenant(message, routed)
        if not self._router.follow_route():
            if not self._router.leads_to_peer():
                self._without_route(message)
            elif not self._transaction.relay():
                self._transaction.relay_failed()
            return
        if not routed:
            # Anybody can write a To tag and a Route, and nobody is authenticated inside a dialog: what this node has
            # not let through does not pass as a call that it has, on to a trunk, or to a phone with a call's names.
            raise NoSuchDialog("no call has come through here that this could belong to")
        message.keep_connection()
        if message.method == "INVITE":
            self._refuse_replaces(message)
            self._router.record_route(tenant, edge=edge)
        elif message.method in TARGET_REFRESHING:
            # The answer shows by its Record-Route whether it comes from the phone itself (Message.keep_flow).
            self._router.record_route(routed, edge=edge)
            self._transaction.call_back(reply=Callback.PASSED_REPLY, failure=None)
        if message.method in TARGET_REFRESHING:
            self.keep_flow(message)
        self._record(message, tenant)
        if tenant and not edge:
            self._media.within(message)
        if not self._transaction.relay():
            self._transaction.relay_failed()
        if message.method == "ACK":
            self._late_answers.acknowledged(message)

    def cancel(self, message: Message) -> None:
        """Relay a CANCEL (RFC 3261 §9.2, §16.10); the phones of a call that was picked up learn why."""
        # The stack finds the INVITE by its branch; whose call it is tells only the INVITE itself.
        if self._transaction.cancels != message.call_id:
            raise NoSuchDialog("no such transaction")
        settings = self._settings_if_picked_up(message)
        if settings is not None:
            self._late_answers.refuse(DialogId.of(message))
        if settings is not None and settings.completed_elsewhere:
            message.remove_header("Reason")
            message.append_header(COMPLETED_ELSEWHERE)
            self._router.apply_changes()
        self._transaction.relay()

    def keep_flow(self, message: Message) -> None:
        """A phone's Contact leads back over its flow (RFC 5626 §5.3); a trunk is taken at its word."""
        try:
            trunk = self._directory().trunk_table().at(*message.source)
        except NotProvisioned:
            return
        if trunk is None:
            message.keep_flow()

    def passed(self) -> None:
        """An answer is on its way back that nothing is recorded of."""
        message = self._message()
        if 100 < message.status < 300:
            self.keep_flow(message)

    def renewed(self) -> None:
        """A re-INVITE or UPDATE was accepted: now both descriptions are in force."""
        message = self._message()
        if 100 < message.status < 300:
            self.keep_flow(message)
        if not 200 <= message.status < 300:
            return
        domain, call_id, from_tag, device, on_hold = json.loads(self._transaction.recall(NOTE))
        ends = DialogId(call_id, from_tag), DialogId(call_id, message.to_tag)
        self._tracking.renewed(domain, ends, Device(device, on_hold))
        self._tracking.renewed(domain, ends, Device(self._device(message), holds(message.body)))

    def _without_route(self, message: Message) -> None:
        if message.method != "ACK":
            raise NoSuchDialog("the request names no route through this proxy")
        # An ACK of a negative answer belongs to its transaction; any other is nobody's and gets no answer.
        if self._transaction.is_known:
            self._transaction.relay()

    @staticmethod
    def _refuse_replaces(message: Message) -> None:
        for name in REPLACING:
            if message.has_header(name):
                raise ReplacesInDialog(f"{name} inside a dialog")

    def _record(self, message: Message, domain: str) -> None:
        if not domain:
            return
        if message.method == "BYE":
            self._tracking.over(domain, self._ends(message))
        elif message.method in ("INVITE", "UPDATE"):
            note = [domain, message.call_id, message.from_tag, self._device(message), holds(message.body)]
            self._transaction.remember(NOTE, json.dumps(note))
            self._transaction.call_back(reply=Callback.RENEWED_REPLY, failure=None)
        elif message.method == "PRACK" and message.body:
            # A description in its answer is for the media relay; it tells nothing of hold that a 2xx will not.
            self._transaction.call_back(reply=Callback.PRACK_REPLY, failure=None)
        elif message.method == "ACK" and message.body:
            # RFC 3264 §4: the answer to an offer that the 2xx made.
            sender = Device(self._device(message), holds(message.body))
            self._tracking.renewed(domain, self._ends(message), sender)

    def _device(self, message: Message) -> str:
        """What a phone does is recorded by the node that it is at: for any other '' stands."""
        return "" if self._is_peer(message.source) else message.flow.device

    @staticmethod
    def _ends(message: Message) -> tuple[DialogId, DialogId]:
        """The dialog as either end began it: which of the two called is not to be seen in a later request."""
        return DialogId.of(message), DialogId(message.call_id, message.to_tag)

    def _tenant(self, message: Message, routed: str) -> str:
        """Whose call it is, '' when no tenant is concerned. routed: what the sealed Route says."""
        try:
            directory = self._directory()
        except NotProvisioned:
            return ""
        if routed and directory.settings(routed):
            return routed
        # A call from or to a trunk has foreign hosts in From and To. A CANCEL has no Route, but the DID that it calls.
        hosts = (domain_of_did(directory, message), message.from_host, message.to_host, message.ruri_host)
        return next((host for host in hosts if host and directory.settings(host)), "")

    def _settings_if_picked_up(self, message: Message) -> DomainSettings | None:
        """The tenant's settings when the caller's device ends its call for a picker."""
        domain = self._tenant(message, self._router.tenant_of_route())
        settings = self._directory().settings(domain) if domain else None
        if settings is None or parse_pickup_code(message.ruri_user, settings.pickup_code):
            return None
        call = DialogId.of(message)
        self.ended(domain, call)
        try:
            picker = self._tracking.ended(domain, call)
        except StoreUnavailable:
            return None
        return settings if picker else None
