"""The SIP message that Kamailio has at hand. A value is read once a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, overload

import KSR

from kemi.sip.flow import STREAMS, UNDER_WEBSOCKET, Flow
from kemi.sip.headers import unquoted
from kemi.sip.once import once
from kemi.sip.uri import hop_of

STREAM_IDLE_S = 3605
"""A little longer than phones register for, unless they say how long."""


def text(name: str) -> str:
    """The value of a pseudo-variable. Raises UnicodeDecodeError for what is no text, unless an answer is at hand."""
    try:
        value = KSR.pv.get(name)
    except UnicodeDecodeError:
        return _of_answer(name[2:-1] if name.startswith("$(") else name[1:])
    return "" if value is None else _whole(str(value))


class Variable:
    """A pseudo-variable as an attribute. It is read when it is first asked for, and kept with the object.

    Each message is asked for a dozen: hence one call for what `once` and `text` would do in four.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __set_name__(self, _owner: type, attribute: str) -> None:
        self._attribute = attribute

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> str: ...
    def __get__(self, instance: object | None, owner: type) -> Self | str:
        if instance is None:
            return self
        try:
            value = KSR.pv.get(self._name)
        except UnicodeDecodeError:
            value = 0
        if value is None:
            value = ""
        elif type(value) is not str or "\0" in value:
            value = text(self._name)
        # The instance's own entry goes before this class's: it is not asked a second time.
        instance.__dict__[self._attribute] = value
        return value


def header(name: str) -> str:
    """The first header of that name, '' when there is none. Raises as `text` does."""
    try:
        value = KSR.hdr.get(name)
    except UnicodeDecodeError:
        return _of_answer(f"hdr({name})")
    return "" if value is None else _whole(str(value))


def _whole(value: str) -> str:
    # Nothing with a NUL can be handed to Kamailio again.
    return value if "\0" not in value else _without_nul(value)


def _without_nul(value: str) -> str:
    if KSR.siputils.is_reply() <= 0:
        raise UnicodeDecodeError("utf-8", value.encode(), value.index("\0"), value.index("\0") + 1, "NUL")
    return value.replace("\0", "\ufffd")


def _of_answer(name: str) -> str:
    """What of it is UTF-8. A request can be refused; an answer passes, and what follows from it must follow."""
    if KSR.siputils.is_reply() <= 0:
        raise
    return _whole(bytes.fromhex(str(KSR.pv.get(f"$({name}{{s.encode.hexa}})"))).decode(errors="replace"))


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def flow_of(value: Callable[[str], str]) -> Flow:
    """Where a message came from; value: reads a pseudo-variable of it."""
    return _flow(value("$proto").lower(), (value("$si"), int(value("$sp"))), value)


def _flow(transport: str, source: tuple[str, int], value: Callable[[str], str]) -> Flow:
    below = UNDER_WEBSOCKET.get(transport, transport)
    return Flow(transport, *source, f"{below}:{_bracketed(value('$Ri'))}:{value('$Rp')}")


class Incoming:
    """Implements kemi.sip.ports.Message. Make a new one for each callback."""

    method = Variable("$rm")
    ruri_user = Variable("$rU")
    from_user = Variable("$fU")
    from_tag = Variable("$ft")
    to_user = Variable("$tU")
    to_tag = Variable("$tt")
    call_id = Variable("$ci")
    cseq = Variable("$cs")
    contact_uri = Variable("$(ct{nameaddr.uri})")
    fingerprint = Variable("$(mb{s.md5})")

    @once
    def status(self) -> int:
        return int(KSR.pv.get("$rs") or 0)

    @once
    def ruri_host(self) -> str:
        return text("$rd").lower()

    @property
    def ruri_is_here(self) -> bool:
        return bool(KSR.is_myself_ruri())

    @property
    def is_own(self) -> bool:
        return bool(KSR.is_myself_suri())

    @once
    def from_host(self) -> str:
        return text("$fd").lower()

    @once
    def from_display(self) -> str:
        return unquoted(text("$fn"))

    @once
    def to_host(self) -> str:
        return text("$td").lower()

    @once
    def body(self) -> str:
        try:
            return text("$rb")
        except UnicodeDecodeError:
            # A body may hold any bytes (RFC 3261 §7.4.1); what it says in ASCII is read all the same.
            return bytes.fromhex(text("$(rb{s.encode.hexa})")).decode("latin-1")

    @once
    def source(self) -> tuple[str, int]:
        return str(KSR.pv.get("$si")), int(KSR.pv.get("$sp") or 0)

    @once
    def _transport(self) -> str:
        return text("$proto").lower()

    @once
    def flow(self) -> Flow:
        return _flow(self._transport, self.source, text)

    def header(self, name: str) -> str:
        return header(name)

    def header_values(self, name: str) -> tuple[str, ...]:
        values: list[str] = []
        try:
            while (value := KSR.hdr.get_idx(name, len(values))) is not None:
                values.append(_whole(str(value)))
        except UnicodeDecodeError:
            return (*values, _of_answer(f"hdr({name})[{len(values)}]"))
        return tuple(values)

    def has_header(self, name: str) -> bool:
        return KSR.hdr.is_present(name) > 0

    def remove_header(self, name: str) -> None:
        KSR.hdr.remove(name)

    def append_header(self, line: str) -> None:
        KSR.hdr.append(line + "\r\n")

    def keep_connection(self) -> None:
        if self._transport in STREAMS:
            KSR.tcpops.tcp_set_connection_lifetime(STREAM_IDLE_S)

    def keep_flow(self, *, nearest: bool = False) -> None:
        contact = self.contact_uri
        if not contact:
            return
        transport = self._transport
        # A connection is the phone's own to open: over another, its Contact may lead nowhere, or to somebody else.
        opened = transport in STREAMS and not self.status
        if not opened and hop_of(contact) == (*self.source, transport):
            return
        # Behind another proxy it is that proxy's business how its phones are reached.
        if nearest or KSR.siputils.is_first_hop() > 0:
            KSR.nathelper.set_contact_alias()
