"""Wrong passwords: after a few, whoever tries from that source has to wait, each time longer.

It hangs on the place as well as on the user: nobody can lock the owner out from elsewhere. The place is the source
address, so that another port begins nothing anew; but a device that gave good credentials is a place of its own, so
that forging its address does not lock it out.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kemi.abuse.counters import Counters, name_of_user
from kemi.settings import Settings
from kemi.sip.aor import Aor

FAILURES, PAUSES, UNTIL, KNOWN = "f", "d", "u", "k"
KNOWN_S = 7200
"""How long a device is known after good credentials: longer than from one REGISTER to the next."""
_MOST_DOUBLINGS = 30


def pause_s(pauses: int, *, first_s: int, most_s: int) -> int:
    """How long the n-th pause is (n from 1): each is twice the one before, up to most_s seconds."""
    return min(first_s << min(pauses - 1, _MOST_DOUBLINGS), most_s)


class Passwords:
    """Counts wrong passwords of a user from a place. now: seconds, by a clock that all workers share."""

    def __init__(self, counts: Counters, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._counts = counts
        self._settings = settings
        self._now = now

    def wait_s(self, source: str, device: str, user: Aor) -> int:
        """How many seconds this user's credentials from there are not looked at, 0 when they are."""
        return max(
            0, self._counts.value(name_of_user(UNTIL, self._place(source, device, user), user)) - int(self._now())
        )

    def wrong(self, source: str, device: str, user: Aor) -> None:
        """Credentials were looked at and the password was wrong."""
        settings = self._settings
        if not settings.auth_failures:
            return
        place = self._place(source, device, user)
        failures = self._counts.add(name_of_user(FAILURES, place, user), keep_s=settings.auth_window_s)
        before = self._counts.value(name_of_user(PAUSES, place, user))
        # Who comes back from a pause with another wrong one has the next pause at once.
        if failures < settings.auth_failures and not before:
            return
        pause = pause_s(before + 1, first_s=settings.auth_backoff_s, most_s=settings.auth_backoff_max_s)
        self._counts.put(name_of_user(PAUSES, place, user), before + 1, keep_s=pause + settings.auth_window_s)
        self._counts.put(name_of_user(UNTIL, place, user), int(self._now()) + pause, keep_s=pause)

    def right(self, source: str, device: str, user: Aor) -> None:
        """Good credentials: what was wrong before from that place is forgotten, and the device is known."""
        place = self._place(source, device, user)
        for kind in (FAILURES, PAUSES):
            name = name_of_user(kind, place, user)
            if self._counts.value(name):
                self._counts.drop(name)
        self._counts.put(name_of_user(KNOWN, device, user), 1, keep_s=KNOWN_S)

    def _place(self, source: str, device: str, user: Aor) -> str:
        return device if self._counts.value(name_of_user(KNOWN, device, user)) else source
