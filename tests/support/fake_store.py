"""Doubles of the operations on the state store that routing and pickups use: strict, and recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kemi.accounts.model import Kind
from kemi.dialogs.own_calls import Standing
from kemi.dialogs.record import Caller, CallRecord
from kemi.dialogs.replaced import Confirmed, Early
from kemi.dialogs.tracking import Answer, Device, Placement
from kemi.errors import StoreUnavailable
from kemi.pickup.claim import Claim, Outcome, Picked, Rerouted, Wanted
from kemi.pickup.devices import Verdict
from kemi.pickup.event import PickupEvent
from kemi.queueing.queue import Duty, Entry, Expired, Joined, Line, Missed, Offer
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId, Replaces
from kemi.sip.flow import Flow
from tests.support.fake_sip import DOMAIN, FLOW


class FakeTracking:
    """Implements kemi.dialogs.tracking.Tracking; `told` has every operation with its arguments."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.placed: list[Placement] = []
        self.picker = ""
        """Who has claimed the call that ends."""
        self.picked_up_meanwhile = False
        self.fails: Exception | None = None

    def enter(self, call: Placement) -> None:
        self.placed.append(call)
        self.told.append(("enter", call.number, call.ringing))

    def ringing(self, domain: str, dialog: DialogId, branch: int, callee_tag: str) -> None:
        assert callee_tag, "an early dialog has a tag"
        self.told.append(("ringing", domain, dialog, branch, callee_tag))

    def branch_failed(self, domain: str, dialog: DialogId, branch: int) -> None:
        self.told.append(("branch_failed", domain, dialog, branch))

    def answered(self, domain: str, dialog: DialogId, answer: Answer) -> None:
        self.told.append(("answered", domain, dialog, answer))

    def forget(self, domain: str, dialog: DialogId) -> None:
        self.told.append(("forget", domain, dialog))

    def ended(self, domain: str, dialog: DialogId) -> str:
        self._fail()
        self.told.append(("ended", domain, dialog))
        return self.picker

    def next_stage(
        self, domain: str, dialog: DialogId, ringing: Iterable[str], ttl_ms: int, agents: Iterable[str]
    ) -> bool:
        self._fail()
        assert ttl_ms > 0
        self.told.append(("next_stage", domain, dialog, tuple(ringing), tuple(agents)))
        return not self.picked_up_meanwhile

    def renewed(self, domain: str, ends: tuple[DialogId, DialogId], device: Device) -> None:
        self.told.append(("renewed", domain, ends, device))

    def over(self, domain: str, ends: tuple[DialogId, DialogId]) -> None:
        self.told.append(("over", domain, ends))

    def named(self, operation: str) -> list[tuple[object, ...]]:
        """Arguments of every call of one operation."""
        return [tuple(words[1:]) for words in self.told if words[0] == operation]

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails


class FakeDialogs:
    """Implements ReplacedDialogs: every header names what stands in `found`."""

    def __init__(self) -> None:
        self.found: Early | Confirmed | None = None
        self.asked: list[tuple[str, Replaces, str]] = []
        self.fails: Exception | None = None

    def replaced(self, domain: str, replaces: Replaces, sender: str) -> Early | Confirmed | None:
        assert sender, "somebody sent it"
        if self.fails is not None:
            raise self.fails
        self.asked.append((domain, replaces, sender))
        return self.found


