"""The call that is attacked, and what has become of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import redis

from kemi.sip.dialog import DialogId
from kemi.store.keys import SUFFIXES, events, tenant
from tests.load.abuse.tenancy import SECRET
from tests.load.abuse.way import HOME, Victim
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Incoming, Outgoing
from tests.support.sip_text import sdp
from tests.support.until import until

MARK = "s=of-the-victims"
"""Line in whatever the victims' phones say of their media."""
_COME_AND_GO = ("taken", "due", "denied", "noted")
State = dict[str, str]


def own_sdp() -> str:
    return sdp().replace("s=-", MARK)


@dataclass
class Call:
    """The victims' call. inbound: None while it waits; ends: of the caller and of the callee, once they talk."""

    kind: Victim
    outgoing: Outgoing
    inbound: Incoming | None = None
    callee_tag: str = ""
    ends: list[Dialog] = field(default_factory=list)

    @property
    def call_id(self) -> str:
        return self.outgoing.call_id

    @property
    def caller_tag(self) -> str:
        return self.outgoing.tag


class Victims:
    """The caller 104, the callee 101 and the agent 106, on one node. One call at a time."""

    def __init__(self, node: Node, store: redis.Redis) -> None:
        self._node, self._store = node, store
        self.caller, self.callee, self.agent = (self._phone(number) for number in ("104", "101", "106"))
        assert self.callee.registers().status == 200

    def close(self) -> None:
        for phone in (self.caller, self.callee, self.agent):
            phone.close()

    def begin(self, kind: Victim) -> Call:
        """The call begins; returns when the store knows all of it."""
        for phone in (self.caller, self.callee):
            phone.hears()
            phone.inbox.clear()
        dialled = "101" if kind is Victim.TALKS else kind.value
        call = Call(kind, self.caller.dials(dialled, body=own_sdp()))
        key = DialogId(call.call_id, call.caller_tag).key
        record, wanted = tenant(HOME) + SUFFIXES["call"] + key, "e"
        if kind is Victim.WAITS:
            call.callee_tag, wanted = call.outgoing.expects(182).tag("To"), "y"
        else:
            call.inbound = self.callee.rung()
            call.inbound.answers(180)
            call.outgoing.expects(180)
            call.callee_tag = call.inbound.tag
        if kind is Victim.TALKS:
            self._answer(call)
            record, wanted = tenant(HOME) + SUFFIXES["talk"] + key, "callee_tag"
        until(lambda: self._store.hexists(record, wanted), what=f"the record of the {kind.name} call")
        return call

    def heard(self, may_hear: Sequence[str]) -> list[str]:
        """What the victims' phones were told since, that is not theirs to be told."""
        harms = []
        for phone in (self.caller, self.callee):
            phone.hears()
            for message in phone.inbox:
                if message.status == 100 or (not message.status and message.method in may_hear):
                    continue
                if message.status and message.method != "INVITE":
                    continue
                harms.append(f"{phone.number} got {message.start}")
        return harms

    def ends_well(self, call: Call) -> list[str]:
        """Answer the call and end it, as if nothing had happened; else what went wrong."""
        try:
            if not call.ends:
                self._answer(call)
            caller, _ = call.ends
            caller.ends(self._answerer(call))
        except AssertionError as failure:
            return [f"the call could not be answered and ended: {failure}"]
        return []

    def give_up(self, call: Call) -> None:
        """Free the phones of a call that is not as it was."""
        try:
            if not call.ends:
                call.outgoing.cancels()
        except AssertionError:
            pass
        finally:
            for phone in (self.caller, self.callee):
                phone.close()
            self.caller, self.callee = self._phone("104"), self._phone("101")
            self.callee.asks("REGISTER", to=self.callee.aor, headers=[("Contact", "*"), ("Expires", "0")])
            assert self.callee.registers().status == 200

    def _answer(self, call: Call) -> None:
        phone = self._answerer(call)
        if call.kind is Victim.WAITS:
            assert phone.registers().status == 200
            call.inbound = phone.rung()
        assert call.inbound is not None
        call.inbound.answers(200, body=own_sdp())
        accepted = call.outgoing.expects(200)
        assert accepted.tag("To") == call.inbound.tag, f"answered by {accepted['To']}"
        call.ends = [call.outgoing.dialog(accepted), call.inbound.dialog()]
        if call.kind is Victim.WAITS:
            assert phone.registers(expires=0).status == 200

    def _answerer(self, call: Call) -> Phone:
        return self.agent if call.kind is Victim.WAITS else self.callee

    def _phone(self, number: str) -> Phone:
        return Phone(self._node.address, number, domain=HOME, password=SECRET, name=f"Victim {secrets.token_hex(2)}")


class Books:
    """What the node keeps of a tenant: its keys and values, its record of pickups, its registrations."""

    def __init__(self, node: Node, store: redis.Redis, domain: str) -> None:
        self._node, self._store, self.domain = node, store, domain

    def state(self) -> State:
        """Every key with its value, but those that come and go by the clock."""
        prefix = tenant(self.domain)
        passing = tuple(prefix + SUFFIXES[name] for name in _COME_AND_GO)
        found: State = {}
        self._node.settle()
        for raw in self._store.scan_iter(match=prefix + "*", count=1000):
            name = raw.decode()
            if name == events(self.domain) or name.startswith(passing):
                continue
            is_call = name.startswith(prefix + SUFFIXES["call"])
            if is_call and self._store.hexists(name, "gone"):
                continue
            # One that has ended meanwhile is as if it had not been there.
            if value := self._value(name):
                found[name.removeprefix(prefix)] = value
        return found

    def _value(self, name: str) -> str:
        """What a key holds, alike however Redis keeps it; '' when it is gone."""
        kind = cast(bytes, self._store.type(name)).decode()
        read: dict[str, Callable[[], object]] = {
            "hash": lambda: sorted(cast(dict[bytes, bytes], self._store.hgetall(name)).items()),
            "zset": lambda: self._store.zrange(name, 0, -1, withscores=True),
            "set": lambda: sorted(cast(set[bytes], self._store.smembers(name))),
            "string": lambda: self._store.get(name),
        }
        return repr(read[kind]()) if kind in read else ""

    def entries(self) -> list[tuple[str, int]]:
        """Picker and status of each entry of the record."""
        return [(event.picker, event.status) for event in self._node.events(self.domain)]

    def refusals(self) -> set[str]:
        """Pickers of whom refusals are counted at the moment."""
        prefixes = [tenant(self.domain) + SUFFIXES[name] for name in ("denied", "noted")]
        return {k.decode().rpartition(":")[2] for p in prefixes for k in self._store.scan_iter(match=p + "*")}


def registrations(node: Node, domain: str, numbers: Sequence[str]) -> dict[str, list[str]]:
    """Contacts, with where they lead, of these extensions."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in node.kamcmd("ul.dump").splitlines():
        name, _, value = line.strip().partition(": ")
        if name == "AoR":
            current = value
        elif name in ("Address", "Received", "Path") and value not in ("[not set]", ""):
            found.setdefault(current, []).append(value)
    wanted = {f"{number}@{domain}" for number in numbers}
    return {aor: sorted(places) for aor, places in found.items() if re.sub("^sip:", "", aor) in wanted}
