"""Kamailio's BINRPC, which its control socket speaks (module ctl): one request, one reply.

kamcmd speaks it too, but takes no more than 128 KB of a reply.

A message is a header (magic and version; kind and the sizes of what follows; length of the body; cookie) and records.
A record begins with a byte: its type in the lower half, its length in the upper, or, with the highest bit set, how many
bytes tell the length.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from kemi.errors import Star87Error

MAGIC = 0xA1
REPLY, FAULT = 1, 3
INT, TEXT, DOUBLE, STRUCT, ARRAY, NAME, BYTES = range(7)
END = 0x80
"""The length of what ends a struct or an array."""
LENGTH_HERE_MOST = 7
COOKIE = b"star"
"""Comes back with the reply. One connection has one request, and Kamailio drops zeros that it begins with."""
BODY_MOST = 1 << 25

Value = int | float | str | bytes | dict[str, "Value"] | list["Value"]


class BinrpcError(Star87Error):
    """The other side refused, or what it says is no BINRPC."""


@dataclass(slots=True)
class _Records:
    """What is left of a body."""

    body: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.body):
            raise BinrpcError("the reply ends too soon")
        self.at += count
        return self.body[self.at - count : self.at]

    def value(self) -> Value | None:
        """The next record; None for the end of a struct or an array. Raises BinrpcError."""
        (head,) = self.take(1)
        kind, length = head & 0xF, head >> 4
        if kind in (STRUCT, ARRAY):
            if head & END:
                return None
            return self._struct() if kind == STRUCT else self._array()
        if length > LENGTH_HERE_MOST:
            length = int.from_bytes(self.take(length & 7))
        raw = self.take(length)
        if kind == INT:
            return int.from_bytes(raw)
        if kind == DOUBLE:
            return int.from_bytes(raw) / 1000
        if kind in (TEXT, NAME):
            return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
        if kind == BYTES:
            return raw
        raise BinrpcError(f"a record of unknown type {kind}")

    def _struct(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while (name := self.value()) is not None:
            value = self.value()
            if value is None:
                raise BinrpcError("a name without a value")
            found[str(name)] = value
        return found

    def _array(self) -> list[Value]:
        found: list[Value] = []
        while (value := self.value()) is not None:
            found.append(value)
        return found


def encode(words: Sequence[str | int]) -> bytes:
    """A request: the name of a command, and its arguments."""
    body = b"".join(_record(word) for word in words)
    length = _bytes_of(len(body))
    return bytes([MAGIC, (len(length) - 1) << 2 | (len(COOKIE) - 1)]) + length + COOKIE + body


def decode(body: bytes) -> list[Value]:
    """The values of a reply's body; raises BinrpcError."""
    records, found = _Records(body), []
    while records.at < len(body):
        value = records.value()
        if value is None:
            raise BinrpcError("an end without a beginning")
        found.append(value)
    return found


def ask(path: str, words: Sequence[str | int], within_s: float) -> list[Value]:
    """What Kamailio answers by the control socket at path. Raises BinrpcError when it refuses, OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(within_s)
        client.connect(path)
        client.sendall(encode(words))
        magic, flags = _read(client, 2)
        length = int.from_bytes(_read(client, (flags >> 2 & 3) + 1))
        if magic != MAGIC or _read(client, (flags & 3) + 1) != COOKIE or length > BODY_MOST:
            raise BinrpcError("that is no reply to what was asked")
        values = decode(_read(client, length))
    if flags >> 4 == FAULT:
        raise BinrpcError(" ".join(str(value) for value in values))
    return values


def _read(client: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        part = client.recv(count - len(found))
        if not part:
            raise BinrpcError("the reply ends too soon")
        found += part
    return bytes(found)


def _record(word: str | int) -> bytes:
    if isinstance(word, int):
        raw = _bytes_of(word) if word else b""
        return bytes([len(raw) << 4 | INT]) + raw
    raw = word.encode("utf-8", "surrogateescape") + b"\0"
    if len(raw) <= LENGTH_HERE_MOST:
        return bytes([len(raw) << 4 | TEXT]) + raw
    length = _bytes_of(len(raw))
    return bytes([END | len(length) << 4 | TEXT]) + length + raw


def _bytes_of(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8))
