"""Documents of RFC 4235 §4: one for those who may pick up, one for those who may only see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from kemi.accounts.model import Account
from kemi.dialogs.record import Caller, CallRecord
from kemi.lamps.lamp import Lamp
from kemi.sip.aor import Aor
from kemi.sip.dialog import Tags

CONTENT_TYPE = "application/dialog-info+xml"
SHOWN = 8
"""Most dialogs in a document, so that it fits into a datagram: the calls that ring, in their order, before all else."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_OF_URIS = "-_.!~*'();/?:@&=+$,%"


@dataclass(frozen=True, slots=True)
class Document:
    """All but the version, which each watcher has his own of."""

    before: str
    after: str

    def text(self, version: int) -> str:
        return f"{self.before}{version}{self.after}"


def document_of(account: Account, domain: str, lamp: Lamp, *, may_pick_up: bool) -> Document:
    """The full state of an account (RFC 4235 §3.2, §4.1)."""
    aor = Aor(account.number, domain)
    dialogs = [_call(call, aor, account.name, may_pick_up=may_pick_up) for call in lamp.calls]
    dialogs += [_dialog(talk.key, "confirmed", "initiator" if talk.is_caller else "recipient") for talk in lamp.talks]
    return Document(
        '<?xml version="1.0" encoding="UTF-8"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="',
        f'" state="full" entity={_attribute(aor.uri)}>\n{"".join(dialogs[:SHOWN])}</dialog-info>\n',
    )


def _call(call: CallRecord, aor: Aor, name: str, *, may_pick_up: bool) -> str:
    """A call that rings or waits. RFC 4235 §3.7.2: who may not have it sees a dialog, and nothing to name it by."""
    local = _participant("local", name, aor.uri, aor.uri)
    # Where a lamp key sends its INVITE with Replaces: to an address of the tenant, whoever calls.
    remote = _participant("remote", call.caller.display, _uri(call.caller), aor.uri if may_pick_up else "")
    if not may_pick_up:
        return _dialog(call.key, "early", "recipient", within=local + remote)
    if not call.early_tags:
        # No phone has said that it rings: there is nothing yet that a Replaces could name.
        return _dialog(call.key, "trying", "recipient", within=local + remote)
    tags = Tags.of_callee(call.caller.dialog.caller_tag, call.early_tags[-1])
    names = (
        f" call-id={_attribute(call.caller.dialog.call_id)}"
        f" local-tag={_attribute(tags.local)} remote-tag={_attribute(tags.remote)}"
    )
    return _dialog(call.key, "early", "recipient", names=names, within=local + remote)


def _dialog(key: str, state: str, direction: str, *, names: str = "", within: str = "") -> str:
    return (
        f'  <dialog id={_attribute(key)}{names} direction="{direction}">\n'
        f"    <state>{state}</state>\n{within}  </dialog>\n"
    )


def _participant(end: str, display: str, uri: str, target: str) -> str:
    shown = f" display={_attribute(display)}" if display else ""
    aim = f"<target uri={_attribute(target)}/>" if target else ""
    return f"    <{end}><identity{shown}>{escape(_legible(uri))}</identity>{aim}</{end}>\n"


def _uri(caller: Caller) -> str:
    """What a carrier put there may be no URI: what none may hold is escaped (RFC 3986 §2.1)."""
    return quote(_NO_ESCAPE.sub("%25", caller.uri), safe=_OF_URIS, errors="replace")


def _legible(text: str) -> str:
    return _NO_XML.sub("", text)


def _attribute(text: str) -> str:
    return quoteattr(_legible(text))
