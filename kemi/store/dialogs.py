"""Which dialog a Replaces header names."""

from __future__ import annotations

from enum import IntEnum

from kemi.dialogs.replaced import Confirmed, Early, Standing
from kemi.sip.dialog import Replaces
from kemi.store import keys
from kemi.store.answers import call_record, text
from kemi.store.commands import Commands


class ReplacedCode(IntEnum):
    """Return codes of replaced.lua."""

    UNKNOWN = 0
    EARLY = 1
    CONFIRMED = 2


class Dialogs:
    """Implements kemi.dialogs.replaced.ReplacedDialogs; changes nothing."""

    def __init__(self, connection: Commands) -> None:
        self._redis = connection

    def replaced(self, domain: str, replaces: Replaces, sender: str) -> Early | Confirmed | None:
        readings: list[str] = []
        for dialog, peer_tag, to_caller in replaces.readings:
            readings += [dialog.key, peer_tag, "caller" if to_caller else "callee"]
        answer = self._redis.fcall("replaced", keys.tenant(domain), sender, *readings)
        code = ReplacedCode(int(answer[0]))
        if code is ReplacedCode.EARLY:
            return Early(call_record(domain, answer[1], answer[2]))
        if code is ReplacedCode.CONFIRMED:
            return Confirmed(text(answer[1]), text(answer[2]), Standing(int(answer[3])))
        return None
