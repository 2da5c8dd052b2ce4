"""The media relays that a node is told of: reading them, and writing them as Kamailio's module takes them."""

from __future__ import annotations

import ipaddress
import re

SEPARATORS = re.compile(r"[,\s]+")
SOCKET = re.compile(r"udp:(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


def relay_sockets(text: str) -> tuple[str, ...]:
    """The control sockets of rtpengines, in their order; none for an empty text.

    text: `udp:192.0.2.1:22222` or `udp:[2001:db8::1]:22222`, several separated by blanks or commas.
    Raises ValueError that says what is wrong: an IP address and a port are needed, no name.
    """
    return tuple(_socket(word) for word in SEPARATORS.split(text) if word)


def _socket(word: str) -> str:
    found = SOCKET.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r}: a media relay is named as in udp:127.0.0.1:22222")
    try:
        host = ipaddress.ip_address(found["v6"] or found["v4"] or "")
    except ValueError:
        raise ValueError(f"{word!r}: its host is no IP address") from None
    if (host.version == 6) != (found["v6"] is not None):
        raise ValueError(f"{word!r}: an IPv6 address stands in brackets, an IPv4 address does not")
    port = int(found["port"])
    if not 1 <= port <= 65535:
        raise ValueError(f"{word!r}: the port is a number from 1 to 65535")
    return f"udp6:[{host}]:{port}" if host.version == 6 else f"udp:{host}:{port}"
