"""The parts of a SIP URI that routing looks at."""

from __future__ import annotations


def user_and_host(uri: str) -> tuple[str, str]:
    """User part (as it stands, '' when there is none) and host in lower case, without port and parameters.

    Raises nothing: what is no SIP URI gives ('', '').
    """
    scheme, colon, rest = uri.strip().partition(":")
    if not colon or scheme.lower() not in ("sip", "sips"):
        return "", ""
    rest = rest.partition("?")[0]
    user, at, place = rest.rpartition("@")
    host = (place if at else rest).partition(";")[0]
    if host.startswith("["):
        return user, host.partition("]")[0].lower() + "]"
    return user.partition(":")[0], host.partition(":")[0].lower()
