"""Bencoding, in which rtpengine's ng protocol speaks: integers, strings, lists and dictionaries with string keys."""

from __future__ import annotations

from typing import Any


class NoBencodingError(ValueError):
    """The bytes are no value, or more than one."""


def encode(value: Any) -> bytes:
    """Raises TypeError for what bencoding has no word for."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, int) and not isinstance(value, bool):
        return b"i%de" % value
    if isinstance(value, list):
        return b"l%se" % b"".join(map(encode, value))
    if isinstance(value, dict):
        return b"d%se" % b"".join(encode(key) + encode(item) for key, item in sorted(value.items()))
    raise TypeError(f"{value!r} cannot be bencoded")


def decode(text: bytes) -> Any:
    """Raises NoBencodingError."""
    try:
        value, end = _value(text, 0)
    except ValueError as error:
        raise NoBencodingError(str(error)) from error
    if end != len(text):
        raise NoBencodingError(f"{text[end:]!r} is left over")
    return value


def _value(text: bytes, at: int) -> tuple[Any, int]:
    kind = text[at : at + 1]
    if kind == b"i":
        end = text.index(b"e", at)
        return int(text[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        found, at = [], at + 1
        while text[at : at + 1] != b"e":
            item, at = _value(text, at)
            found.append(item)
        pairs = zip(found[::2], found[1::2], strict=True)
        return (found if kind == b"l" else dict(pairs)), at + 1
    length, colon, _ = text[at : at + 12].partition(b":")
    if not colon:
        raise ValueError(f"no bencoding: {text[at : at + 20]!r}")
    start = at + len(length) + 1
    return text[start : start + int(length)].decode(errors="surrogateescape"), start + int(length)
