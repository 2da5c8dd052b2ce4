"""Who a request is from: a session's cookie, or the credentials that a CTI client sends with each request (HTTP Basic).

What a browser sends by itself is no proof that its user meant it: whatever changes something needs, with a session, the
session's CSRF token, and comes from this very origin if it says where from.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from kemi.abuse.counters import source_of
from kemi.abuse.passwords import Passwords
from kemi.abuse.sources import Sources
from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.web.counters import MemoryCounters
from kemi.web.sessions import Session, Sessions

ADMIN = "admin"
"""The administrator's user name; extensions are number@domain."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="star87", charset="UTF-8"'}
NOBODY_S_HA1 = "0" * 32


@dataclass(frozen=True, slots=True)
class Visitor:
    user: Aor | None
    """The extension; None: the administrator."""
    proof: str
    session: Session | None = None

    @property
    def csrf(self) -> str:
        return self.session.csrf if self.session else ""


def refusal(status: int, reason: str, message: str, **headers: str) -> HTTPException:
    return HTTPException(status, {"reason": reason, "message": message}, headers or None)


class Access:
    """admin_password: empty: there is no administrator. report: a line for the log; it never has a secret in it."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        admin_password: str,
        settings: Settings,
        report: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._admin = _digest(admin_password) if admin_password else b""
        self._report = report
        counts = MemoryCounters()
        self._passwords = Passwords(counts, settings)
        self._sources = Sources(MemoryCounters(), counts, settings, report)
        self.sessions = Sessions()

    @property
    def has_admin(self) -> bool:
        return bool(self._admin)

    def prove(self, request: Request, name: str, password: str) -> Visitor:
        """Who has these credentials. Raises HTTPException: 401, or 429 for who has tried too often."""
        place = request.client.host if request.client else ""
        source, device = source_of(place), place
        number, _, domain = name.strip().partition("@")
        user = Aor(number, domain.lower())
        wait_s = max(self._passwords.wait_s(source, device, user), self._sources.blocked_s(source))
        if wait_s:
            raise refusal(
                429, "Too Many Attempts", f"too many wrong passwords; wait {wait_s} s", **{"Retry-After": str(wait_s)}
            )
        visitor = self._admin_of(name, password) or self._extension_of(user, password)
        if visitor is None:
            self._passwords.wrong(source, device, user)
            self._sources.strike(source)
            raise refusal(401, "Wrong Number Or Password", "the number or the password is wrong", **CHALLENGE)
        self._passwords.right(source, device, user)
        return visitor

    def visitor(self, request: Request) -> Visitor | None:
        """Who sent a request; None: nobody said. Raises HTTPException: wrong credentials, or a token is missing."""
        token = request.cookies.get(cookie_name(request), "")
        session = self.sessions.find(token) if token else None
        if session is not None:
            visitor = Visitor(session.user, session.proof, session)
            if not self.is_still(visitor):
                self.sessions.end(token)
                return None
            said = request.headers.get(CSRF_HEADER, "")
            if request.method not in SAFE and not _same(said, session.csrf):
                raise refusal(403, "Forbidden", f"the header {CSRF_HEADER} is missing, or another session's")
            return visitor
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise refusal(400, "Bad Request", "these are no credentials (RFC 7617)") from None
        return self.prove(request, name, password)

    def is_still(self, visitor: Visitor) -> bool:
        """Whether the credentials that somebody came in by are still good."""
        if visitor.user is None:
            return bool(self._admin) and hmac.compare_digest(visitor.proof, self._admin.hex())
        account = self._directory().account(visitor.user.domain, visitor.user.number)
        return isinstance(account, Extension) and hmac.compare_digest(account.ha1, visitor.proof)

    def _admin_of(self, name: str, password: str) -> Visitor | None:
        is_admin = name == ADMIN and bool(self._admin) and hmac.compare_digest(_digest(password), self._admin)
        return Visitor(None, self._admin.hex()) if is_admin else None

    def _extension_of(self, user: Aor, password: str) -> Visitor | None:
        account = self._directory().account(user.domain, user.number)
        kept = account.ha1 if isinstance(account, Extension) else NOBODY_S_HA1
        # RFC 2617 §3.2.2.2, as the phone proves it. Who is not there costs as much time as who is.
        text = f"{user.number}:{user.domain}:{password}".encode("utf-8", "surrogateescape")
        is_right = hmac.compare_digest(hashlib.md5(text, usedforsecurity=False).hexdigest(), kept)
        return Visitor(user, kept) if is_right and isinstance(account, Extension) else None


def cookie_name(request: Request) -> str:
    """Over TLS one that no other host, and no plain HTTP, can set (RFC 6265bis §4.1.3.2)."""
    return "__Host-star87" if request.url.scheme == "https" else "star87"


def is_foreign(request: Request) -> bool:
    """Whether a page of another origin had the browser send this."""
    site = request.headers.get("Sec-Fetch-Site", "")
    if site:
        # A browser says it itself; no page can.
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin", "")
    return bool(origin) and urlsplit(origin).netloc != request.headers.get("Host", "")


def _same(said: str, meant: str) -> bool:
    return hmac.compare_digest(said.encode("utf-8", "surrogateescape"), meant.encode())


_SALT = secrets.token_bytes(16)


def _digest(password: str) -> bytes:
    return hashlib.blake2b(password.encode("utf-8", "surrogateescape"), key=_SALT).digest()
