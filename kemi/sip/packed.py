"""Values as one line of JSON: how the worker keeps notes with a transaction, and records in the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]
from operator import attrgetter
from typing import Any

# What json.JSONEncoder.encode and JSONDecoder.decode make anew, or look at besides, for each value costs more than the
# value: these are the functions that both come down to.
_encode = c_make_encoder(None, attrgetter("value"), encode_basestring_ascii, None, ":", ",", False, False, False)
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def pack(values: Sequence[Any]) -> str:
    """A list of values, in ASCII; of an enumeration's member its value."""
    return "".join(_encode(values, 0))


def unpack(text: str) -> Any:
    """The inverse of `pack`. Raises ValueError for what begins with no value."""
    try:
        return _scan(text, 0)[0]
    except StopIteration as nothing:
        raise ValueError(f"no packed values: {text[:40]!r}") from nothing