class FakePickupStore:
    """Implements PickupStore: gives out the calls in `line`, or raises what stands there instead of one.

    A claim is released or picked once, by its own token; a call that was tried is never asked for again.
    """

    def __init__(self, *line: CallRecord | Exception) -> None:
        self.line = list(line)
        self.asked: list[Wanted] = []
        self.denials: list[Aor] = []
        self.denying: Exception | None = None
        """What counting a denied attempt raises."""
        self.held: dict[str, str] = {}
        """Key and token of each claim that is neither released nor picked."""
        self.released: list[str] = []
        self.picks: list[Picked] = []
        self.learnt: dict[str, Verdict] = {}
        """What is remembered of the caller's device, by the call's key."""
        self.remembered: list[tuple[str, Verdict]] = []
        self.rerouting = Rerouted.DONE
        """Whether the claimed call can still be sent to the picker's device."""
        self.offers: dict[str, str] = {}
        """What is being sent to a picker's device, by the call's key."""
        self.prolonged_ms: list[int] = []
        """How long each claim lasts that a call was sent under."""
        self.outcome: tuple[Outcome, str] = (Outcome.DONE, "")
        """What `picked` finds."""
        self.away: set[str] = set()
        """Operations that get no answer."""

    def claim(self, wanted: Wanted) -> Claim | None:
        assert wanted.token not in {before.token for before in self.asked}, "a token is used once"
        self.asked.append(wanted)
        for offer in list(self.line):
            if isinstance(offer, Exception):
                self.line.remove(offer)
                raise offer
            eligible = not wanted.only or (offer.key, offer.number) == (wanted.only, wanted.number)
            if eligible and offer.key not in wanted.tried and offer.key not in self.held:
                self.held[offer.key] = wanted.token
                return Claim(wanted.token, offer, self.learnt.get(offer.key, Verdict.UNKNOWN))
        return None

    def entrust(self, domain: str, key: str, token: str) -> Claim | None:
        self._answer("entrust")
        assert domain == DOMAIN
        if self.held.get(key) != token:
            return None
        call = next(call for call in self.line if isinstance(call, CallRecord) and call.key == key)
        return Claim(token, call, self.learnt.get(key, Verdict.UNKNOWN))

    def denied(self, picker: Aor) -> None:
        self.denials.append(picker)
        if self.denying is not None:
            raise self.denying

    def release(self, domain: str, key: str, token: str, *, is_over: bool = False) -> None:
        assert domain == DOMAIN
        assert self.held.pop(key, None) == token, f"{key} is released with a token that does not hold it"
        self.released.append(key)
        if is_over:
            self.line = [call for call in self.line if isinstance(call, Exception) or call.key != key]
        self.offers.pop(key, None)

    def reroute(self, domain: str, key: str, token: str, *, ttl_ms: int, offer: str) -> Rerouted:
        self._answer("reroute")
        assert domain == DOMAIN
        assert self.held.get(key) == token, f"{key} is sent with a token that does not hold it"
        if self.rerouting is Rerouted.DONE:
            self.offers[key] = offer
            self.prolonged_ms.append(ttl_ms)
        return self.rerouting

    def rerouted(self, domain: str, dialog: DialogId) -> str:
        self._answer("rerouted")
        assert domain == DOMAIN
        return self.offers.get(dialog.key, "")

    def picked(self, domain: str, picked: Picked) -> tuple[Outcome, str]:
        self._answer("picked")
        assert domain == DOMAIN
        held = self.held.pop(picked.key, None)
        assert held == picked.token, f"{picked.key} is picked with a token that does not hold it"
        self.picks.append(picked)
        return self.outcome

    def remember_device(self, domain: str, device: str, verdict: Verdict) -> None:
        assert domain == DOMAIN
        assert verdict is not Verdict.UNKNOWN, "there is nothing to remember"
        self.remembered.append((device, verdict))

    def _answer(self, operation: str) -> None:
        if operation in self.away:
            raise StoreUnavailable(f"{operation} got no answer")


