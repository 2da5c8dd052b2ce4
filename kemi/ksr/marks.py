"""Marks of answers that the node ends itself, in htable."""

from __future__ import annotations

import KSR

from kemi.ksr.table import locked
from kemi.sip.dialog import DialogId

TABLE = "refused"
ALL = "-"
FIRST = "?"


class KamailioMarks:
    """Implements kemi.dialogs.late_answers.Marks. kamailio.cfg drops by them what is not to be relayed."""

    def refuse(self, dialog: DialogId, winner: str) -> None:
        KSR.htable.sht_sets(TABLE, _name(dialog), winner or ALL)

    def refuse_one(self, dialog: DialogId, callee_tag: str) -> None:
        KSR.htable.sht_sets(TABLE, _name(dialog, callee_tag), ALL)

    def is_first(self, dialog: DialogId, callee_tag: str) -> bool:
        return self._sets_once(_name(dialog, callee_tag, "ended"))

    def contest(self, dialog: DialogId) -> None:
        KSR.htable.sht_sets(TABLE, _name(dialog), FIRST)

    def wins(self, dialog: DialogId, callee_tag: str) -> bool:
        name = _name(dialog)
        with locked(TABLE, name):
            taken_by = KSR.htable.sht_get(TABLE, name)
            if taken_by == FIRST:
                KSR.htable.sht_sets(TABLE, name, callee_tag)
            return taken_by in (None, FIRST, callee_tag)

    def is_taken(self, dialog: DialogId, besides: str) -> bool:
        return KSR.htable.sht_get(TABLE, _name(dialog)) not in (None, FIRST, besides)

    def open(self, dialog: DialogId, callee_tag: str) -> None:
        name = _name(dialog)
        with locked(TABLE, name):
            if KSR.htable.sht_get(TABLE, name) in (FIRST, callee_tag):
                KSR.htable.sht_rm(TABLE, name)

    def keep(self, dialog: DialogId, callee_tag: str, note: str) -> None:
        KSR.htable.sht_sets(TABLE, _name(dialog, callee_tag, "ends"), note)

    def take(self, dialog: DialogId, callee_tag: str) -> str:
        name = _name(dialog, callee_tag, "ends")
        note = KSR.htable.sht_get(TABLE, name)
        if note is None or not self._sets_once(_name(dialog, callee_tag, "taken")):
            return ""
        return str(note)

    @staticmethod
    def _sets_once(name: str) -> bool:
        with locked(TABLE, name):
            if KSR.htable.sht_get(TABLE, name) is not None:
                return False
            KSR.htable.sht_sets(TABLE, name, ALL)
            return True


def _name(dialog: DialogId, *more: str) -> str:
    return "::".join((dialog.call_id, dialog.caller_tag, *more))
