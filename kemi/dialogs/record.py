"""What is known of a ringing call: enough to show it, and to pick it up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from kemi.accounts.model import Kind
from kemi.sip import packed
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.uri import user_and_host


class Caller(NamedTuple):
    """The calling side, as its INVITE showed it. All of it is fixed for the life of the call."""

    dialog: DialogId
    number: str
    """Extension number of the authenticated caller; empty for a caller from outside."""
    display: str
    """Display name to show; empty when there is none."""
    uri: str
    """URI to show (P-Asserted-Identity); `sip:anonymous@anonymous.invalid` when the caller asked for privacy."""
    contact: str
    """URI of the Contact: where the INVITE with Replaces is addressed."""
    flow: Flow
    routes: tuple[str, ...]
    """Record-Route values of proxies between the caller and this node: the Route set towards the caller."""
    replaces: bool
    """The INVITE said `Supported: replaces` (RFC 3891 §4)."""
    user_agent: str = ""
    """User-Agent of the INVITE, one line of 120 characters at most; empty: it named none."""

    @property
    def shown(self) -> str:
        """How to name the caller to others: never more than he let be known."""
        return self.display or user_and_host(self.uri)[0] or self.uri

    def pack(self) -> str:
        """One JSON array, as the store keeps it."""
        return _packed(self)

    @classmethod
    def unpack(cls, text: str) -> Caller:
        call_id, tag, number, display, uri, contact, flow, routes, replaces, user_agent = packed.unpack(text)
        return cls(
            DialogId(call_id, tag),
            number,
            display,
            uri,
            contact,
            Flow.parse(flow),
            tuple(routes),
            bool(replaces),
            user_agent,
        )


@lru_cache(maxsize=1)
def _packed(caller: Caller) -> str:
    """Caller.pack: a worker needs it more than once for the call that it has at hand."""
    return packed.pack(
        [
            caller.dialog.call_id,
            caller.dialog.caller_tag,
            caller.number,
            caller.display,
            caller.uri,
            caller.contact,
            str(caller.flow),
            list(caller.routes),
            int(caller.replaces),
            caller.user_agent,
        ]
    )


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call that rings or waits, as the store knows it at one moment."""

    domain: str
    key: str
    """The call's name in the store (DialogId.key)."""
    kind: Kind
    number: str
    """The account that it was routed to: with `kind`, what a pickup of it is judged by."""
    permission_id: str
    routed_at_us: int
    """When it was routed to that account, by the store's clock, in microseconds since 1970."""
    caller: Caller
    early_tags: tuple[str, ...] = ()
    """To tags of the live early dialogs, the one that was relayed last at the end."""
    ringing: tuple[str, ...] = ()
    """Extensions that are being rung now."""
    claimed_by: str = ""
    """Extension of the picker that has claimed it; empty: nobody."""
    waiting: bool = False
    """It waits in an agent group's queue and rings nobody."""
    node: str = ""
    """Node that holds the transaction of its INVITE."""
    transaction: str = ""
    """`index:label` on that node."""

    def waited_ms(self, now_us: int) -> int:
        return max(0, (now_us - self.routed_at_us) // 1000)

    def as_json(self, now_us: int) -> dict[str, Any]:
        """The shape of `star87 calls --json`; times in ms."""
        return {
            "domain": self.domain,
            "call_id": self.caller.dialog.call_id,
            "caller_tag": self.caller.dialog.caller_tag,
            "caller": self.caller.uri,
            "caller_name": self.caller.display,
            "account": self.number,
            "kind": self.kind.value,
            "state": "waiting" if self.waiting else "ringing",
            "ringing": list(self.ringing),
            "waited_ms": self.waited_ms(now_us),
            "replaces": self.caller.replaces,
            "early_dialogs": len(self.early_tags),
            "claimed_by": self.claimed_by,
        }
