"""Who a request is from: a session's cookie, or credentials that a CTI client sends with each (HTTP Digest, or Basic).

What a browser sends by itself is no proof that its user meant it: whatever changes something needs, with a session, the
session's CSRF token, and comes from this very origin if it says where from.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import HTTPException, Request

from kemi.abuse.counters import source_of
from kemi.abuse.passwords import Passwords
from kemi.abuse.sources import Sources
from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.web.counters import MemoryCounters
from kemi.web.digest import Credentials, Nonces, challenge
from kemi.web.sessions import Session, Sessions

ADMIN = "admin"
"""The administrator's user name; extensions are number@domain."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
ADMIN_API = "/api/v1/admin"
REALM = "star87"
"""The administrator's; that of an extension is its domain."""
BASIC = f'Basic realm="{REALM}", charset="UTF-8"'
NOBODY_S_HA1 = "0" * 32
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Visitor:
    user: Aor | None
    """The extension; None: the administrator."""
    proof: str
    session: Session | None = None

    @property
    def csrf(self) -> str:
        return self.session.csrf if self.session else ""


class Refusal(HTTPException):
    """challenges: values of WWW-Authenticate, one each."""

    def __init__(
        self, status: int, reason: str, message: str, headers: dict[str, str] | None, challenges: tuple[str, ...]
    ) -> None:
        super().__init__(status, {"reason": reason, "message": message}, headers)
        self.challenges = challenges


def refusal(status: int, reason: str, message: str, *challenges: str, **headers: str) -> Refusal:
    return Refusal(status, reason, message, headers or None, challenges)


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
        self._admin_ha1 = _ha1(ADMIN, REALM, admin_password) if admin_password else ""
        self._report = report
        counts = MemoryCounters()
        self._passwords = Passwords(counts, settings)
        self._sources = Sources(MemoryCounters(), counts, settings, report)
        self._nonces = Nonces()
        self._only: tuple[Directory | None, str] = (None, "")
        self.sessions = Sessions()

    @property
    def has_admin(self) -> bool:
        return bool(self._admin)

    def prove(self, request: Request, name: str, password: str) -> Visitor:
        """Who has these credentials. Raises HTTPException: 401, or 429 for who has tried too often."""
        number, _, domain = name.strip().partition("@")
        user = Aor(number, domain.lower())
        visitor = self._counted(request, user, lambda: self._admin_of(name, password) or self._with(user, password))
        self._right(request, user)
        return visitor

    def _prove_by_digest(self, request: Request, text: str) -> Visitor:
        """The same by what follows `Digest`: 400, 401 or 429."""
        try:
            credentials = Credentials.parse(text)
        except ValueError as error:
            raise refusal(400, "Bad Request", f"these are no credentials (RFC 7616 §3.4): {error}") from None
        if not _is_of(request, credentials.uri):
            raise refusal(400, "Bad Request", "the credentials were made for another URI (RFC 7616 §3.4.6)")
        realm = credentials.realm.lower()
        # As he is called by Basic: both are counted together.
        is_admin = (credentials.username, realm) == (ADMIN, REALM)
        user = Aor(ADMIN, "") if is_admin else Aor(credentials.username, realm)

        def is_right(ha1: str) -> bool:
            return credentials.are_made_with(ha1, request.method)

        visitor = self._counted(
            request, user, lambda: self._admin_by(user, is_right) or self._extension(user, is_right)
        )
        if not self._nonces.use(credentials.nonce, credentials.count):
            # Good ones, but it may be somebody else who overheard them: that proves nothing, and forgives nothing.
            fresh = challenge(realm, self._nonces.make(), stale=True)
            raise refusal(401, "Stale Nonce", "make the credentials anew, with the nonce of this answer", fresh)
        self._right(request, user)
        return visitor

    def challenges(self, request: Request) -> tuple[str, ...]:
        """What may be answered: Digest, where the domain can be told, and Basic."""
        realm = self._realm(request)
        return (challenge(realm, self._nonces.make(), stale=False), BASIC) if realm else (BASIC,)

    def _counted(self, request: Request, user: Aor, look: Callable[[], Visitor | None]) -> Visitor:
        """Look at credentials; wrong ones are counted, and whoever sends too many has to wait."""
        source, device = _place(request)
        wait_s = max(self._passwords.wait_s(source, device, user), self._sources.blocked_s(source))
        if wait_s:
            raise refusal(
                429, "Too Many Attempts", f"too many wrong passwords; wait {wait_s} s", **{"Retry-After": str(wait_s)}
            )
        visitor = look()
        if visitor is None:
            self._passwords.wrong(source, device, user)
            self._sources.strike(source)
            challenges = self.challenges(request)
            raise refusal(401, "Wrong Number Or Password", "the number or the password is wrong", *challenges)
        return visitor

    def _right(self, request: Request, user: Aor) -> None:
        self._passwords.right(*_place(request), user)

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
        if scheme.lower() == "digest":
            return self._prove_by_digest(request, credentials)
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

    def _admin_by(self, user: Aor, is_right: Callable[[str], bool]) -> Visitor | None:
        is_admin = user == Aor(ADMIN, "") and bool(self._admin) and is_right(self._admin_ha1)
        return Visitor(None, self._admin.hex()) if is_admin else None

    def _with(self, user: Aor, password: str) -> Visitor | None:
        ha1 = _ha1(user.number, user.domain, password)
        return self._extension(user, lambda kept: hmac.compare_digest(ha1, kept))

    def _extension(self, user: Aor, is_right: Callable[[str], bool]) -> Visitor | None:
        """The extension, if this is right about its HA1. Who is not there costs as much time as who is."""
        account = self._directory().account(user.domain, user.number)
        kept = account.ha1 if isinstance(account, Extension) else NOBODY_S_HA1
        return Visitor(user, kept) if is_right(kept) and isinstance(account, Extension) else None

    def _realm(self, request: Request) -> str:
        """The domain that the client names, or that it asks at, or the only one; '': none of them."""
        if request.scope["path"].startswith(ADMIN_API):
            return REALM
        named = request.query_params.get("domain", "").lower()
        if named:
            # Served here or not: who asks learns nothing.
            return named if _DOMAIN.fullmatch(named) else ""
        directory = self._directory()
        host = (request.url.hostname or "").lower()
        if directory.settings(host) is not None:
            return host
        if self._only[0] is not directory:
            domains = directory.domains()
            self._only = directory, domains[0] if len(domains) == 1 else ""
        return self._only[1]


def _place(request: Request) -> tuple[str, str]:
    """Source and device, as kemi.abuse has them."""
    place = request.client.host if request.client else ""
    return source_of(place), place


def _is_of(request: Request, uri: str) -> bool:
    """Whether credentials for this URI are for this very request (RFC 7616 §3.4.6)."""
    path, query = request.scope["raw_path"], request.scope["query_string"]
    target = (path + b"?" + query if query else path).decode("latin-1")
    return uri == target or uri == f"{request.url.scheme}://{request.headers.get('Host', '')}{target}"


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
    return bool(origin) and origin.partition("://")[2] != request.headers.get("Host", "")


def _same(said: str, meant: str) -> bool:
    return hmac.compare_digest(said.encode("utf-8", "surrogateescape"), meant.encode())


def _ha1(user: str, realm: str, password: str) -> str:
    """RFC 2617 §3.2.2.2, as a phone proves it."""
    text = f"{user}:{realm}:{password}".encode("utf-8", "surrogateescape")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


_SALT = secrets.token_bytes(16)


def _digest(password: str) -> bytes:
    return hashlib.blake2b(password.encode("utf-8", "surrogateescape"), key=_SALT).digest()
