"""SIP as the test phone reads and writes it: no more than it needs, and no check that a test should make itself."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

_COMPACT = {
    "f": "from",
    "t": "to",
    "v": "via",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "k": "supported",
}


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A message as it came: start line, header fields in order, body. Bytes that are no UTF-8 become surrogates."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @classmethod
    def parse(cls, raw: bytes) -> SipMessage:
        head, _, body = raw.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(start, tuple((name.strip(), value.strip()) for name, _, value in pairs), body)

    @property
    def status(self) -> int:
        """Status code, 0 for a request."""
        words = self.start.split(" ")
        return int(words[1]) if words[0] == "SIP/2.0" else 0

    @property
    def reason(self) -> str:
        return self.start.split(" ", 2)[2] if self.status else ""

    @property
    def method(self) -> str:
        """Method of the request, or of the request that this answers."""
        return self["CSeq"].split()[1] if self.status else self.start.split(" ")[0]

    @property
    def uri(self) -> str:
        return self.start.split(" ")[1]

    def all(self, name: str) -> list[str]:
        """Every value of a header field, by its long name."""
        wanted = name.lower()
        return [value for key, value in self.headers if long_name(key) == wanted]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __getitem__(self, name: str) -> str:
        """First value of a header field; raises AssertionError when there is none."""
        values = self.all(name)
        assert values, f"no {name} in {self.start!r}"
        return values[0]

    def tag(self, name: str) -> str:
        """The tag of From or To, '' when there is none."""
        match = re.search(r";tag=([^;>\s]+)", self[name])
        return match[1] if match else ""

    @property
    def contact(self) -> str:
        """URI of the first Contact."""
        match = re.search(r"<([^>]+)>", self["Contact"])
        return match[1] if match else self["Contact"].partition(";")[0]


def long_name(name: str) -> str:
    """A header field's name in small letters, written out (RFC 3261 §7.3.3)."""
    return _COMPACT.get(name.lower(), name.lower())


def credentials(
    challenge: SipMessage, *, user: str, password: str, realm: str, method: str, uri: str
) -> tuple[str, str]:
    """Header name and value that answer a 401 or 407 (RFC 2617 §3.2.2, qop=auth)."""
    asked = "WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"
    match = re.search(r'nonce="([^"]+)"', challenge[asked])
    assert match, challenge[asked]
    nonce, cnonce = match[1], secrets.token_hex(4)
    ha1, ha2 = _md5(f"{user}:{realm}:{password}"), _md5(f"{method}:{uri}")
    response = _md5(f"{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")
    value = (
        f'Digest username="{user}",realm="{realm}",nonce="{nonce}",uri="{uri}",response="{response}",'
        f'qop=auth,nc=00000001,cnonce="{cnonce}",algorithm=MD5'
    )
    return ("Authorization" if challenge.status == 401 else "Proxy-Authorization"), value


def sdp(direction: str = "sendrecv", *, address: str = "127.0.0.1", port: int = 4000) -> str:
    """A description with one audio stream (RFC 4566)."""
    return (
        f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na={direction}\r\n"
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
