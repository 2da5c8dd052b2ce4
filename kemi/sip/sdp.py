"""Whether a device holds a call: the direction in the SDP that the device itself sent (RFC 3264 §8.4)."""

from __future__ import annotations

import re
from enum import Enum

_MAY_HOLD = re.compile(r"sendonly|inactive|0\.0\.0\.0")
_LIVE = re.compile(r"^m=\s*\S+\s+(?!0(?:[/\s]|$))\S", re.MULTILINE)
"""A media line whose port is not 0."""


class Direction(Enum):
    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def is_hold(self) -> bool:
        """The sender of this description listens to nobody: it has put the call on hold."""
        return self in (Direction.SENDONLY, Direction.INACTIVE)


def direction(body: str) -> Direction | None:
    """The direction that a description offers or answers; None when it describes no live media.

    A media line's own attribute wins over the description's (RFC 4566 §6). `c=0.0.0.0` is the hold of RFC 2543,
    which RFC 3264 §8.4 keeps alive. A call with several streams is on hold only when all of them are. Streams
    with port 0 are refused ones and do not count.
    """
    session_direction, session_address = Direction.SENDRECV, ""
    found: list[Direction] = []
    current: Direction | None = None
    address = ""
    live = in_media = False

    def close() -> None:
        if in_media and live:
            found.append(Direction.INACTIVE if address == "0.0.0.0" else current or session_direction)

    for line in body.splitlines():
        kind, _, value = line.partition("=")
        value = value.strip()
        if kind == "m":
            close()
            parts = value.split()
            live = len(parts) > 1 and parts[1].partition("/")[0] != "0"
            in_media, current, address = True, None, session_address
        elif kind == "c" and value:
            if in_media:
                address = value.split()[-1]
            else:
                session_address = value.split()[-1]
        elif kind == "a" and value in Direction._value2member_map_:
            if in_media:
                current = Direction(value)
            else:
                session_direction = Direction(value)
    close()
    if not found:
        return None
    return next((d for d in found if not d.is_hold), found[0])


def carries_sdp(content_type: str, body: str) -> bool:
    """Whether a body is a description, or has one among its parts (RFC 2046 §5.1.3)."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/sdp" or (kind == "multipart/mixed" and "application/sdp" in body.lower())


def offers_ice(body: str) -> bool:
    """Whether the sender of a description does ICE (RFC 8839 §5.4)."""
    return "\na=ice-ufrag:" in body


def holds(body: str) -> bool | None:
    """Whether the sender of a description has put the call on hold; None when it describes no media."""
    if not body:
        return None
    if not _MAY_HOLD.search(body):
        return False if _LIVE.search(body) else None
    found = direction(body)
    return None if found is None else found.is_hold
