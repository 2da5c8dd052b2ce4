"""Small doubles of the protocols in kemi/sip/ports.py and of what stands behind them: strict, and recording.

scene = FakeScene(invite(dials="101"))
calls = Calls(scene.directory, scene.message, scene.transaction, scene.location, …)
scene.reply(180, to_tag="b1", branch=0)      # go on to a reply callback
scene.failure(486)                           # go on to a failure callback
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from kemi.sip.flow import Flow
from kemi.sip.ports import Callback

DOMAIN = "pbx.example.com"
FLOW = Flow("udp", "192.0.2.4", 5070, "udp:192.0.2.1:5060")
CALLEE_FLOW = Flow("udp", "192.0.2.9", 5090, "udp:192.0.2.1:5060")


@dataclass
class FakeMessage:
    """A message; `headers` are what was received, `appended` and `removed` what was changed of it."""

    method: str = "INVITE"
    status: int = 0
    ruri_user: str = "101"
    ruri_host: str = DOMAIN
    ruri_is_here: bool = False
    from_user: str = "104"
    from_host: str = DOMAIN
    from_display: str = "Dave"
    from_tag: str = "caller-tag"
    to_user: str = "101"
    to_host: str = DOMAIN
    to_tag: str = ""
    call_id: str = "call-1"
    contact_uri: str = "sip:104@192.0.2.4:5070"
    body: str = ""
    flow: Flow = FLOW
    headers: list[tuple[str, str]] = field(default_factory=list)
    appended: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def header(self, name: str) -> str:
        return next(iter(self.header_values(name)), "")

    def header_values(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key.lower() == name.lower())

    def has_header(self, name: str) -> bool:
        return bool(self.header_values(name))

    def remove_header(self, name: str) -> None:
        self.removed.append(name)

    def append_header(self, line: str) -> None:
        assert ":" in line, f"not a header line: {line!r}"
        assert not {"\r", "\n"} & set(line), f"not one header line: {line!r}"
        self.appended.append(line)


def invite(dials: str = "101", **fields: object) -> FakeMessage:
    """An initial INVITE of extension 104 with Supported: replaces, unless the fields say otherwise."""
    headers = fields.pop("headers", [("Supported", "replaces")])
    return FakeMessage(ruri_user=dials, to_user=dials, headers=list(headers), **fields)  # type: ignore[call-overload, arg-type]


@dataclass(frozen=True, slots=True)
class Sent:
    """One relay: where to, what was armed, and the timers."""

    uri: str
    flow: Flow | None
    branches: tuple[str, ...]
    reply: Callback | None
    failure: Callback | None
    branch: Callback | None
    answer_ms: int
    silence_ms: int
    ignores_6xx: bool


class FakeTransaction:
    """Implements kemi.sip.ports.Transaction: one final answer, no relay after it, notes that stay."""

    def __init__(self, location: FakeLocation) -> None:
        self.replies: list[tuple[int, str, tuple[str, ...]]] = []
        self.sent: list[Sent] = []
        self.relays_fail = 0
        """How many of the next relays find nobody."""
        self.answered_failures = 0
        self.notes: dict[str, str] = {}
        self.branch = 0
        self.is_cancelled = False
        self.is_known = True
        self._final_status = 0
        self._location = location
        self._target: tuple[str, Flow | None] = ("", None)
        self._armed: tuple[Callback | None, Callback | None, Callback | None] = (None, None, None)
        self._timers = (0, 0)
        self._ignores_6xx = False

    @property
    def final_status(self) -> int:
        assert self._final_status, "there is no status outside of a failure callback"
        return self._final_status

    @final_status.setter
    def final_status(self, status: int) -> None:
        self._final_status = status

    def reply(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        assert not self.replies, f"a second final answer: {status} after {self.replies[0][0]}"
        assert all("\r" not in line and "\n" not in line for line in headers), headers
        self.replies.append((status, reason, headers))

    def relay(self) -> bool:
        assert not self.replies, "relayed after the final answer"
        branches = self._location.take()
        if self.relays_fail:
            self.relays_fail -= 1
            return False
        uri, flow = self._target
        reply, failure, branch = self._armed
        self.sent.append(
            Sent(uri, flow, branches, reply, failure, branch, *self._timers, ignores_6xx=self._ignores_6xx)
        )
        # tm forgets the callbacks when it has called them once: each relay arms its own.
        self._armed, self._target = (None, None, None), ("", None)
        return True

    def relay_failed(self) -> None:
        self.answered_failures += 1

    def call_back(
        self, *, reply: Callback | None, failure: Callback | None, branch: Callback | None = None
    ) -> None:
        self._armed = (reply, failure, branch)

    def set_timers(self, *, answer_ms: int, silence_ms: int = 0) -> None:
        assert answer_ms > 0, "tm takes no timer of zero"
        self._timers = (answer_ms, silence_ms)

    def ignore_6xx(self) -> None:
        self._ignores_6xx = True

    def remember(self, name: str, note: str) -> None:
        self.notes[name] = note

    def recall(self, name: str) -> str:
        return self.notes.get(name, "")

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        self._target = (uri, flow)


class FakeLocation:
    """Implements kemi.sip.ports.Location: one contact for each number in `registered`."""

    def __init__(self, registered: Iterable[str] = ()) -> None:
        self.registered = set(registered)
        self.saved = 0
        self._branches: list[str] = []

    def save(self) -> bool:
        self.saved += 1
        return True

    def ring(self, number: str, domain: str, *, first: bool) -> bool:
        assert first == (not self._branches), f"{number}: first={first} with {self._branches}"
        if number not in self.registered:
            return False
        self._branches.append(f"{number}@{domain}")
        return True

    def take(self) -> tuple[str, ...]:
        """The branches that a relay sends to."""
        taken, self._branches = tuple(self._branches), []
        return taken


class FakeProxy:
    """Implements kemi.routing.requests.Proxy; `did` tells in which order."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.hops_left = True
        self.sane = True
        self.retransmission = False
        self.route_leads_here = True

    def has_hops_left(self) -> bool:
        self.did.append("hops")
        return self.hops_left

    def is_sane(self) -> bool:
        self.did.append("sanity")
        return self.sane

    def is_retransmission(self) -> bool:
        self.did.append("retransmission")
        return self.retransmission

    def answer_to_source(self) -> None:
        self.did.append("answer_to_source")

    def follow_route(self) -> bool:
        self.did.append("follow_route")
        return self.route_leads_here

    def record_route(self) -> None:
        self.did.append("record_route")

    def relay_stateless(self) -> None:
        self.did.append("relay_stateless")

    def apply_changes(self) -> None:
        self.did.append("apply_changes")


class FakeScene:
    """The message at hand with its transaction, from the request to the callbacks that follow it."""

    def __init__(self, request: FakeMessage, *, registered: Sequence[str] = ()) -> None:
        self.request = request
        self.at_hand = request
        self.location = FakeLocation(registered)
        self.transaction = FakeTransaction(self.location)
        self.proxy = FakeProxy()

    def message(self) -> FakeMessage:
        return self.at_hand

    def reply(self, status: int, *, to_tag: str = "", branch: int = 0, body: str = "") -> FakeMessage:
        """Go on to the callback of a reply."""
        self.transaction.branch = branch
        self.at_hand = replace(
            self.request,
            status=status,
            to_tag=to_tag,
            body=body,
            flow=CALLEE_FLOW,
            headers=[],
            appended=[],
            removed=[],
        )
        return self.at_hand

    def failure(self, status: int, *, cancelled: bool = False) -> None:
        """Go on to the failure callback."""
        self.at_hand = self.request
        self.transaction.final_status = status
        self.transaction.is_cancelled = cancelled

    def branch_out(self) -> FakeMessage:
        """Go on to a branch callback; its header changes are that branch's own."""
        self.at_hand = replace(self.request, appended=[], removed=list(self.request.removed))
        return self.at_hand
