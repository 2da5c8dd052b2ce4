"""Digest authentication (RFC 3261 §22, RFC 2617), in Kamailio's auth."""

from __future__ import annotations

from collections.abc import Callable

import KSR

PASSWORD_IS_HA1 = 1
QOP_AUTH = 1
NONCE_IS_STALE = 16
AUTH_STALE_NONCE = -4
AUTH_NONCE_REUSED = -6


class KamailioDigest:
    """Implements kemi.routing.identity.Digest."""

    def user(self, realm: str, ha1_of: Callable[[str], str | None]) -> str | None:
        """The user whose credentials for the realm are good; else None, and the challenge has been sent.

        401 for a REGISTER, 407 for the rest. A user that does not exist is challenged like one whose
        password is wrong, so that nobody learns which numbers exist.
        """
        outcome = 0
        if KSR.auth.has_credentials(realm) > 0:
            user = str(KSR.pv.get("$au") or "")
            ha1 = ha1_of(user)
            if ha1 is not None:
                outcome = KSR.auth.pv_auth_check(realm, ha1, PASSWORD_IS_HA1, 0)
                if outcome > 0:
                    KSR.auth.consume_credentials()
                    return user
        stale = outcome in (AUTH_STALE_NONCE, AUTH_NONCE_REUSED)
        KSR.auth.auth_challenge(realm, QOP_AUTH | (NONCE_IS_STALE if stale else 0))
        return None
