"""What a source address may do: how much at once, and how often without authority.

| sent from a source                                          | costs                                               |
|-------------------------------------------------------------|-----------------------------------------------------|
| malformed request, unknown domain, wrong password           | a strike                                            |
| request that is challenged                                  | an open challenge, which good credentials take back |
| the same by a user who proved himself from there before     | nothing                                             |
| retransmission of any of them                               | nothing                                             |

Too many strikes block the source: nobody there is heard but users who have proved themselves from there, since an
office shares one address and anybody can forge one. Too many open challenges make no more challenges until one is
answered well: who has his nonce already is still heard, so that an office that wakes up is never shut out.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable
from enum import Enum

from kemi.abuse.counters import Counters, name_of, name_of_user
from kemi.settings import Settings
from kemi.sip.aor import Aor

STRIKES, OPEN, BLOCKED, SHUT, TOLD, PROVEN, SEEN = "s", "o", "b", "c", "t", "p", "r"
PROVEN_S = 7200
"""How long a user is known at a source after good credentials: longer than from one REGISTER to the next."""
RETRANSMITTED_S = 32
"""RFC 3261 §17.1.1.2, §17.1.2.2: 64*T1, after which nothing is sent again."""
FLOOD_SLOTS = 1 << 14
FLOOD_TURNS = 4
"""Each second has counts of its own; a name comes round again when its last count is surely forgotten."""
FLOOD_KEEP_S = 2
PROVEN_SHARE = 10
"""How many times as much a source may send of users who have proved themselves there."""


class Flood(Enum):
    """How much a source sends in this second."""

    NONE = "none"
    HIGH = "high"
    """Too much for strangers."""
    TOO_HIGH = "too high"
    """Too much for anybody."""


class Sources:
    """Counts what each source does, over all workers of the node.

    rates: counts of requests a second, under a fixed number of names. counts: all others.
    now: seconds, by a clock that all workers share.
    """

    def __init__(
        self,
        rates: Counters,
        counts: Counters,
        settings: Settings,
        report: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rates = rates
        self._counts = counts
        self._settings = settings
        self._report = report
        self._now = now
        # Nobody can choose an address that shares a slot with a victim's. Made before the fork: alike in all workers.
        self._salt = secrets.token_hex(8)

    def flood(self, source: str) -> Flood:
        """Count a request, and compare what its source has sent in this second with `flood_requests_per_s`."""
        most = self._settings.flood_requests_per_s
        if not most:
            return Flood.NONE
        slot = zlib.crc32((self._salt + source).encode()) % FLOOD_SLOTS
        turn = int(self._now()) % FLOOD_TURNS
        sent = self._rates.add(f"{slot}.{turn}", keep_s=FLOOD_KEEP_S)
        if sent <= most:
            return Flood.NONE
        if sent == most + 1:
            self._report(f"{source} sends more than {most} requests a second and is not heard")
        return Flood.HIGH if sent <= most * PROVEN_SHARE else Flood.TOO_HIGH

    def blocked_s(self, source: str) -> int:
        """For how many seconds more the source is blocked, 0 when it is not."""
        return self._left_s(name_of(BLOCKED, source))

    def shut_s(self, source: str) -> int:
        """For how many seconds more the source is not challenged, 0 when it is."""
        return self._left_s(name_of(SHUT, source))

    def is_told_now(self, source: str) -> bool:
        """Whether the source is to be told that it is blocked: once a block, and from then on silence."""
        return self._counts.add(name_of(TOLD, source), keep_s=self._settings.block_s) == 1

    def is_seen(self, source: str, fingerprint: str) -> bool:
        """Whether the very same bytes came from there a moment ago: a retransmission costs nothing."""
        return self._counts.add(name_of(SEEN, source, fingerprint), keep_s=RETRANSMITTED_S) > 1

    def strike(self, source: str) -> None:
        """Something was refused for want of authority; too many of it block the source."""
        self._count(STRIKES, BLOCKED, source, "sent too much without authority and is not heard")

    def challenged(self, source: str) -> bool:
        """A challenge goes out; too many that nobody answers end them for a while. False: this one is beyond."""
        return self._count(OPEN, SHUT, source, "leaves its challenges unanswered and gets no more of them")

    def proved(self, source: str, claimed: Aor, user: Aor) -> None:
        """Good credentials came. claimed: whom the request named as its sender; the challenge was counted for him."""
        if not self.is_proven(source, claimed):
            self._counts.take(name_of(OPEN, source))
            if self.shut_s(source):
                for kind in (SHUT, TOLD):
                    self._counts.drop(name_of(kind, source))
        self._counts.put(name_of_user(PROVEN, source, user), 1, keep_s=PROVEN_S)

    def is_proven(self, source: str, user: Aor) -> bool:
        """Whether the user gave good credentials from there lately."""
        return self._counts.value(name_of_user(PROVEN, source, user)) > 0

    def _count(self, count: str, verdict: str, source: str, why: str) -> bool:
        """False: it is beyond the bound, and the worker that went past it is about to say so."""
        settings = self._settings
        if not settings.scan_strikes:
            return True
        name = name_of(count, source)
        # One of the workers that count at once is the one that goes past the bound.
        beyond = self._counts.add(name, keep_s=settings.scan_window_s) - settings.scan_strikes
        if beyond == 1:
            self._counts.drop(name_of(TOLD, source))
            self._counts.put(name_of(verdict, source), int(self._now()) + settings.block_s, keep_s=settings.block_s)
            # Last: in between the others find either what says no or a count that does.
            self._counts.drop(name)
            self._report(f"{source} {why} for {settings.block_s} s")
        return beyond <= 1

    def _left_s(self, name: str) -> int:
        return max(0, self._counts.value(name) - int(self._now()))
