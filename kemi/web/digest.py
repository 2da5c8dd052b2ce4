"""HTTP Digest (RFC 7616): a CTI client proves that it knows the password of its extension, and does not send it.

MD5 and `qop=auth` alone: what the provisioning keeps of a password is an HA1, made as a phone makes it, with the domain
as realm (RFC 2617 §3.2.2.2). No library for this one was found that is kept, knows HA1s and is not part of another web
framework; the standard library reads the header.

A nonce says itself when it was made, and nobody else can make one. Only those that good credentials came with are
remembered, with the counts that were used.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.request import parse_http_list, parse_keqv_list

NONCE_S = 300
"""After that a client is given another one (`stale`), and nobody is asked for a password."""
WINDOW = 64
"""Requests side by side overtake one another: how far a count may lag behind the highest."""
MOST = 10_000
_IN_THE_WINDOW = (1 << WINDOW) - 1
_SECRET_BYTES, _SALT_BYTES, _SEAL_CHARACTERS = 32, 12, 32
_COUNT, _RESPONSE = re.compile(r"[0-9a-f]{8}", re.IGNORECASE), re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What follows `Authorization: Digest`."""

    username: str
    realm: str
    uri: str
    nonce: str
    nc: str
    cnonce: str
    response: str

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Raises ValueError: RFC 7616 §3.4 wants it otherwise, or it is not what was offered."""
        parts = parse_http_list(text)
        try:
            found = {name.strip().lower(): value for name, value in parse_keqv_list(parts).items()}
            named = {name: found[name] for name in cls.__slots__}
        except (ValueError, IndexError):
            raise ValueError("a parameter without a value") from None
        except KeyError as missing:
            raise ValueError(f"no {missing.args[0]}") from None
        if len(found) != len(parts):
            raise ValueError("a parameter that is there twice")
        if found.get("qop", "").lower() != "auth":
            raise ValueError("a qop that is not auth")
        if found.get("algorithm", "MD5").upper() != "MD5":
            raise ValueError("an algorithm that is not MD5")
        if not _COUNT.fullmatch(named["nc"]) or not int(named["nc"], 16) or not _RESPONSE.fullmatch(named["response"]):
            raise ValueError("a count or response of the wrong length")
        return cls(**named)

    @property
    def count(self) -> int:
        return int(self.nc, 16)

    def are_made_with(self, ha1: str, method: str) -> bool:
        """Whether who made them knows this HA1, whatever their nonce is worth (RFC 7616 §3.4.1)."""
        meant = _md5(f"{ha1}:{self.nonce}:{self.nc}:{self.cnonce}:auth:{_md5(f'{method}:{self.uri}')}")
        return hmac.compare_digest(self.response.lower(), meant)


class Nonces:
    """now: seconds, by a clock that never goes back. Nonces end with the process, as sessions do."""

    def __init__(self, now: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._now = now
        self._most = most
        self._secret = secrets.token_bytes(_SECRET_BYTES)
        self._used: dict[str, tuple[int, int]] = {}
        """The highest count of each nonce, and which of the WINDOW up to it were used: bit 0 is the highest."""
        self._forgotten_ms = -1
        """What is as old as this may have been used and forgotten."""

    def make(self) -> str:
        text = f"{self._now_ms():x}.{secrets.token_urlsafe(_SALT_BYTES)}"
        return f"{text}.{self._seal(text)}"

    def use(self, nonce: str, count: int) -> bool:
        """Use a nonce with a count, once. False: it is too old, not of this process, or was used with it before."""
        made_ms = self._made_ms(nonce)
        if made_ms <= max(self._forgotten_ms, self._now_ms() - NONCE_S * 1000):
            return False
        highest, seen = self._used.get(nonce, (0, 0))
        if count > highest:
            # No further than the window: a count may be anything up to 32 bits.
            seen = (seen << min(count - highest, WINDOW)) & _IN_THE_WINDOW | 1
            highest = count
        else:
            bit = 1 << min(highest - count, WINDOW)
            if bit & seen or bit > _IN_THE_WINDOW:
                return False
            seen |= bit
        if nonce not in self._used and len(self._used) >= self._most:
            self._tidy()
        self._used[nonce] = highest, seen
        return True

    def _tidy(self) -> None:
        oldest_ms = self._now_ms() - NONCE_S * 1000
        self._used = {nonce: used for nonce, used in self._used.items() if self._made_ms(nonce) > oldest_ms}
        while len(self._used) >= self._most:
            nonce = next(iter(self._used))
            del self._used[nonce]
            self._forgotten_ms = max(self._forgotten_ms, self._made_ms(nonce))

    def _made_ms(self, nonce: str) -> int:
        """When this process made it; -1: it did not."""
        text, _, seal = nonce.rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(text).encode()):
            return -1
        return int(text.partition(".")[0], 16)

    def _seal(self, text: str) -> str:
        made = hmac.new(self._secret, text.encode(), hashlib.sha256)
        return made.hexdigest()[:_SEAL_CHARACTERS]

    def _now_ms(self) -> int:
        return int(self._now() * 1000)


def challenge(realm: str, nonce: str, *, stale: bool) -> str:
    """Value of WWW-Authenticate (RFC 7616 §3.3)."""
    said = f'Digest realm="{realm}", nonce="{nonce}", algorithm=MD5, qop="auth", charset=UTF-8'
    return f"{said}, stale=true" if stale else said


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
