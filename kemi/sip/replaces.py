"""The grammar of a Replaces header (RFC 3891 §6.1), and its bounds."""

from __future__ import annotations

import re

from kemi.errors import MalformedReplaces

CALL_ID_MOST = 256
TAG_MOST = 128
"""Longest that is looked up. Stacks make some 20 to 80 characters of either; who sends more is after something else."""
VALUE_MOST = 1024
"""Longest header line that is read at all: a datagram has room for 64 KiB of nonsense."""
NO_TAG = "0"

_WORD = r"""[A-Za-z0-9\-.!%*_+`'~()<>:\\"/\[\]?{}]+"""
_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"
_CALL_ID = re.compile(rf"{_WORD}(?:@{_WORD})?")
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*"'
_PARAMETER = re.compile(
    rf"""[ \t]*;[ \t]*(?P<name>{_TOKEN})
    (?:[ \t]*=[ \t]*(?P<value>{_TOKEN}|\[[0-9A-Fa-f:.]+\]|{_QUOTED}))?
    (?=[ \t]*(?:;|\Z))""",
    re.VERBOSE,
)
_IS_TOKEN = re.compile(_TOKEN)
_FOLD = re.compile(r"[ \t]*\r?\n[ \t]+")
_TAGS = ("to-tag", "from-tag")
_FLAG = "early-only"


def read(value: str) -> tuple[str, str, str, bool]:
    """Call-ID, to-tag, from-tag and early-only of one header line; raises MalformedReplaces (400) and nothing else.

    Exactly one of either tag, early-only at most once and without a value; unknown parameters are let pass.
    """
    if len(value) > VALUE_MOST:
        raise MalformedReplaces(f"Replaces is longer than {VALUE_MOST} characters")
    # RFC 3261 §7.3.1: a folded line means a blank.
    text = _FOLD.sub(" ", value).strip(" \t")
    call_id, semicolon, _ = text.partition(";")
    rest = text[len(call_id) :]
    call_id = call_id.rstrip(" \t")
    if len(call_id) > CALL_ID_MOST:
        raise MalformedReplaces(f"the Call-ID in Replaces is longer than {CALL_ID_MOST} characters")
    if not _CALL_ID.fullmatch(call_id):
        raise MalformedReplaces("Replaces does not begin with one Call-ID")
    found = _parameters(rest) if semicolon else {}
    for name in _TAGS:
        if name not in found:
            raise MalformedReplaces(f"Replaces has no {name}")
        if not _IS_TOKEN.fullmatch(found[name]):
            raise MalformedReplaces(f"the {name} in Replaces is no token")
        if len(found[name]) > TAG_MOST:
            raise MalformedReplaces(f"the {name} in Replaces is longer than {TAG_MOST} characters")
    if found.get(_FLAG):
        raise MalformedReplaces("early-only in Replaces takes no value")
    return call_id, found["to-tag"], found["from-tag"], _FLAG in found


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise MalformedReplaces("Replaces has a malformed parameter, or names more than one call")
        name = match["name"].lower()
        if name in (*_TAGS, _FLAG):
            if name in found:
                raise MalformedReplaces(f"Replaces has {name} twice")
            found[name] = match["value"] or ""
        at = match.end()
    return found
