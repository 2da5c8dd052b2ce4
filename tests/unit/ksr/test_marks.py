"""Marks of answers that are not relayed: what kamailio.cfg finds by a reply's Call-ID, From tag and To tag."""

from __future__ import annotations

import re
from pathlib import Path

from kemi.sip.dialog import DialogId
from tests.support.fake_ksr import FakeKsr, install
from tests.unit.ksr.kamailio import kamailio

with install():
    from kemi.ksr.marks import ALL, FIRST, TABLE, KamailioMarks

DIALOG = DialogId("a84b4c", "alice")
CONFIGURATION = (Path(__file__).parents[3] / "kamailio.cfg").read_text()


def relayed(fake: FakeKsr, to_tag: str, dialog: DialogId = DIALOG) -> bool:
    """What kamailio.cfg's reply_route decides of a 2xx to an INVITE."""
    table = fake.tables[TABLE]
    winner = table.get(f"{dialog.call_id}::{dialog.caller_tag}")
    one = table.get(f"{dialog.call_id}::{dialog.caller_tag}::{to_tag}")
    return not ((winner is not None and winner != to_tag) or one is not None)


def test_given_no_mark_when_an_answer_comes_then_it_is_relayed() -> None:
    with kamailio() as fake:
        assert relayed(fake, "bob")


def test_given_a_call_that_is_taken_when_answers_come_then_none_is_relayed_and_another_call_s_are() -> None:
    with kamailio() as fake:
        KamailioMarks().refuse(DIALOG, "")
        assert not relayed(fake, "bob")
        assert relayed(fake, "bob", DialogId("a84b4c", "mallory"))
        assert relayed(fake, "bob", DialogId("another", "alice"))


def test_given_a_winner_when_answers_come_then_only_his_is_relayed() -> None:
    with kamailio() as fake:
        KamailioMarks().refuse(DIALOG, "carol")
        assert [relayed(fake, tag) for tag in ("carol", "bob")] == [True, False]


def test_given_one_answer_that_is_refused_when_others_come_then_they_are_relayed() -> None:
    with kamailio() as fake:
        KamailioMarks().refuse_one(DIALOG, "carol")
        assert [relayed(fake, tag) for tag in ("carol", "bob")] == [False, True]


def test_given_an_answer_when_it_is_seen_again_then_it_was_the_first_once_for_each_phone() -> None:
    with kamailio() as fake:
        marks = KamailioMarks()
        assert [marks.is_first(DIALOG, tag) for tag in ("bob", "bob", "erin", "bob")] == [True, False, True, False]
        assert relayed(fake, "bob"), "to have been seen is not to be refused"


def test_given_a_contest_when_two_answers_come_then_the_first_wins_for_good_and_the_other_is_not_relayed() -> None:
    with kamailio() as fake:
        marks = KamailioMarks()
        marks.contest(DIALOG)
        assert not marks.is_taken(DIALOG, "")
        assert [marks.wins(DIALOG, tag) for tag in ("carol", "bob", "carol")] == [True, False, True]
        assert marks.is_taken(DIALOG, "")
        assert not marks.is_taken(DIALOG, "carol")
        assert [relayed(fake, tag) for tag in ("carol", "bob")] == [True, False]


def test_given_a_contest_that_is_over_when_answers_come_then_they_are_relayed_unless_another_has_won() -> None:
    with kamailio() as fake:
        marks = KamailioMarks()
        marks.contest(DIALOG)
        marks.open(DIALOG, "")
        assert relayed(fake, "bob")
        marks.contest(DIALOG)
        assert marks.wins(DIALOG, "carol")
        marks.open(DIALOG, "")
        assert not relayed(fake, "bob")
        marks.open(DIALOG, "carol")
        assert relayed(fake, "bob")


def test_given_what_is_kept_for_a_dialog_when_taken_then_it_comes_once() -> None:
    with kamailio() as fake:
        marks = KamailioMarks()
        marks.keep(DIALOG, "bob", "note")
        assert [marks.take(DIALOG, tag) for tag in ("erin", "bob", "bob")] == ["", "note", ""]
        assert relayed(fake, "bob")


def test_given_kamailio_cfg_when_read_then_it_looks_by_these_names_and_a_mark_outlasts_repetitions() -> None:
    assert f"sht({TABLE}=>$ci::$ft) != $tt" in CONFIGURATION
    assert f"sht({TABLE}=>$ci::$ft::$tt)" in CONFIGURATION
    assert f'sht({TABLE}=>$ci::$ft) == "{FIRST}"' in CONFIGURATION
    found = re.search(rf'"{TABLE}=>.*?autoexpire=(\d+);', CONFIGURATION)
    assert found is not None
    assert int(found[1]) > 32, "RFC 3261 §17.1.1.2: timer H is 64 T1"
    assert ALL, "an empty value would be no value"
