"""The calling side of an INVITE, as a pickup will need it."""

from __future__ import annotations

import re

from kemi.dialogs.record import Caller
from kemi.sip.dialog import DialogId
from kemi.sip.headers import unquoted
from kemi.sip.ports import Message

ANONYMOUS_URI = "sip:anonymous@anonymous.invalid"
HIDING = frozenset({"id", "user", "header"})
_ASSERTED = re.compile(
    r"""(?: (?P<quoted>"(?:[^"\\]|\\.)*") \s* | (?P<words>[^<",;]*) ) <(?P<in_brackets>[^>]+)>
      | (?P<bare>[^\s,;<]+)""",
    re.VERBOSE,
)
_NAMING = ("sip:", "sips:", "tel:")


def caller_of(message: Message, number: str) -> Caller:
    """number: the authenticated extension that sent it, '' for a caller from a trunk.

    A trunk is trusted to assert who calls (RFC 3325 §5); of an extension From has been checked.
    """
    display, uri = message.from_display, f"sip:{message.from_user}@{message.from_host}"
    if wants_privacy(message):
        display, uri = "", ANONYMOUS_URI
    elif not number:
        display, uri = _asserted(message) or (display, uri)
    return Caller(
        dialog=DialogId(message.call_id, message.from_tag),
        number=number,
        display=display,
        uri=uri,
        contact=message.contact_uri,
        flow=message.flow,
        routes=_routes(message),
        replaces="replaces" in _tokens(message, "Supported"),
    )


def _tokens(message: Message, name: str) -> frozenset[str]:
    return frozenset(
        token.strip().lower() for value in message.header_values(name) for token in value.split(",") if token.strip()
    )


def wants_privacy(message: Message) -> bool:
    """RFC 3323 §4.2, RFC 3325 §9.3: who must stay unnamed is not named to the picker either."""
    privacy = message.header("Privacy")
    return bool(privacy) and not HIDING.isdisjoint(word.strip().lower() for word in privacy.split(";"))


def _asserted(message: Message) -> tuple[str, str] | None:
    """Display name and URI of the first P-Asserted-Identity (RFC 3325 §9.1); None when there is none to be read."""
    found = _ASSERTED.match(message.header("P-Asserted-Identity").strip())
    if found is None:
        return None
    uri = found["in_brackets"] or found["bare"]
    if not uri.lower().startswith(_NAMING):
        return None
    return unquoted(found["quoted"] or "") or (found["words"] or "").strip(), uri


def _routes(message: Message) -> tuple[str, ...]:
    """RFC 3261 §12.1.1: the Route set towards the caller is the Record-Route set in its own order."""
    if not message.has_header("Record-Route"):
        return ()
    return tuple(value.strip() for value in message.header_values("Record-Route"))
