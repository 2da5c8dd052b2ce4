"""The calling side of an INVITE, as a pickup will need it."""

from __future__ import annotations

from kemi.dialogs.record import Caller
from kemi.sip.dialog import DialogId
from kemi.sip.ports import Message

ANONYMOUS_URI = "sip:anonymous@anonymous.invalid"
HIDING = frozenset({"id", "user", "header"})


def caller_of(message: Message, number: str) -> Caller:
    """number: the authenticated extension that sent it, '' for a caller from outside."""
    hidden = _wants_privacy(message)
    return Caller(
        dialog=DialogId(message.call_id, message.from_tag),
        number=number,
        display="" if hidden else message.from_display,
        uri=ANONYMOUS_URI if hidden else f"sip:{message.from_user}@{message.from_host}",
        contact=message.contact_uri,
        flow=message.flow,
        routes=_routes(message),
        replaces="replaces" in _tokens(message, "Supported"),
    )


def _tokens(message: Message, name: str) -> frozenset[str]:
    return frozenset(
        token.strip().lower() for value in message.header_values(name) for token in value.split(",") if token.strip()
    )


def _wants_privacy(message: Message) -> bool:
    """RFC 3323 §4.2, RFC 3325 §9.3: who must stay unnamed is not named to the picker either."""
    privacy = message.header("Privacy")
    return bool(privacy) and not HIDING.isdisjoint(word.strip().lower() for word in privacy.split(";"))


def _routes(message: Message) -> tuple[str, ...]:
    """RFC 3261 §12.1.1: the Route set towards the caller is the Record-Route set in its own order."""
    if not message.has_header("Record-Route"):
        return ()
    return tuple(value.strip() for value in message.header_values("Record-Route"))
