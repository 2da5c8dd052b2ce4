"""The counts that the rules are made of, shared by all workers of a node. `kemi.ksr` keeps them in Kamailio."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from functools import lru_cache
from typing import Protocol

from kemi.sip.aor import Aor

IPV6_NETWORK = 64
"""What one customer is given (RFC 6177 §2): a scanner has all its addresses."""


class Counters(Protocol):
    """Numbers by name; each is forgotten keep_s seconds (or one more) after it was begun."""

    def add(self, name: str, *, keep_s: int) -> int:
        """Count one up and return the new number. The first one begins it; 0: there is no room for another name."""
        ...

    def take(self, name: str) -> None:
        """Count one down; what is not above zero stays as it is."""
        ...

    def value(self, name: str) -> int:
        """The number, 0 when there is none."""
        ...

    def put(self, name: str, number: int, *, keep_s: int) -> None:
        """Begin anew with this number."""
        ...

    def drop(self, name: str) -> None: ...


def source_of(ip: str) -> str:
    """What counts as one source: an IPv4 address, or an IPv6 network of 64 bits."""
    if ":" not in ip:
        return ip
    return str(ipaddress.ip_network(f"{ip.strip('[]')}/{IPV6_NETWORK}", strict=False).network_address)


def name_of(kind: str, source: str, *words: str) -> str:
    """A short name for whatever words a peer has written; kind: one letter, which keeps the counts apart."""
    return kind + _short(source, words)


@lru_cache(maxsize=1024)
def _short(source: str, words: tuple[str, ...]) -> str:
    text = "\0".join((source, *words)).encode("utf-8", "surrogateescape")
    return base64.b64encode(hashlib.blake2b(text, digest_size=12).digest()).decode()


def name_of_user(kind: str, source: str, user: Aor) -> str:
    return name_of(kind, source, user.number, user.domain.lower())
