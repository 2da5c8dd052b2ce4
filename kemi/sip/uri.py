"""The parts of a SIP URI that routing looks at."""

from __future__ import annotations

from functools import lru_cache

PORT_DIGITS = 5
REMEMBERED = 1024
"""A phone writes the same Contact with every message."""


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


def user_host_port(uri: str) -> str:
    """`user@host:port` without password and parameters, host in lower case; the port as it stands, or none.

    Raises nothing: what is no SIP URI gives ''.
    """
    scheme, colon, rest = uri.strip().partition(":")
    if not colon or scheme.lower() not in ("sip", "sips"):
        return ""
    user, at, place = rest.partition("?")[0].rpartition("@")
    return user.partition(":")[0] + at + place.partition(";")[0].lower()


@lru_cache(REMEMBERED)
def hop_of(uri: str) -> tuple[str, int, str]:
    """Host in lower case (an IPv6 address without brackets), port and transport that a SIP URI leads to by itself.

    RFC 3261 §19.1.1: udp and 5060 unless it says otherwise. Raises nothing: what is no SIP URI gives ('', 0, '').
    """
    scheme, colon, rest = uri.strip().partition(":")
    if not colon or scheme.lower() not in ("sip", "sips"):
        return "", 0, ""
    place, *parameters = rest.partition("?")[0].rpartition("@")[2].lower().split(";")
    secure = scheme.lower() == "sips"
    named = (parameter.partition("=") for parameter in parameters)
    transport = next((value for name, _, value in named if name == "transport"), "tls" if secure else "udp")
    if place.startswith("["):
        host, _, tail = place[1:].partition("]")
        port = tail.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    default = 5061 if transport == "tls" else 5060
    return host, int(port) if port.isascii() and port.isdigit() and len(port) <= PORT_DIGITS else default, transport
