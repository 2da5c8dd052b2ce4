"""The calling side of an INVITE, as a pickup will need it."""

from __future__ import annotations

import re

from kemi.dialogs.record import Caller
from kemi.sip.dialog import DialogId
from kemi.sip.headers import tokens, unquoted
from kemi.sip.ports import Message
from kemi.sip.record_route import route_set

ANONYMOUS_URI = "sip:anonymous@anonymous.invalid"
USER_AGENT_MOST = 120
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
        dialog=DialogId.of(message),
        number=number,
        display=display,
        uri=uri,
        contact=message.contact_uri,
        flow=message.flow,
        routes=route_set(message.header_values("Record-Route")),
        replaces="replaces" in tokens(message.header_values("Supported")),
        user_agent=_user_agent(message),
    )


def _user_agent(message: Message) -> str:
    try:
        value = message.header("User-Agent")
    except UnicodeDecodeError:
        # Nothing hangs on it but what kind of device calls: no reason to refuse the call.
        return ""
    return "".join(c for c in value if c.isprintable())[:USER_AGENT_MOST].strip()


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
