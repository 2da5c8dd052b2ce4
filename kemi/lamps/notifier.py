"""Who is told what, and when: the one process of a node that sends NOTIFY.

It asks the store every `lamp_look_ms` which of the accounts that are watched here have changed. While the store is away
the lamps stay as they are, and new watchers are told what was known last; when it is back, all is read anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension
from kemi.errors import NotProvisioned, StoreUnavailable
from kemi.lamps.book import Book
from kemi.lamps.document import Document, document_of
from kemi.lamps.lamp import Lamp, LampStore, Look
from kemi.lamps.subscription import NO_RESOURCE, REJECTED, TIMEOUT, Pace, Subscription
from kemi.settings import Settings
from kemi.sip.ports import Spiral

AGAIN_S = 15.0
"""So often all is read anew, whatever the store says of changes: also what keeps accounts watched there."""
AT_ONCE, REST_S = 40, 0.01
"""After so many NOTIFYs in a row so long a pause, or the node's socket to itself would overflow."""
SWEEP_S = 1.0
"""How often it is looked for subscriptions that have expired."""
NOTHING = Lamp()


@dataclass(slots=True)
class _Watcher:
    subscription: Subscription
    pace: Pace
    may_pick_up: bool = False
    shown: Document | None = None
    """What he was told last; None: he must be told, whatever it is."""
    over: str = ""
    """Why his subscription is to end."""


@dataclass(slots=True)
class _Tenant:
    watchers: dict[str, set[str]] = field(default_factory=dict)
    """Keys of the subscriptions, by the account's number."""
    lamps: dict[str, Lamp] = field(default_factory=dict)
    lasts_until_s: dict[str, float] = field(default_factory=dict)
    since: str = ""
    stamp: str = ""
    read_at_s: float = 0.0