class FakeQueueStore:
    """Implements QueueStore: every call that joins gets the answer in `joining`; `told` has all else in order."""

    def __init__(self) -> None:
        self.joining = Joined.WAITS
        self.entries: list[Entry] = []
        self.due: list[Offer | Expired] = []
        """What the next look gives out."""
        self.missing: tuple[Missed, tuple[str, ...]] = (Missed.WAITS, ())
        self.logged_out: set[str] = set()
        self.told: list[tuple[object, ...]] = []
        self.fails: Exception | None = None

    def join(self, entry: Entry) -> Joined:
        self._fail()
        assert entry.ttl_ms > 0
        self.entries.append(entry)
        return self.joining

    def standings(self, domain: str, keys: Sequence[str]) -> tuple[int, list[Standing]]:
        self._fail()
        assert domain in self.domains()
        return 0, [Standing.WAITS for _ in keys]

    def stand_again(self, entry: Entry, at_us: int, tag: str) -> None:
        raise AssertionError(f"nobody is missing here: {entry}, {at_us}, {tag}")

    def ready(self, domain: str, dialog: DialogId, tag: str) -> None:
        self.told.append(("ready", domain, dialog, tag))

    def domains(self) -> tuple[str, ...]:
        self._fail()
        return tuple(sorted({entry.domain for entry in self.entries}))

    def dispatch(self, domain: str, lines: Sequence[Line]) -> tuple[Offer | Expired, ...]:
        self._fail()
        self.told.append(("dispatch", domain, tuple((line.group.number, line.agents) for line in lines)))
        due, self.due = tuple(self.due), []
        return due

    def missed(self, domain: str, dialog: DialogId, *, in_vain: bool, pause_s: int) -> tuple[Missed, tuple[str, ...]]:
        self._fail()
        self.told.append(("missed", domain, dialog, in_vain, pause_s))
        return self.missing

    def set_duty(self, domain: str, agent: str, duty: Duty) -> bool:
        self._fail()
        self.told.append(("set_duty", domain, agent, duty))
        before = len(self.logged_out)
        self.logged_out = self.logged_out - {agent} if duty is Duty.IN else self.logged_out | {agent}
        return len(self.logged_out) != before

    def release(self, domain: str, key: str, token: str) -> None:
        self.told.append(("release", domain, key, token))

    def lost(self, domain: str, key: str) -> None:
        self.told.append(("lost", domain, key))

    def overflowed(self, domain: str, key: str) -> None:
        self.told.append(("overflowed", domain, key))

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails


class FakeRecord:
    """Implements PickupRecord."""

    def __init__(self) -> None:
        self.events: list[PickupEvent] = []

    def write(self, event: PickupEvent) -> None:
        self.events.append(event)

    def outcomes(self) -> list[tuple[str, int]]:
        return [(event.outcome, event.status) for event in self.events]


def caller(call_id: str = "call-1", **fields: object) -> Caller:
    """Extension 104, "Dave", whose phone knows Replaces."""
    values: dict[str, object] = {
        "dialog": DialogId(call_id, f"{call_id}-caller"),
        "number": "104",
        "display": "Dave",
        "uri": f"sip:104@{DOMAIN}",
        "contact": "sip:104@192.0.2.4:5070",
        "flow": FLOW,
        "routes": (),
        "replaces": True,
    }
    return Caller(**{**values, **fields})  # type: ignore[arg-type]


def ringing_call(
    call_id: str = "call-1",
    *,
    number: str = "101",
    kind: Kind = Kind.EXTENSION,
    tags: tuple[str, ...] = ("callee-1",),
    caller_number: str = "104",
    waiting: bool = False,
    transaction: str = "",
    **of_caller: object,
) -> CallRecord:
    """A call that rings at an account, with one early dialog. transaction: on this node; '': on another one."""
    calling = caller(call_id, number=caller_number, **of_caller)
    return CallRecord(
        domain=DOMAIN,
        key=calling.dialog.key,
        kind=kind,
        number=number,
        permission_id="p",
        routed_at_us=1,
        caller=calling,
        early_tags=tags,
        ringing=() if waiting else (number,),
        waiting=waiting,
        node=Settings().node,
        transaction=transaction,
    )


def flow(port: int) -> Flow:
    return Flow("udp", "192.0.2.7", port, "udp:192.0.2.1:5060")
