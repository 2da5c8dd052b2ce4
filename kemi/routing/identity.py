"""Who is calling: digest authentication, and that nobody names another as himself."""

from __future__ import annotations

from typing import Protocol

from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension
from kemi.errors import NotAuthorized, UnknownDomain
from kemi.routing.admission import Admission, sender
from kemi.sip.aor import Aor
from kemi.sip.feature_code import unescape
from kemi.sip.headers import IDENTITY
from kemi.sip.ports import Message, Proof
from kemi.sip.uri import user_and_host

ANONYMOUS = ("anonymous", "anonymous.invalid")
"""RFC 3323 §4.1.1.3: a caller who withholds his name names nobody else."""


class Digest(Protocol):
    def user(self, realm: str) -> str: ...
    def check(self, realm: str, ha1: str | None) -> Proof: ...
    def challenge(self, realm: str, *, stale: bool) -> None: ...


class Identity:
    """Authenticates extensions."""

    def __init__(self, digest: Digest, admission: Admission) -> None:
        self._digest = digest
        self._admission = admission

    def caller(self, message: Message, directory: Directory) -> Aor | None:
        """The extension that sent an initial request; None when it was challenged (407), or is not even that.

        Raises UnknownDomain (403) for a request that concerns no domain of ours, and NotAuthorized (403)
        when From, P-Asserted-Identity or P-Preferred-Identity name somebody else;
        SourceBlocked and TooManyFailures (403) when it was too much.
        """
        domain = message.from_host if directory.settings(message.from_host) else message.ruri_host
        user = self._authenticated(message, domain, directory)
        if user is None:
            return None
        claimed = (unescape(message.from_user), message.from_host)
        if claimed not in ((user, domain), ANONYMOUS):
            raise NotAuthorized(f"From must be sip:{user}@{domain}")
        self._check_asserted(message, user, domain)
        return Aor(user, domain)

    def registrant(self, message: Message, directory: Directory) -> Aor | None:
        """The extension that sent a REGISTER; None when it was challenged (401). Raises as `caller` does."""
        domain = message.to_host
        user = self._authenticated(message, domain, directory)
        if user is None:
            return None
        if unescape(message.to_user) != user:
            raise NotAuthorized(f"To must be sip:{user}@{domain}")
        return Aor(user, domain)

    def _authenticated(self, message: Message, domain: str, directory: Directory) -> str | None:
        if directory.settings(domain) is None:
            self._admission.strike(message)
            raise UnknownDomain("neither caller nor called belongs to a domain that is served here")
        claimed, proof = sender(message), Proof.NONE
        number = self._digest.user(domain)
        if number:
            user = Aor(number, domain)
            self._admission.check_pause(message, user)
            account = directory.account(domain, number)
            proof = self._digest.check(domain, account.ha1 if isinstance(account, Extension) else None)
            if proof is Proof.GOOD:
                self._admission.proved(message, claimed, user)
                return number
            if proof is Proof.WRONG:
                self._admission.wrong_password(message, user)
        if proof is Proof.WRONG or self._admission.may_be_challenged(message, claimed):
            self._digest.challenge(domain, stale=proof is Proof.STALE)
        return None

    @staticmethod
    def _check_asserted(message: Message, user: str, domain: str) -> None:
        """RFC 3325 §5: what an untrusted device asserts is checked, then dropped."""
        for name in IDENTITY:
            if not message.has_header(name):
                continue
            for value in message.header_values(name):
                if not _names(value, user, domain):
                    raise NotAuthorized(f"{name} must be sip:{user}@{domain}")
            message.remove_header(name)


def _names(value: str, user: str, domain: str) -> bool:
    uri = value[value.find("<") + 1 : value.rfind(">")] if "<" in value else value.partition(";")[0]
    named, host = user_and_host(uri)
    return (unescape(named), host) == (user, domain)
