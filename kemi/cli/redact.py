"""A state store's URL as it may be shown: without its password."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

USER = re.compile(r"[\w.-]+")


def without_password(url: str) -> str:
    """The URL without any password, whether it stands before the host or in the query.

    Read more generously than RFC 3986 has it, so that a password with a stray `/`, `?` or `@` is not shown either.
    """
    scheme, _, rest = url.partition("://")
    place, user = rest, ""
    if scheme != "unix":
        credentials, _, place = rest.rpartition("@")
        user = credentials.partition(":")[0]
        user = f"{user}@" if USER.fullmatch(user) else ""
    path, _, query = place.partition("?")
    shown = urlencode([(key, value) for key, value in parse_qsl(query) if "pass" not in key.lower()])
    slashes = "" if scheme == "unix" else "//"
    return f"{scheme}:{slashes}{user}{path}{'?' + shown if shown else ''}"
