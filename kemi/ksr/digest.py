"""Digest authentication (RFC 3261 §22, RFC 2617), in Kamailio's auth."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import KSR

from kemi.sip.feature_code import unescape
from kemi.sip.ports import Proof
from kemi.sip.uri import user_and_host

PASSWORD_IS_HA1 = 1
QOP_AUTH = 1
NONCE_IS_STALE = 16
AUTH_INVALID_PASSWORD = -2
AUTH_STALE_NONCE = -4
AUTH_NONCE_REUSED = -6
NOTICE_LEVEL, DEBUG_LEVEL = 1, 3
_NOBODY_S_HA1 = secrets.token_hex(16)


class KamailioDigest:
    """Implements kemi.routing.identity.Digest."""

    def user(self, realm: str) -> str:
        """The user whose credentials for the realm the request carries, '' when there are none."""
        return str(KSR.pv.get("$au") or "") if KSR.auth.has_credentials(realm) > 0 else ""

    def check(self, realm: str, ha1: str | None) -> Proof:
        """What these credentials are worth; good ones are taken out of the request. ha1: None for a user who is none.

        Who is none is checked like one whose password is wrong, so that nobody learns which numbers exist.
        """
        outcome = _unlogged(lambda: KSR.auth.pv_auth_check(realm, ha1 or _NOBODY_S_HA1, PASSWORD_IS_HA1, 0))
        if outcome > 0 and ha1 and not _is_for_this_target():
            return Proof.NONE
        if outcome > 0 and ha1:
            KSR.auth.consume_credentials()
            return Proof.GOOD
        if outcome in (AUTH_STALE_NONCE, AUTH_NONCE_REUSED):
            return Proof.STALE
        # Anything else is about the nonce, not the password: one from before a restart, say.
        return Proof.WRONG if outcome > 0 or outcome == AUTH_INVALID_PASSWORD else Proof.NONE

    def challenge(self, realm: str, *, stale: bool) -> None:
        """Send one: 401 for a REGISTER, 407 for the rest."""
        KSR.auth.auth_challenge(realm, QOP_AUTH | (NONCE_IS_STALE if stale else 0))


def _unlogged(check: Callable[[], int]) -> int:
    """app_python3 logs the arguments of every call at debug level, and an HA1 is as good as a password."""
    if KSR.get_debug() < DEBUG_LEVEL:
        return check()
    KSR.kex.setdebug(NOTICE_LEVEL)
    try:
        return check()
    finally:
        KSR.kex.resetdebug()


def _is_for_this_target() -> bool:
    """RFC 2617 §3.2.2.5: credentials are good for the URI that they were made for, and Kamailio does not look at it.

    Whoever overheard some could dial with them what he liked. Ports and parameters may differ, and some devices (SIPp)
    name the node alone, and nobody there: phones write them so.
    """
    made_for, target = (str(KSR.pv.get(name) or "") for name in ("$adu", "$ru"))
    (user, host), (target_user, target_host) = user_and_host(made_for), user_and_host(target)
    return bool(host) and (not user or (unescape(user), host) == (unescape(target_user), target_host))
