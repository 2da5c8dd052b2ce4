"""How one proves at the API who one is, for OpenAPI; kemi.web.access looks at it."""

from __future__ import annotations

from typing import Any

from fastapi import Security
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBase
from fastapi.openapi.models import SecurityBase as Described
from fastapi.security.base import SecurityBase


class Scheme(SecurityBase):
    """Names itself in the description, and does nothing."""

    def __init__(self, name: str, described: Described) -> None:
        self.scheme_name = name
        self.model = described

    async def __call__(self) -> None:
        return None


BASIC = Scheme(
    "basic", HTTPBase(scheme="basic", description="RFC 7617. User `number@domain` and the SIP password; or `admin`.")
)
DIGEST = Scheme(
    "digest",
    HTTPBase(
        scheme="digest",
        description="RFC 7616, with MD5 and `qop=auth`: as SIP does it, so that the HA1 of the provisioning is enough. "
        "User `number`; the realm is the domain. It is that of the address that is asked, or the only one, or else the "
        "client names it: `?domain=pbx.example.com`. A nonce is good for five minutes (then `stale=true`), and each of "
        "its counts once. The administrator is `admin`, realm `star87`.",
    ),
)
SESSION = Scheme(
    "session",
    APIKey.model_validate(
        {
            "in": APIKeyIn.cookie,
            "name": "star87",
            "description": "Of a page that is signed in (over TLS `__Host-star87`); what changes something needs its "
            "`X-CSRF-Token` too.",
        }
    ),
)
OFFERED: list[Any] = [Security(DIGEST), Security(BASIC), Security(SESSION)]
