"""The calls that ring from this node, in htable."""

from __future__ import annotations

import KSR

from kemi.ksr import table

TABLE = "ringing"


class KamailioOwnCalls:
    """Implements kemi.dialogs.own_calls.OwnCalls."""

    def note(self, name: str, words: str, longest_s: int) -> None:
        # In place of a shorter value it would never expire (Kamailio 5.6: ht_set_cell_ex).
        KSR.htable.sht_rm(TABLE, name)
        KSR.htable.sht_setxs(TABLE, name, words, longest_s)

    def renew(self, name: str, words: str, longest_s: int) -> None:
        KSR.htable.sht_lock(TABLE, name)
        try:
            if KSR.htable.sht_get(TABLE, name) is not None:
                self.note(name, words, longest_s)
        finally:
            KSR.htable.sht_unlock(TABLE, name)

    def add(self, name: str, words: str) -> None:
        KSR.htable.sht_lock(TABLE, name)
        try:
            before = KSR.htable.sht_get(TABLE, name)
            if before is not None and not str(before).endswith(words):
                # Its end stays where it was: the table is one with updateexpire=0.
                KSR.htable.sht_sets(TABLE, name, f"{before}{words}")
        finally:
            KSR.htable.sht_unlock(TABLE, name)

    def let_go(self, name: str) -> None:
        KSR.htable.sht_rm(TABLE, name)

    def find(self, name: str) -> str:
        return str(KSR.htable.sht_get(TABLE, name) or "")

    def names(self) -> list[str]:
        return table.names(TABLE)
