"""Who is heard at all: the rules of kemi.abuse, applied to the requests that come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kemi.abuse.counters import source_of
from kemi.abuse.passwords import Passwords
from kemi.abuse.sources import Flood, Sources
from kemi.accounts.directory import Directory
from kemi.accounts.trunks import TrunkTable
from kemi.errors import NotProvisioned, SourceBlocked, TooManyFailures
from kemi.sip.aor import Aor
from kemi.sip.feature_code import unescape
from kemi.sip.ports import Message, Transaction


class Sealed(Protocol):
    def tenant_of_route(self) -> str: ...


class Admission:
    """Keeps floods and scans out. Trunks are exempt; so is always what belongs to a call that this node let through."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        router: Sealed,
        transaction: Transaction,
        sources: Sources,
        passwords: Passwords,
    ) -> None:
        self._directory = directory
        self._router = router
        self._transaction = transaction
        self._sources = sources
        self._passwords = passwords

    def admits(self, message: Message) -> bool:
        """Whether a request is looked at. False: it gets no answer. Raises SourceBlocked (403), once a block.

        RFC 3261 §21.4.4: what is forbidden is not to be repeated, while 503 (§21.5.4) would send a phone on to the next
        node. Further answers would serve nobody but who forged the address of their victim.
        """
        (ip, port), trunks = message.source, self._trunks()
        if trunks.at(ip, port):
            return True
        source = source_of(ip)
        flood = Flood.NONE if trunks.knows(ip) else self._sources.flood(source)
        blocked_s = self._sources.blocked_s(source)
        if (flood is Flood.NONE and not blocked_s) or self._is_of_a_call(message):
            return True
        if flood is not Flood.TOO_HIGH and self._is_from_proven(message, source):
            return True
        if flood is Flood.NONE and self._sources.is_told_now(source):
            raise SourceBlocked("too many requests without authority from your address", retry_after_s=blocked_s)
        return False

    def strike(self, message: Message) -> None:
        """A request is refused that nobody with authority sends: malformed, or for a domain that is not served."""
        source = self._counted(message)
        if source:
            self._sources.strike(source)

    def may_be_challenged(self, message: Message, claimed: Aor) -> bool:
        """Whether a request without good credentials gets a challenge. False: no answer. Raises SourceBlocked, once."""
        source = source_of(message.source[0])
        if self._sources.is_proven(source, claimed):
            return True
        shut_s = self._sources.shut_s(source)
        if shut_s:
            if self._sources.is_told_now(source):
                raise SourceBlocked("too many challenges were left unanswered", retry_after_s=shut_s)
            return False
        return not self._counted(message) or self._sources.challenged(source)

    def proved(self, message: Message, claimed: Aor, user: Aor) -> None:
        """The credentials were good. claimed: whom the request names as its sender."""
        message.keep_connection()
        source = source_of(message.source[0])
        self._sources.proved(source, claimed, user)
        self._passwords.right(source, message.flow.device, user)

    def check_pause(self, message: Message, user: Aor) -> None:
        """Raises TooManyFailures (403) while this user's credentials from there are not looked at."""
        wait_s = self._passwords.wait_s(source_of(message.source[0]), message.flow.device, user)
        if wait_s:
            self.strike(message)
            raise TooManyFailures("too many wrong passwords from your address", retry_after_s=wait_s)

    def wrong_password(self, message: Message, user: Aor) -> None:
        source = self._counted(message)
        if source:
            self._sources.strike(source)
            self._passwords.wrong(source, message.flow.device, user)

    def _counted(self, message: Message) -> str:
        """The source that a fault counts against, '' when it costs nothing: a trunk's, or a retransmission."""
        ip, port = message.source
        if self._trunks().at(ip, port):
            return ""
        source = source_of(ip)
        return "" if self._sources.is_seen(source, message.fingerprint) else source

    def _is_of_a_call(self, message: Message) -> bool:
        """Whether this node let the call through: its sealed Record-Route comes back, or its transaction is there."""
        if message.method in ("ACK", "CANCEL") and self._transaction.is_known:
            return True
        return bool(message.to_tag) and bool(self._router.tenant_of_route())

    def _is_from_proven(self, message: Message, source: str) -> bool:
        try:
            return self._sources.is_proven(source, sender(message))
        except UnicodeDecodeError:
            return False

    def _trunks(self) -> TrunkTable:
        try:
            return self._directory().trunk_table()
        except NotProvisioned:
            return _NO_TRUNKS


def sender(message: Message) -> Aor:
    """Whom a request names as its sender: RFC 3261 §10.2, a REGISTER in To, any other in From."""
    if message.method == "REGISTER":
        return Aor(unescape(message.to_user), message.to_host)
    return Aor(unescape(message.from_user), message.from_host)


_NO_TRUNKS = TrunkTable(())
