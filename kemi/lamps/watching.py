"""SUBSCRIBE with `Event: dialog`, as a worker answers it (RFC 6665 §4.2.1). What follows is the notifier's."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account
from kemi.accounts.permission import Permission
from kemi.errors import MayNotWatch, NoSuchAccount, NoSuchDialog
from kemi.lamps.book import Book
from kemi.lamps.document import CONTENT_TYPE
from kemi.lamps.subscription import Subscription
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.sip.headers import warning
from kemi.sip.ports import Message, Transaction
from kemi.sip.record_route import route_set

PACKAGE = "dialog"
DEFAULT_S = 3600
ALLOW_EVENTS = f"Allow-Events: {PACKAGE}"
_EVENT_ID = re.compile(r";\s*id\s*=\s*([A-Za-z0-9\-.!%*_+`'~]{1,64})", re.IGNORECASE)


def watched_account(directory: Directory, watcher: Aor, number: str) -> Account:
    """The account, if this extension may see it. Raises MayNotWatch (403), NoSuchAccount (404).

    With `hide_accounts` there is no telling an account that he may not see from one that is not there.
    """
    account = directory.account(watcher.domain, number)
    permission = account.permission if account else Permission()
    if permission.may_see(watcher.number) and account is not None:
        return account
    settings = directory.settings(watcher.domain)
    if account is None and not (settings and settings.hide_accounts):
        raise NoSuchAccount(f"{watcher.domain} has no account of that number")
    raise MayNotWatch("no account of that number lets you watch it")


class Watching:
    def __init__(
        self,
        directory: Callable[[], Directory],
        message: Callable[[], Message],
        transaction: Transaction,
        book: Book,
        settings: Settings,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._message = message
        self._transaction = transaction
        self._book = book
        self._settings = settings
        self._now_s = now_s

    def holds(self, message: Message) -> bool:
        """Whether a SUBSCRIBE inside a dialog is for a subscription of this node's."""
        return self._book.find(_key(message, message.to_tag)) is not None

    def begin(self, message: Message, watcher: Aor, number: str) -> None:
        """A new subscription, or a fetch (Expires: 0). Raises as `watched_account` does."""
        account = watched_account(self._directory(), watcher, number)
        if not self._is_understood(message):
            return
        expires_s = self._expires_s(message)
        if expires_s is None:
            return
        self._transaction.create()
        contact = _contact(account.number, message)
        self._accept(contact, expires_s)
        tag = self._transaction.own_tag
        to = _one_line(message.header("To"))
        self._book.begin(
            Subscription(
                key=_key(message, tag),
                domain=watcher.domain,
                number=account.number,
                watcher=watcher.number,
                call_id=message.call_id,
                local=f"{to};tag={tag}",
                remote=_one_line(message.header("From")),
                contact=contact,
                target=message.contact_uri,
                flow=str(message.flow),
                routes="\n".join(route_set(message.header_values("Record-Route"))),
                event=_event(message),
                expires_at_s=self._now_s() + expires_s,
                remote_cseq=int(message.cseq),
            )
        )

    def renew(self, message: Message, watcher: Aor) -> None:
        """The subscription goes on, or ends (Expires: 0). Raises NoSuchDialog (481), and as `watched_account` does."""
        known = self._book.find(_key(message, message.to_tag))
        if known is None or (known.watcher, known.domain) != (watcher.number, watcher.domain):
            raise NoSuchDialog("no such subscription")
        if not self._is_understood(message):
            return
        expires_s = self._expires_s(message)
        if expires_s is None:
            return
        if expires_s:
            watched_account(self._directory(), watcher, known.number)
        if int(message.cseq) <= known.remote_cseq:
            # RFC 3261 §12.2.2
            self._transaction.reply(500, "Server Internal Error", (warning("star87", "CSeq out of order"),))
            return
        self._transaction.create()
        self._accept(known.contact, expires_s)
        known.target, known.flow = message.contact_uri or known.target, str(message.flow)
        known.expires_at_s, known.remote_cseq = self._now_s() + expires_s, int(message.cseq)
        self._book.renew(known)

    def not_taken(self) -> None:
        """A NOTIFY has failed. RFC 6665 §4.2.2: with it the subscription, unless it is a passing fault."""
        status = self._transaction.final_status
        if 400 <= status < 500 or status >= 600:
            self.lose(self._message())

    def lose(self, notify: Message) -> None:
        """A NOTIFY cannot be sent, or was refused: whom it was for is told no more."""
        # It is this node's own request: its From tag is ours.
        self._book.lose(_name(notify.call_id, notify.to_tag, notify.from_tag))

    def _accept(self, contact: str, expires_s: int) -> None:
        self._transaction.reply(200, "OK", (f"Contact: {contact}", f"Expires: {expires_s}"))

    def _is_understood(self, message: Message) -> bool:
        """Whether it is for what there is here; it has been answered if not."""
        if not message.contact_uri:
            # RFC 6665 §3.1.1 by RFC 3261 §8.1.1.8: there is nobody to tell.
            self._transaction.reply(400, "Bad Request", (warning("star87", "a SUBSCRIBE needs a Contact"),))
            return False
        event = _event(message)
        if event.partition(";")[0].strip().lower() != PACKAGE:
            # RFC 6665 §8.3.2; without Event it is no request of today's (§7.2.1).
            status = (489, "Bad Event") if event else (400, "Bad Request")
            self._transaction.reply(*status, (ALLOW_EVENTS, warning("star87", "the one event package here is dialog")))
            return False
        ranges = {
            part.partition(";")[0].strip().lower()
            for value in message.header_values("Accept")
            for part in value.split(",")
        }
        if ranges and not ranges & {CONTENT_TYPE, "application/*", "*/*"}:
            self._transaction.reply(406, "Not Acceptable", (f"Accept: {CONTENT_TYPE}",))
            return False
        return True

    def _expires_s(self, message: Message) -> int | None:
        """How long it is to last; None when that is too short, and it has been answered so (RFC 6665 §4.2.1.1)."""
        text = message.header("Expires").strip()
        wanted_s = int(text[:9]) if text.isascii() and text.isdigit() else DEFAULT_S
        least_s = self._settings.lamp_expires_min_s
        if 0 < wanted_s < least_s:
            self._transaction.reply(423, "Interval Too Brief", (f"Min-Expires: {least_s}",))
            return None
        return min(wanted_s, self._settings.lamp_expires_max_s)


def _event(message: Message) -> str:
    """Event without what the watcher's phone need not see again, '' when there is none."""
    value = message.header("Event") or message.header("o")
    package = value.partition(";")[0].strip()
    found = _EVENT_ID.search(value)
    return f"{package};id={found[1]}" if found else package


def _contact(number: str, message: Message) -> str:
    """RFC 6665 §4.1.2.2: where the watcher's later SUBSCRIBE goes. The listen socket that this one came by."""
    transport, _, place = message.flow.socket.partition(":")
    transport = message.flow.transport if message.flow.transport in ("ws", "wss") else transport
    return f"<sip:{number}@{place};transport={'ws' if transport == 'wss' else transport}>"


def _one_line(value: str) -> str:
    """RFC 3261 §7.3.1: what is folded means the same on one line."""
    return " ".join(value.split())


def _key(message: Message, own_tag: str) -> str:
    return _name(message.call_id, message.from_tag, own_tag)


def _name(call_id: str, watcher_tag: str, own_tag: str) -> str:
    return f"{DialogId(call_id, watcher_tag).key}{own_tag}"
