"""Header lines that the proxy writes, safe against what others put into their parts."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSAFE = re.compile(r"[\x00-\x1f\x7f]+")
REPLACING = ("Replaces", "Join")
"""Headers by which a new INVITE takes or enters another call (RFC 3891, RFC 3911)."""
IDENTITY = ("P-Asserted-Identity", "P-Preferred-Identity")
"""Headers by which a sender says who calls (RFC 3325 §9)."""
OWN_ROUTE = "tenant"
"""Parameter of this node's Record-Route by which it knows its own."""
EDGE_ROUTE = "edge"
"""The same where it only reaches a phone for another node, which has the call."""
DEPLOYMENT = "of"
"""Parameter of the same by which nodes know one another's."""
COMPLETED_ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
"""RFC 3326 §2: the ringing phones log no missed call."""


def quoted(text: str) -> str:
    """A quoted-string (RFC 3261 §25.1): control characters become blanks, `"` and `\\` are escaped."""
    text = _UNSAFE.sub(" ", text).strip()
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(text: str) -> str:
    """What a quoted-string says (RFC 3261 §25.1: a backslash stands before a character that is meant as it is).

    A text without quotes is taken as it stands.
    """
    if len(text) < 2 or not text.startswith('"') or not text.endswith('"'):
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def warning(agent: str, text: str) -> str:
    """`Warning: 399 agent "text"` (RFC 3261 §20.43: 399 is a miscellaneous warning for a person)."""
    return f"Warning: 399 {agent} {quoted(text)}"


def asserted_identity(display: str, uri: str) -> str:
    """P-Asserted-Identity (RFC 3325 §9.1; in responses RFC 5876 §3.2)."""
    uri = _UNSAFE.sub("", uri).replace("<", "").replace(">", "")
    return f"P-Asserted-Identity: {quoted(display)} <{uri}>" if display else f"P-Asserted-Identity: <{uri}>"


def retry_after(seconds: int) -> str:
    return f"Retry-After: {seconds}"


def tokens(values: Iterable[str]) -> frozenset[str]:
    """The words of a header field of tokens (Supported, Require, …), in lower case."""
    return frozenset(token.strip().lower() for value in values for token in value.split(",") if token.strip())
