"""Doubles of what a queue stands on: the suspended INVITE, the agents' phones, the store. Strict, and recording.

All write into one journal, `did`, in which the order of what happened to the INVITE and in the store can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kemi.dialogs.own_calls import Standing
from kemi.errors import StoreUnavailable
from kemi.pickup.event import PickupEvent
from kemi.queueing.queue import Duty, Entry, Expired, Joined, Line, Missed, Offer
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.ports import Callback

DOMAIN = "pbx.example.com"
OWN_TAG = "of-the-queue"
Did = list[tuple[object, ...]]


@dataclass(frozen=True)
class QueuedInvite:
    """The little of a Message that queueing reads."""

    call_id: str = "call-1"
    from_tag: str = "alice"
    cseq: str = "7"
    method: str = "INVITE"

    @property
    def dialog(self) -> DialogId:
        return DialogId(self.call_id, self.from_tag)


class QueuedTransaction:
    """The caller's INVITE: created, suspended, resumed, ringing or answered; whatever does not fit that order fails.

    resumed: what runs when it is resumed. gone: the node no longer has it.
    """

    name = "7:42"

    def __init__(self, did: Did, phones: AgentPhones) -> None:
        self._did = did
        self._phones = phones
        self._state = "new"
        self._tagged = False
        self.notes: dict[str, str] = {}
        self.resumed: Callable[[], None] = lambda: None
        self.gone = False
        self.is_cancelled = False
        self.relays_fail = False
        self.timers_ms = (0, 0)
        self.armed: tuple[Callback | None, Callback | None] = (None, None)
        self._aimed: tuple[str, ...] = ()

    @property
    def is_suspended(self) -> bool:
        return self._state == "suspended"

    @property
    def own_tag(self) -> str:
        assert self._tagged, "no answer of this node has made an early dialog yet"
        return OWN_TAG

    def create(self) -> None:
        self._go("new", to="open")
        self._did.append(("create",))

    def provisional(self, status: int, reason: str) -> None:
        assert self._state in ("open", "suspended"), f"{status} in a transaction that is {self._state}"
        assert 100 < status < 200
        self._tagged = True
        self._did.append(("provisional", status, reason))

    def answer_another(self, call_id: str, cseq: str, status: int, reason: str) -> None:
        raise AssertionError("a timer has no transaction to answer from", call_id, cseq, status, reason)

    def suspend(self) -> None:
        assert self.armed == (None, Callback.QUEUE_FAILURE), "nobody would see its timers run out"
        assert min(self.timers_ms) > 60_000, "it would time out while the caller waits"
        self._go("open", to="suspended")
        self._did.append(("suspend",))

    def resume(self, name: str, callback: Callback) -> None:
        assert callback is Callback.QUEUE_RESUMED
        self._did.append(("resume", name))
        if self.gone or name != self.name:
            return
        self._go("suspended", to="open")
        self.resumed()

    def relay(self) -> bool:
        assert self._state == "open", f"relayed while it is {self._state}"
        contacts = self._phones.take() or self._aimed
        self._aimed = ()
        assert contacts, "relayed to nobody"
        if self.relays_fail:
            return False
        self._state = "ringing"
        self._did.append(("ring", contacts))
        return True

    def call_back(self, *, reply: Callback | None, failure: Callback | None, branch: Callback | None = None) -> None:
        assert branch is None
        self.armed = (reply, failure)

    def set_timers(self, *, answer_ms: int, silence_ms: int) -> None:
        self.timers_ms = (answer_ms, silence_ms)

    def aim(self, uri: str, flow: Flow | None = None) -> None:
        assert flow is not None, "agents are rung by their registrations, a picker by way of this node"
        self._aimed = (uri,)

    def remember(self, name: str, note: str) -> None:
        self.notes[name] = note

    def recall(self, name: str) -> str:
        return self.notes.get(name, "")

    def fail(self, *, cancelled: bool = False) -> None:
        """Go on to the failure callback: the phones have refused, or the time is up."""
        assert self._state in ("ringing", "suspended"), f"nothing to fail while it is {self._state}"
        self._state = "open"
        self.is_cancelled = cancelled

    def _go(self, state: str, *, to: str) -> None:
        assert self._state == state, f"it is {self._state} and cannot become {to}"
        self._state = to


class AgentPhones:
    """Implements kemi.sip.ports.Location, as far as queueing asks: how many contacts each agent has."""

    def __init__(self, contacts: Mapping[str, int]) -> None:
        self.contacts = dict(contacts)
        self._added: list[str] = []

    def is_registered(self, number: str, domain: str) -> bool:
        assert domain == DOMAIN
        return number in self.contacts

    def ring(self, number: str, domain: str, *, first: bool) -> int:
        assert domain == DOMAIN
        assert first == (not self._added), f"{number}: first={first} after {self._added}"
        count = self.contacts.get(number, 0)
        self._added += [number] * count
        return count

    def take(self) -> tuple[str, ...]:
        taken, self._added = tuple(self._added), []
        return taken


class FakeQueueStore:
    """Implements kemi.queueing.queue.QueueStore: answers what the test says; `away` answers nothing."""

    def __init__(self, did: Did) -> None:
        self._did = did
        self.away = False
        self.joined = Joined.WAITS
        self.after_miss: tuple[Missed, tuple[str, ...]] = (Missed.WAITS, ())
        self.on_duty: dict[str, Duty] = {}
        self.entries: list[Entry] = []
        self.tenants: tuple[str, ...] = (DOMAIN,)
        self.actions: list[Offer | Expired] = []
        """What the next look finds to do."""
        self.lines: list[Sequence[Line]] = []
        self.now_us = 1_700_000_000_000_000
        self.standing: dict[str, Standing] = {}
        """Of calls, by key; others wait."""
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def join(self, entry: Entry) -> Joined:
        self._answer()
        self.entries.append(entry)
        self._did.append(("join",))
        return self.joined

    def standings(self, domain: str, keys: Sequence[str]) -> tuple[int, list[Standing]]:
        self._answer()
        self.asked.append((domain, tuple(keys)))
        return self.now_us, [self.standing.get(key, Standing.WAITS) for key in keys]

    def stand_again(self, entry: Entry, at_us: int, tag: str) -> None:
        self._answer()
        self.entries.append(entry)
        self._did.append(("stand again", entry.caller.dialog.key, at_us, tag))

    def ready(self, domain: str, dialog: DialogId, tag: str) -> None:
        self._did.append(("ready", domain, dialog, tag))

    def domains(self) -> tuple[str, ...]:
        self._answer()
        return self.tenants

    def dispatch(self, domain: str, lines: Sequence[Line]) -> tuple[Offer | Expired, ...]:
        self._answer()
        assert domain in self.tenants
        self.lines.append(lines)
        actions, self.actions = tuple(self.actions), []
        return actions

    def missed(self, domain: str, dialog: DialogId, *, in_vain: bool, pause_s: int) -> tuple[Missed, tuple[str, ...]]:
        self._answer()
        self._did.append(("missed", domain, dialog, in_vain, pause_s))
        return self.after_miss

    def set_duty(self, domain: str, agent: str, duty: Duty) -> bool:
        self._answer()
        assert domain == DOMAIN
        before = self.on_duty.get(agent, Duty.IN)
        self.on_duty[agent] = duty
        return before is not duty

    def lost(self, domain: str, key: str) -> None:
        self._did.append(("lost", domain, key))

    def release(self, domain: str, key: str, token: str) -> None:
        self._did.append(("release", domain, key, token))

    def overflowed(self, domain: str, key: str) -> None:
        self._did.append(("overflowed", domain, key))

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")


class FakeWaiters:
    """Implements kemi.queueing.waiter.Waiters. longest_s: by name, as it was said last."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.longest_s: dict[str, int] = {}

    def hold(self, name: str, words: str, longest_s: int) -> None:
        self.held[name], self.longest_s[name] = words, longest_s

    def renew(self, name: str, words: str, longest_s: int) -> None:
        if name in self.held:
            self.hold(name, words, longest_s)

    def let_go(self, name: str) -> str:
        return self.held.pop(name, "")

    def is_held(self, name: str) -> bool:
        return name in self.held

    def all(self) -> list[str]:
        return list(self.held.values())


class AgentRecord:
    """Implements kemi.pickup.claim.PickupRecord."""

    def __init__(self) -> None:
        self.events: list[PickupEvent] = []

    def write(self, event: PickupEvent) -> None:
        self.events.append(event)


def named(did: Iterable[tuple[object, ...]]) -> list[object]:
    """The journal without the particulars."""
    return [entry[0] for entry in did]