class Notifier:
    def __init__(
        self,
        directory: Callable[[], Directory],
        book: Book,
        store: LampStore,
        spiral: Spiral,
        settings: Settings,
        now_s: Callable[[], float] = time.time,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._directory = directory
        self._book = book
        self._store = store
        self._spiral = spiral
        self._gap_s = settings.lamp_gap_ms / 1000
        self._now_s = now_s
        self._rest = rest
        self._watchers: dict[str, _Watcher] = {}
        self._tenants: dict[str, _Tenant] = {}
        self._waiting: dict[str, None] = {}
        """Keys of those who are to be told something, in the order in which it came up."""
        self._judged_by: Directory | None = None
        self._is_new = True
        self._swept_at_s = 0.0

    def look(self) -> None:
        """Once around: who has subscribed, who may no longer, what has changed, who is told."""
        try:
            directory = self._directory()
        except NotProvisioned:
            return
        self._hear(directory)
        for domain, tenant in list(self._tenants.items()):
            for number in self._ask(domain, tenant):
                self._waiting.update(dict.fromkeys(tenant.watchers.get(number, ())))
        self._tell(directory)

    def _hear(self, directory: Directory) -> None:
        news = [(one, False) for one in self._book.everybody()] if self._is_new else []
        self._is_new = False
        for subscription, gone in (*news, *self._book.news()):
            if gone:
                self._leave(subscription.key)
                self._book.told((), (subscription.key,))
                continue
            known = self._watchers.get(subscription.key)
            if known is None:
                known = self._watchers[subscription.key] = _Watcher(subscription, Pace(self._gap_s))
                tenant = self._tenants.setdefault(subscription.domain, _Tenant())
                tenant.watchers.setdefault(subscription.number, set()).add(subscription.key)
            else:
                # What he was told since it was written down is known here alone.
                subscription.cseq, subscription.version = known.subscription.cseq, known.subscription.version
                known.subscription = subscription
            known.shown = None
            self._judge(known, directory)
            self._end_if_expired(known, self._now_s())
            self._waiting[subscription.key] = None
        if directory is not self._judged_by:
            self._judged_by = directory
            for watcher in self._watchers.values():
                self._judge(watcher, directory)
        now_s = self._now_s()
        if self._swept_at_s + SWEEP_S <= now_s:
            self._swept_at_s = now_s
            for watcher in self._watchers.values():
                self._end_if_expired(watcher, now_s)

    def _end_if_expired(self, watcher: _Watcher, now_s: float) -> None:
        if watcher.subscription.expires_at_s <= now_s:
            watcher.over = watcher.over or TIMEOUT
            self._waiting[watcher.subscription.key] = None

    def _judge(self, watcher: _Watcher, directory: Directory) -> None:
        """What he may see by the document in force."""
        one = watcher.subscription
        account = directory.account(one.domain, one.number)
        himself = directory.account(one.domain, one.watcher)
        if account is None:
            watcher.over = NO_RESOURCE
        elif not isinstance(himself, Extension) or not account.permission.may_see(one.watcher):
            watcher.over = REJECTED
        watcher.may_pick_up = account is not None and account.permission.may_pick_up(one.watcher)
        if watcher.shown is not None:
            self._waiting[one.key] = None

    def _ask(self, domain: str, tenant: _Tenant) -> Iterable[str]:
        """Read what has changed; returns whose lamps were read."""
        now_s, read = self._now_s(), set[str]()
        unread = {number for number in tenant.watchers if number not in tenant.lamps}
        try:
            if tenant.stamp and tenant.read_at_s + AGAIN_S > now_s:
                changes = self._store.look(domain, tenant.since)
                if changes.stamp == tenant.stamp:
                    tenant.since = changes.moment
                    read.update(self._note(tenant, changes, now_s))
                    unread.update(number for number, until_s in tenant.lasts_until_s.items() if until_s <= now_s)
                else:
                    tenant.stamp = ""
            if not tenant.stamp or tenant.read_at_s + AGAIN_S <= now_s:
                everything = self._store.watched(domain, tuple(tenant.watchers))
                tenant.since, tenant.stamp, tenant.read_at_s = everything.moment, everything.stamp, now_s
                read.update(self._note(tenant, everything, now_s))
            elif unread:
                read.update(self._note(tenant, self._store.watched(domain, tuple(unread)), now_s))
        except StoreUnavailable:
            tenant.stamp = ""
        return read

    @staticmethod
    def _note(tenant: _Tenant, answer: Look, now_s: float) -> Iterable[str]:
        mine = [number for number in answer.lamps if number in tenant.watchers]
        for number in mine:
            tenant.lamps[number] = answer.lamps[number]
            tenant.lasts_until_s.pop(number, None)
            if number in answer.lasts_ms:
                tenant.lasts_until_s[number] = now_s + answer.lasts_ms[number] / 1000
        return mine

    def _tell(self, directory: Directory) -> None:
        documents: dict[tuple[str, str, bool], Document] = {}
        due: dict[str, tuple[_Watcher, Document]] = {}
        for key in list(self._waiting):
            watcher = self._watchers.get(key)
            if watcher is None:
                del self._waiting[key]
                continue
            document = self._document(watcher, directory, documents)
            now_s = self._now_s()
            if not watcher.over and document == watcher.shown:
                del self._waiting[key]
            elif watcher.over or watcher.shown is None or watcher.pace.allows(now_s):
                watcher.subscription.cseq += 1
                watcher.subscription.version += 1
                due[key] = watcher, document
        if not due:
            return
        over = [key for key, (watcher, _) in due.items() if watcher.over]
        # Written down first: a node that ends now leaves out a number, and else would give one twice, and who has seen
        # it would not look at the second document (RFC 4235 §4.1).
        self._book.told([watcher.subscription for watcher, _ in due.values()], over)
        for number, (key, (watcher, document)) in enumerate(due.items(), 1):
            del self._waiting[key]
            self._notify(watcher, document, self._now_s())
            if number % AT_ONCE == 0:
                self._rest(REST_S)
        for key in over:
            self._leave(key)

    def _document(
        self, watcher: _Watcher, directory: Directory, made: dict[tuple[str, str, bool], Document]
    ) -> Document:
        one = watcher.subscription
        account = None if watcher.over in (REJECTED, NO_RESOURCE) else directory.account(one.domain, one.number)
        if account is None:
            # He is told no more, and his lamp goes dark.
            return document_of(Extension(one.number, "", ""), one.domain, NOTHING, may_pick_up=False)
        name = one.domain, one.number, watcher.may_pick_up
        if name not in made:
            lamp = self._tenants[one.domain].lamps.get(one.number, NOTHING)
            made[name] = document_of(account, one.domain, lamp, may_pick_up=watcher.may_pick_up)
        return made[name]

    def _notify(self, watcher: _Watcher, document: Document, now_s: float) -> None:
        one = watcher.subscription
        left_s = max(0, round(one.expires_at_s - now_s))
        state = f"terminated;reason={watcher.over}" if watcher.over else f"active;expires={left_s}"
        self._spiral.begin("NOTIFY", one.target, one.next_hop, one.headers(state), document.text(one.version))
        watcher.shown = document
        watcher.pace.sent(now_s)

    def _leave(self, key: str) -> None:
        watcher = self._watchers.pop(key, None)
        self._waiting.pop(key, None)
        if watcher is None:
            return
        one = watcher.subscription
        tenant = self._tenants[one.domain]
        tenant.watchers[one.number].discard(key)
        if not tenant.watchers[one.number]:
            del tenant.watchers[one.number]
            tenant.lamps.pop(one.number, None)
            tenant.lasts_until_s.pop(one.number, None)
        if not tenant.watchers:
            del self._tenants[one.domain]
