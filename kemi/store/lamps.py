"""Which watched accounts have changed, and what their lamps show."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from kemi.lamps.lamp import Lamp, Look, Talk
from kemi.store import keys
from kemi.store.answers import call_record, text
from kemi.store.commands import Commands

WATCHED_MS = 60_000
"""How long an account counts as watched: a node that died leaves nothing behind for long."""


class Lamps:
    """Implements kemi.lamps.lamp.LampStore."""

    def __init__(self, connection: Commands) -> None:
        self._redis = connection

    def watched(self, domain: str, numbers: Sequence[str]) -> Look:
        stamp = secrets.token_hex(8)
        return _look(domain, self._redis.fcall("watched", keys.tenant(domain), stamp, WATCHED_MS, *numbers))

    def look(self, domain: str, since: str) -> Look:
        return _look(domain, self._redis.fcall("look", keys.tenant(domain), since))


def _look(domain: str, answer: list[Any]) -> Look:
    moment, stamp, *shown = answer
    lamps, lasts_ms = {}, {}
    for number, soonest_ms, calls, talks in shown:
        name = text(number)
        lamps[name] = Lamp(
            tuple(call_record(domain, key, flat) for key, flat in zip(calls[::2], calls[1::2], strict=True)),
            tuple(Talk(text(key), end == b"initiator") for key, end in zip(talks[::2], talks[1::2], strict=True)),
        )
        if int(soonest_ms) >= 0:
            lasts_ms[name] = int(soonest_ms)
    return Look(text(moment), text(stamp), lamps, lasts_ms)
