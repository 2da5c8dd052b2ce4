"""The called side of an INVITE that was answered: what it takes to end that dialog in the caller's name."""

from __future__ import annotations

import re
from typing import NamedTuple

from kemi.sip import packed
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.ports import Message
from kemi.sip.record_route import routes_beyond

HIGH_CSEQ = 2**31 - 2
"""Higher than what a callee has used by then, and lower than RFC 3261 §8.1.1.5 forbids (by the one that is added)."""
CSEQ_DIGITS = 10
"""Of the highest number that RFC 3261 §8.1.1.5 allows. An answer says what it likes."""
_TAG = re.compile(r";\s*tag\s*=\s*([^;>\s]+)", re.IGNORECASE)


class FarEnd(NamedTuple):
    """One callee's 2xx, as it came."""

    call_id: str
    caller: str
    """From, with its tag."""
    callee: str
    """To, with its tag."""
    cseq: int
    """Of the INVITE."""
    target: str
    """URI of the callee's Contact."""
    flow: str
    """Where the answer came from (Flow)."""
    routes: tuple[str, ...]
    """Route set from this node on, the next hop first."""

    @classmethod
    def of(cls, message: Message) -> FarEnd:
        """Of the 2xx to an INVITE that is at hand."""
        return cls(
            call_id=message.call_id,
            caller=message.header("From"),
            callee=message.header("To"),
            cseq=int(message.cseq[:CSEQ_DIGITS]),
            target=message.contact_uri,
            flow=str(message.flow),
            routes=routes_beyond(message.header_values("Record-Route"), message.source),
        )

    def headers(self, method: str) -> tuple[str, ...]:
        """Header lines of an ACK (RFC 3261 §13.2.2.4: the INVITE's CSeq number) or BYE (the next one)."""
        number = self.cseq if method == "ACK" else self.cseq + 1
        return (
            f"From: {self.caller}",
            f"To: {self.callee}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            *(f"Route: {route}" for route in self.routes),
        )

    def other_end(self, target: str, flow: str, routes: tuple[str, ...]) -> FarEnd:
        """The same dialog as the callee would end it: towards the caller's Contact, over his flow and Route set."""
        return FarEnd(self.call_id, self.callee, self.caller, HIGH_CSEQ, target, flow, routes)

    @property
    def dialog(self) -> DialogId:
        return DialogId(self.call_id, _tag(self.caller))

    @property
    def callee_tag(self) -> str:
        return _tag(self.callee)

    @property
    def next_hop(self) -> Flow:
        return Flow.parse(self.flow)

    def pack(self) -> str:
        return packed.pack(self)

    @classmethod
    def unpack(cls, text: str) -> FarEnd:
        call_id, caller, callee, cseq, target, flow, routes = packed.unpack(text)
        return cls(call_id, caller, callee, cseq, target, flow, tuple(routes))


def _tag(name_and_tag: str) -> str:
    """The tag of a From or To; what stands in <> or quotes before it is not the header's."""
    found = _TAG.search(name_and_tag.rpartition(">")[2])
    return found[1] if found else ""
