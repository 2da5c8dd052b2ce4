"""Who waits at this node, in htable."""

from __future__ import annotations

import KSR

from kemi.ksr.table import entries, locked

TABLE = "waiting"


class KamailioWaiters:
    """Implements kemi.queueing.waiter.Waiters."""

    def hold(self, name: str, words: str, longest_s: int) -> None:
        # In place of a shorter value it would never expire (Kamailio 5.6: ht_set_cell_ex).
        KSR.htable.sht_rm(TABLE, name)
        KSR.htable.sht_setxs(TABLE, name, words, longest_s)

    def renew(self, name: str, words: str, longest_s: int) -> None:
        with locked(TABLE, name):
            if self.is_held(name):
                self.hold(name, words, longest_s)

    def let_go(self, name: str) -> str:
        words = KSR.htable.sht_get(TABLE, name)
        if words is None:
            return ""
        KSR.htable.sht_rm(TABLE, name)
        return str(words)

    def is_held(self, name: str) -> bool:
        return KSR.htable.sht_get(TABLE, name) is not None

    def all(self) -> list[str]:
        return [words for _, words in entries(TABLE)]
