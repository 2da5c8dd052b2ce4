"""Operations on the calls that ring, and on the devices that talk. Each is one Lua file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from kemi.accounts.directory import Grants
from kemi.accounts.model import Kind
from kemi.dialogs.record import CallRecord
from kemi.dialogs.tracking import Answer, Device, Placement
from kemi.errors import AlreadyAnswered, NotOnHold, RateLimited, StoreUnavailable
from kemi.pickup import devices
from kemi.pickup.claim import Claim, Outcome, Picked, Rerouted, Wanted
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.store import keys
from kemi.store.answers import call_record, text
from kemi.store.commands import Commands
from kemi.store.failures import Refused
from kemi.store.places import place


class ClaimCode(IntEnum):
    """Return codes of claim.lua."""

    NOTHING = 0
    CLAIMED = 1
    TAKEN = 2
    NOT_ON_HOLD = 3
    TOO_LATE = 4
    TOO_MANY_DENIED = 5


class StageCode(IntEnum):
    """Return codes of stage.lua."""

    GONE = 0
    DONE = 1
    PICKED_UP = 2


@dataclass(frozen=True, slots=True)
class Survey:
    """Calls of one tenant at one moment of the store's clock (microseconds since 1970)."""

    now_us: int
    calls: tuple[CallRecord, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls of a tenant ring (or are routed), wait and are claimed; the ages of the oldest, 0.0 for none."""

    ringing: int
    waiting: int
    claimed: int
    oldest_ringing_s: float
    oldest_waiting_s: float
    claims_expired: int
    """Claims that nobody gave back in time, since the tenant began."""


class Calls:
    """Ringing calls and confirmed dialogs in the store.

    What only records (`enter` … `over`) is posted: it returns at once and a store that is away is no error.
    What decides (`claim`, `ended`, `next_stage`, `picked`, `reroute`, `survey`) is awaited and raises
    StoreUnavailable.
    """

    def __init__(self, connection: Commands, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings

    def enter(self, call: Placement) -> None:
        """A call was routed to an account: it takes its place in line."""
        self._redis.post("enter", keys.tenant(call.domain), *place(call, self._settings.instance))

    def ringing(self, domain: str, dialog: DialogId, branch: int, callee_tag: str) -> None:
        """A tagged provisional response of a branch is relayed to the caller."""
        self._redis.post("ringing", keys.tenant(domain), dialog.key, branch, callee_tag)

    def branch_failed(self, domain: str, dialog: DialogId, branch: int) -> None:
        """A branch got a negative final response: its early dialogs are dead."""
        self._redis.post("branch_failed", keys.tenant(domain), dialog.key, branch)

    def answered(self, domain: str, dialog: DialogId, answer: Answer) -> None:
        """The callee answered: the call rings no more, unless somebody has picked it up already."""
        self._redis.post(
            "answered",
            keys.tenant(domain),
            dialog.key,
            self._settings.already_answered_ms,
            self._settings.dialog_ttl_s * 1000,
            *answer.caller.words(),
            *answer.callee.words(),
            " ".join(answer.agents),
            answer.serves,
            answer.wrap_up_s * 1000,
            answer.callee_end,
            *answer.parties.words(),
        )

    def forget(self, domain: str, dialog: DialogId) -> None:
        """The call went elsewhere, or was refused; an agent group counts it as overflowed."""
        self._redis.post("ended", keys.tenant(domain), dialog.key, "overflowed")

    def ended(self, domain: str, dialog: DialogId) -> str:
        """The caller gave up. Returns the extension that had claimed the call, else ''."""
        answer = self._redis.fcall("ended", keys.tenant(domain), dialog.key, "abandoned")
        return text(answer[1]) if len(answer) > 1 else ""

    def next_stage(
        self, domain: str, dialog: DialogId, ringing: Iterable[str], ttl_ms: int, agents: Iterable[str]
    ) -> bool:
        """A hunt group rings its next members. False: it was picked up meanwhile, ring nobody any more."""
        code = self._redis.fcall("stage", keys.tenant(domain), dialog.key, ttl_ms, " ".join(ringing), " ".join(agents))
        return StageCode(int(code)) is not StageCode.PICKED_UP

    def claim(self, wanted: Wanted) -> Claim | None:
        """Search and reserve the call that a pickup is after, atomically over all nodes.

        None: nothing is eligible. Raises AlreadyAnswered (410: directed, somebody was faster), NotOnHold (486),
        RateLimited (403), StoreUnavailable (503). RFC 3891 §3 leaves the race with an answer to the caller's device
        (early-only).
        """
        asks_nobody = self._redis.is_resting
        try:
            answer = self._redis.decide(
                "claim",
                keys.tenant(wanted.picker.domain),
                wanted.picker.number,
                wanted.token,
                self._settings.claim_ttl_ms,
                wanted.number,
                keys.KIND_CODES[wanted.kind] if wanted.kind else "",
                wanted.device,
                " ".join(wanted.tried),
                *self._permits(wanted.grants),
                "1" if wanted.includes_group_calls else "",
                wanted.only,
                self._settings.denied_pickups_per_min,
                self._settings.instance,
            )
        except StoreUnavailable as failure:
            if not asks_nobody and not isinstance(failure, Refused):
                self.disclaim(wanted.picker.domain, wanted.token)
            raise
        code = ClaimCode(int(answer[0]))
        if code is ClaimCode.TAKEN:
            raise AlreadyAnswered("the call was answered, or another picker was faster")
        if code is ClaimCode.NOT_ON_HOLD:
            raise NotOnHold("put your current call on hold, then try again")
        if code is ClaimCode.TOO_LATE:
            raise StoreUnavailable("the state store was too slow")
        if code is ClaimCode.TOO_MANY_DENIED:
            raise self._rate_limited(answer)
        if code is ClaimCode.NOTHING:
            return None
        learnt = devices.Verdict(text(answer[3]))
        return Claim(wanted.token, call_record(wanted.picker.domain, answer[1], answer[2]), learnt)

    def disclaim(self, domain: str, token: str) -> None:
        """No answer to a claim has come: if it was made in time, it is given back. Posted."""
        self._redis.post("disclaim", keys.tenant(domain), token)

    def entrust(self, domain: str, key: str, token: str) -> Claim | None:
        """Take over a claim on a call that this node holds, from the node of the picker.

        None: the call has ended or is being sent to its picker, or the claim is no longer that one.
        Raises StoreUnavailable.
        """
        answer = self._redis.decide(
            "entrust", keys.tenant(domain), key, token, self._settings.instance, self._settings.claim_ttl_ms
        )
        code = ClaimCode(int(answer[0]))
        if code is ClaimCode.TOO_LATE:
            raise StoreUnavailable("the state store was too slow")
        if code is ClaimCode.NOTHING:
            return None
        return Claim(token, call_record(domain, key, answer[1]), devices.Verdict(text(answer[2])))

    def denied(self, picker: Aor) -> None:
        """Permission ended an attempt: it is counted, over all nodes.

        Raises RateLimited (403) when it is past `denied_pickups_per_min`, StoreUnavailable (503).
        """
        limit = self._settings.denied_pickups_per_min
        if limit:
            answer = self._redis.fcall("denied", keys.tenant(picker.domain), picker.number, limit)
            if int(answer[0]):
                raise self._rate_limited(answer)

    def release(self, domain: str, key: str, token: str, *, is_over: bool = False) -> None:
        """Give a claim back: the call rings on in its old place. is_over: it does not, though nobody saw it end."""
        self._redis.post("release", keys.tenant(domain), key, token, "1" if is_over else "")

    def reroute(self, domain: str, key: str, token: str, *, ttl_ms: int, offer: str) -> Rerouted:
        """The claimed call is to be sent to the picker's device.

        ttl_ms: how long the claim lasts from now on. offer: what `rerouted` is to tell.
        """
        return Rerouted(int(self._redis.fcall("reroute", keys.tenant(domain), key, token, ttl_ms, offer)))

    def rerouted(self, domain: str, dialog: DialogId) -> str:
        """What `reroute` was told of a call, '' when it is not being sent to any picker's device."""
        return text(self._redis.fcall("rerouted", keys.tenant(domain), dialog.key))

    def picked(self, domain: str, picked: Picked) -> tuple[Outcome, str]:
        """Picker and caller are connected, or were too late; with the callee's end of the old call, if it must end.

        The claim lasts until the old call has ended.
        """
        code, *callee = self._redis.fcall(
            "picked",
            keys.tenant(domain),
            picked.key,
            picked.token,
            self._settings.already_answered_ms,
            self._settings.dialog_ttl_s * 1000,
            picked.dialog.key,
            *picked.picker.words(),
            *picked.caller.words(),
            " ".join(picked.agents),
            picked.group,
            *picked.parties.words(),
        )
        return Outcome(int(code)), text(callee[0]) if callee else ""

    def remember_device(self, domain: str, device: str, verdict: devices.Verdict) -> None:
        """A caller's device (devices.name_of; '' none) carried a Replaces out, or did not; claims of its calls tell it.

        Posted. UNKNOWN, and a device without a name, change nothing.
        """
        if device and verdict is not devices.Verdict.UNKNOWN:
            ttl_ms = self._settings.device_memory_s * 1000
            self._redis.post("remember", keys.tenant(domain), device, verdict.value, ttl_ms)

    def renewed(self, domain: str, ends: tuple[DialogId, DialogId], device: Device) -> None:
        """Something passed through a confirmed dialog, seen from either end."""
        self._redis.post(
            "renewed",
            keys.tenant(domain),
            ends[0].key,
            ends[1].key,
            self._settings.dialog_ttl_s * 1000,
            *device.words(),
        )

    def over(self, domain: str, ends: tuple[DialogId, DialogId]) -> None:
        """A confirmed dialog ended."""
        self._redis.post("over", keys.tenant(domain), ends[0].key, ends[1].key)

    def reindex(self, domain: str, number: str, permission_id: str) -> int:
        """An account's permission changed: its ringing calls follow. Returns how many were moved."""
        return int(self._redis.fcall("reindex", keys.tenant(domain), number, permission_id))

    def survey(self, domain: str, permits: Grants, *, most: int = 1000) -> Survey:
        """The calls that ring in a tenant, oldest first; permits: every permission id in use there."""
        answer = self._redis.fcall("survey", keys.tenant(domain), most, *_ring_sets(permits))
        found = {text(k): call_record(domain, k, flat) for k, flat in zip(answer[1::2], answer[2::2], strict=True)}
        calls = sorted(found.values(), key=lambda call: (call.routed_at_us, call.key))
        return Survey(int(answer[0]), tuple(calls))

    def tally(self, domain: str, permits: Grants) -> Tally:
        """How many calls ring and wait in a tenant; permits: every permission id in use there."""
        answer = self._redis.fcall("tally", keys.tenant(domain), *_ring_sets(permits))
        now_us, ringing, waiting, claimed, rings_since_us, waits_since_us, expired = (int(word) for word in answer)
        ages = [max(0, now_us - since) / 1_000_000 if since else 0.0 for since in (rings_since_us, waits_since_us)]
        return Tally(ringing, waiting, claimed, ages[0], ages[1], expired)

    def _rate_limited(self, answer: Sequence[int]) -> RateLimited:
        _, count, left_ms = answer
        return RateLimited(
            "refused too often; *87 is closed to you for a while",
            retry_after_s=max(1, -(-int(left_ms) // 1000)),
            is_first=int(count) == self._settings.denied_pickups_per_min + 1,
        )

    @staticmethod
    def _permits(grants: Grants) -> tuple[str, str, str]:
        return " ".join(grants.hunt_groups), " ".join(grants.extensions), " ".join(grants.agent_groups)


def _ring_sets(permits: Grants) -> list[str]:
    """The sets in which the calls of a tenant stand, as survey.lua and tally.lua name them."""
    return [
        f"{line}:{permit}"
        for line, ids in (
            (keys.KIND_CODES[Kind.HUNT_GROUP], permits.hunt_groups),
            (keys.KIND_CODES[Kind.EXTENSION], permits.extensions),
            (keys.KIND_CODES[Kind.AGENT_GROUP], permits.agent_groups),
            (keys.WAITING, permits.agent_groups),
        )
        for permit in ids
    ]
