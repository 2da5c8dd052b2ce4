"""Doubles of what a request's transaction and the registrations do: strict, and recording what left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kemi.sip.flow import Flow
from kemi.sip.ports import Callback

CALLER_FLOW = Flow("udp", "192.0.2.4", 5070, "udp:127.0.0.1:5060")


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

    name = "7:42"

    def __init__(self, location: FakeLocation) -> None:
        self.replies: list[tuple[int, str, tuple[str, ...]]] = []
        self.provisionals: list[tuple[int, str]] = []
        self.said_elsewhere: list[tuple[str, str, int, str]] = []
        """Call-ID, CSeq, status and reason of what was answered in other transactions."""
        self.sent: list[Sent] = []
        self.relays_fail = 0
        """How many of the next relays find nobody."""
        self.answered_failures = 0
        self.created = False
        self.cancelled_others = 0
        self.seen_to_end: list[int] = []
        """How often all branches but that of the reply at hand were cancelled."""
        self.suspended: list[Sent] = []
        """One for each suspension: what was armed, and the timers."""
        self.elsewhere: dict[str, Callable[[Callback], None]] = {}
        """The node's suspended transactions by name: what resuming each runs."""
        self.notes: dict[str, str] = {}
        self.branch = 0
        self.caller_end = ("sip:104@192.0.2.4:5070", CALLER_FLOW)
        self.leaves_by = CALLER_FLOW
        """Over what the branch of a branch callback goes out."""
        self.is_cancelled = False
        self.is_unanswered = False
        self.final_headers: dict[str, str] = {}
        """Header fields of the final answer that a failure callback is about."""
        self.dropped = 0
        """How often a failure callback went on without what had been answered so far."""
        self.is_known = True
        self.cancels = ""
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

    def final_header(self, name: str) -> str:
        assert self._final_status, "there is no final answer outside of a failure callback"
        return self.final_headers.get(name, "")

    def drop_answers(self) -> None:
        assert self._final_status, "there are no answers to drop outside of a failure callback"
        assert not self.replies, "the final answer is gone already"
        self.dropped += 1

    def reply(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        assert not self.replies, f"a second final answer: {status} after {self.replies[0][0]}"
        assert all("\r" not in line and "\n" not in line for line in headers), headers
        self.replies.append((status, reason, headers))

    def create(self) -> None:
        self.created = True

    @property
    def own_tag(self) -> str:
        assert self.provisionals or self.replies, "no answer of this node has made a dialog yet"
        return "own-tag"

    def provisional(self, status: int, reason: str) -> None:
        assert self.created, "answered provisionally without a transaction"
        assert 100 < status < 200
        assert not self.replies, f"{status} after the final answer"
        self.provisionals.append((status, reason))

    def answer_another(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        self.said_elsewhere.append((call_id, cseq, status, reason))

    def suspend(self) -> None:
        assert self.created, "suspended without a transaction"
        assert not self.replies, "suspended after the final answer"
        self.suspended.append(self._leave(self._location.take()))

    def resume(self, name: str, callback: Callback) -> None:
        if name in self.elsewhere:
            self.elsewhere.pop(name)(callback)

    def relay(self) -> bool:
        assert not self.replies, "relayed after the final answer"
        branches = self._location.take()
        if self.relays_fail:
            self.relays_fail -= 1
            return False
        self.created = True
        self.sent.append(self._leave(branches))
        return True

    def _leave(self, branches: tuple[str, ...]) -> Sent:
        uri, flow = self._target
        reply, failure, branch = self._armed
        # tm forgets the callbacks when it has called them once: each relay arms its own.
        self._armed, self._target = (None, None, None), ("", None)
        return Sent(uri, flow, branches, reply, failure, branch, *self._timers, ignores_6xx=self._ignores_6xx)

    def relay_failed(self) -> None:
        self.answered_failures += 1

    def call_back(self, *, reply: Callback | None, failure: Callback | None, branch: Callback | None = None) -> None:
        self._armed = (reply, failure, branch)

    def set_timers(self, *, answer_ms: int, silence_ms: int) -> None:
        assert min(answer_ms, silence_ms) > 0, "tm takes no timer of zero"
        self._timers = (answer_ms, silence_ms)

    def cancel_others(self) -> None:
        self.cancelled_others += 1

    def see_others_end(self, status: int) -> None:
        self.seen_to_end.append(status)

    def ignore_6xx(self) -> None:
        self._ignores_6xx = True

    def remember(self, name: str, note: str) -> None:
        self.notes[name] = note

    def recall(self, name: str) -> str:
        return self.notes.get(name, "")

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        self._target = (uri, flow)


class FakeLocation:
    """Implements kemi.sip.ports.Location: a contact for each time that an account (101@…) stands in `registered`."""

    def __init__(self, registered: Iterable[str] = ()) -> None:
        self.registered = list(registered)
        self.saved = 0
        self._branches: list[str] = []

    def save(self) -> bool:
        self.saved += 1
        return True

    def ring(self, number: str, domain: str, *, first: bool) -> int:
        assert first == (not self._branches), f"{number}: first={first} with {self._branches}"
        count = self.registered.count(f"{number}@{domain}")
        self._branches += [f"{number}@{domain}"] * count
        return count

    def is_registered(self, number: str, domain: str) -> bool:
        return f"{number}@{domain}" in self.registered

    def send_elsewhere(self) -> None:
        """There is no other node."""

    def devices(self, number: str, domain: str) -> tuple[str, ...]:
        """Ports of one address, in the order of `registered`."""
        aor = f"{number}@{domain}"
        return tuple(f"udp:192.0.2.9:{5090 + place}" for place, one in enumerate(self.registered) if one == aor)

    def take(self) -> tuple[str, ...]:
        """The branches that a relay sends to."""
        taken, self._branches = tuple(self._branches), []
        return taken
