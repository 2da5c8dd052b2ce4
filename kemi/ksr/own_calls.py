"""The calls that ring from this node, in htable: what is written for every call costs it one operation."""

from __future__ import annotations

import KSR

from kemi.ksr import table

CALLS, EARLY = "ringing", "early"


class KamailioOwnCalls:
    """Implements kemi.dialogs.own_calls.OwnCalls."""

    def note(self, name: str, words: str) -> None:
        KSR.htable.sht_sets(CALLS, name, words)

    def renew(self, name: str, words: str) -> None:
        KSR.htable.sht_rm(EARLY, name)
        with table.locked(CALLS, name):
            if KSR.htable.sht_get(CALLS, name) is not None:
                self.note(name, words)

    def relay(self, name: str, words: str) -> None:
        KSR.htable.sht_sets(EARLY, name, words)

    def fail(self, name: str, branch: int) -> None:
        early = KSR.htable.sht_get(EARLY, name)
        if early is not None and str(early).startswith(f"{branch} "):
            KSR.htable.sht_rm(EARLY, name)

    def let_go(self, name: str) -> None:
        KSR.htable.sht_rm(CALLS, name)
        KSR.htable.sht_rm(EARLY, name)

    def find(self, name: str) -> tuple[str, str]:
        early = KSR.htable.sht_get(EARLY, name)
        return str(KSR.htable.sht_get(CALLS, name) or ""), str(early or "")

    def names(self) -> list[str]:
        return table.names(CALLS)
