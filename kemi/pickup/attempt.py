"""One `*87` on its way: what the picker's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

import time
from typing import NamedTuple, get_origin, get_type_hints

from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension, Kind
from kemi.dialogs.tracking import Device, Parties, trunk_party
from kemi.pickup.claim import Claim, Picked
from kemi.pickup.devices import Verdict, name_of, verdict
from kemi.pickup.event import BY_REPLACES, PickupEvent
from kemi.sip import packed
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.headers import tokens
from kemi.sip.ports import Message
from kemi.sip.record_route import route_set
from kemi.sip.sdp import holds

NAME = "pickup"


class Target(NamedTuple):
    """The call that is claimed now, as far as the callbacks need it."""

    key: str
    token: str
    kind: Kind
    number: str
    shown_for: str
    """What the call was for, to show: name of the account, else its number."""
    caller_number: str
    """The caller's extension; empty: from outside."""
    display: str
    uri: str
    contact: str
    flow: str
    routes: tuple[str, ...]
    call_id: str
    caller_tag: str
    callee_tags: tuple[str, ...]
    """To tags of early dialogs to offer, the next one first."""
    waited_ms: int
    node: str = ""
    """Node that holds the transaction of the caller's INVITE, and the transaction (index:label)."""
    transaction: str = ""
    waiting: bool = False
    """It waits in a queue and rings nobody."""
    says_replaces: bool = False
    """The caller's INVITE said `Supported: replaces`."""
    caller_device: str = ""
    """Name by which the caller's device is remembered (devices.name_of)."""
    verdict: Verdict = Verdict.UNKNOWN
    """Whether that device carries a Replaces out."""
    rang: tuple[str, ...] = ()
    """Extensions that rang when it was claimed."""

    @classmethod
    def of(cls, claim: Claim, shown_for: str) -> Target:
        call = claim.call
        caller = call.caller
        return cls(
            key=call.key,
            token=claim.token,
            kind=call.kind,
            number=call.number,
            shown_for=shown_for,
            caller_number=caller.number,
            display=caller.shown,
            uri=caller.uri,
            contact=caller.contact,
            flow=str(caller.flow),
            routes=caller.routes,
            call_id=caller.dialog.call_id,
            caller_tag=caller.dialog.caller_tag,
            # A phone may know only the last tag that was relayed to it: that one goes first.
            callee_tags=tuple(reversed(call.early_tags)),
            waited_ms=call.waited_ms(time.time_ns() // 1000),
            node=call.node,
            transaction=call.transaction,
            waiting=call.waiting,
            says_replaces=caller.replaces,
            verdict=verdict(caller, claim.learnt),
            caller_device=name_of(caller.contact, caller.user_agent),
            rang=call.ringing,
        )

    @property
    def dialog(self) -> DialogId:
        return DialogId(self.call_id, self.caller_tag)

    def party(self, directory: Directory) -> str:
        """The caller as a party of a dialog (tracking.Parties)."""
        flow = Flow.parse(self.flow)
        trunk = None if self.caller_number else directory.trunk_table().at(flow.ip, flow.port)
        return trunk_party(trunk.name) if trunk else self.caller_number

    def early_dialog(self, callee_tag: str) -> str:
        """Names one of its early dialogs."""
        return f"{self.key} {callee_tag}"


class Attempt(NamedTuple):
    domain: str
    picker: str
    picker_name: str
    dialled: str
    """Number after the code; empty: general."""
    flow: str
    """By which the picker's device reached this node (Flow)."""
    contact: str
    """URI of the picker's Contact."""
    routes: tuple[str, ...]
    """Route set towards it."""
    answers_by_itself: bool
    """His device said `Supported: answermode` (RFC 5373)."""
    on_hold: bool
    """The picker's own description says hold."""
    started_ms: int
    tried: tuple[str, ...] = ()
    """Keys of the calls that it was sent after, or that it could not be sent after."""
    sent: int = 0
    """How many calls it was sent after."""
    obstacle: str = ""
    """Why the last call could not be had: goes into the Warning of the final answer."""
    unknown: tuple[str, ...] = ()
    """Early dialogs of which a caller's device said that it does not know them (Target.early_dialog)."""
    raced: bool = False
    """A caller's device said that the call had been answered."""
    target: Target | None = None
    """The call that it is after; when it has ended, the last one that it was after."""
    way: str = ""
    """How it is carried out (Way)."""
    rings_back: bool = False
    """The caller's device gave its call up and took nobody: it is rung anew."""
    done: bool = False
    only: str = ""
    """Key of the one call that it is for, which the picker's phone named by a Replaces; empty: it was dialled."""
    silent: tuple[str, ...] = ()
    """Nodes that did not answer when they were asked for a call of theirs: instances."""
    peer: str = ""
    """Instance of the node that the picker is at, for which this one carries the pickup out; empty: this one."""
    by: str = ""
    """BY_CONSOLE: no device dialled, all that the picker has registered are rung."""

    @property
    def account(self) -> str:
        """Number of the account that it is after; empty: general."""
        return self.target.number if self.only and self.target else self.dialled

    @classmethod
    def of(cls, message: Message, directory: Directory, picker: Aor, dialled: str) -> Attempt:
        """The attempt that the picker's INVITE at hand begins."""
        account = directory.account(picker.domain, picker.number)
        return cls(
            domain=picker.domain,
            picker=picker.number,
            picker_name=account.name if isinstance(account, Extension) else "",
            dialled=dialled,
            flow=str(message.flow),
            contact=message.contact_uri,
            routes=route_set(message.header_values("Record-Route")),
            answers_by_itself="answermode" in tokens(message.header_values("Supported")),
            on_hold=bool(holds(message.body)),
            started_ms=now_ms(),
        )

    @property
    def device(self) -> str:
        """The picker's device (Flow.device); empty: it is not known before one answers."""
        return Flow.parse(self.flow).device if self.flow else ""

    def after(self, target: Target) -> Attempt:
        return self._replace(target=target, tried=(*self.tried, target.key))

    def once_more(self, obstacle: str) -> Attempt:
        """The call that it is after may be had yet, by an early dialog that is not known here."""
        assert self.target is not None
        key = self.target.key
        return self.lost(obstacle)._replace(tried=tuple(tried for tried in self.tried if tried != key))

    def lost(self, obstacle: str, *, raced: bool = False) -> Attempt:
        return self._replace(obstacle=obstacle, raced=self.raced or raced)

    def picked(
        self, directory: Directory, dialog: DialogId, *, picker: Device, caller: Device, parties: Parties
    ) -> Picked:
        """The pickup of its target, made in this dialog between these two devices."""
        target = self.target
        assert target is not None
        agents = directory.agents(self.domain)
        return Picked(
            key=target.key,
            token=target.token,
            dialog=dialog,
            picker=picker,
            caller=caller,
            agents=tuple(number for number in (self.picker, target.caller_number) if number in agents),
            group=target.number if target.kind is Kind.AGENT_GROUP else "",
            parties=parties,
        )

    def event(self, outcome: str, status: int) -> PickupEvent:
        """The entry of the record for what came of it."""
        target = self.target
        return PickupEvent(
            domain=self.domain,
            picker=self.picker,
            dialled=self.dialled,
            outcome=outcome,
            status=status,
            mode=self.way if self.sent else "",
            by=self.by or (BY_REPLACES if self.only else ""),
            account=target.number if target else "",
            kind=target.kind.value if target else "",
            caller=target.uri if target else "",
            call_id=target.call_id if target else "",
            tried=self.sent,
            waited_ms=target.waited_ms if target else 0,
            rang=target.rang if target else (),
            took_ms=now_ms() - self.started_ms,
        )

    def pack(self) -> str:
        """The values of its fields in their order, the target's as a list among them."""
        return packed.pack(self)

    @classmethod
    def unpack(cls, text: str) -> Attempt:
        values = packed.unpack(text)
        for place in TUPLES:
            values[place] = tuple(values[place])
        if (target := values[TARGET]) is not None:
            for place in TUPLES_OF_TARGET:
                target[place] = tuple(target[place])
            target[KIND], target[VERDICT] = Kind(target[KIND]), Verdict(target[VERDICT])
            values[TARGET] = Target(*target)
        return cls(*values)


TARGET = Attempt._fields.index("target")
KIND, VERDICT = (Target._fields.index(name) for name in ("kind", "verdict"))


def _tuples_of(kind: type) -> tuple[int, ...]:
    """Where such a tuple has tuples in it, which are lists in what is packed."""
    return tuple(place for place, of in enumerate(get_type_hints(kind).values()) if get_origin(of) is tuple)


TUPLES, TUPLES_OF_TARGET = _tuples_of(Attempt), _tuples_of(Target)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
