"""Counts in an htable: each with an end, none without bound."""

from __future__ import annotations

from tests.support.fake_ksr import FakeKsr, install
from tests.unit.ksr.kamailio import kamailio

with install():
    from kemi.ksr.counters import KamailioCounters


def sets(fake: FakeKsr) -> list[tuple[object, ...]]:
    return fake.called("htable.sht_setex")


def test_given_the_first_of_a_name_when_counted_then_it_gets_its_end_and_later_ones_do_not() -> None:
    with kamailio() as fake:
        fake.answer("htable.sht_inc", 1, 2, 3)
        fake.answer("htable.sht_setex", 1)
        counters = KamailioCounters("abuse")
        assert [counters.add("a", keep_s=60) for _ in range(3)] == [1, 2, 3]
        assert sets(fake) == [("abuse", "a", 60)]
        assert fake.called("htable.sht_inc") == [("abuse", "a")] * 3


def test_given_no_shared_memory_when_counted_then_there_is_no_number() -> None:
    with kamailio() as fake:
        fake.answer("htable.sht_inc", -255)
        assert KamailioCounters("abuse").add("a", keep_s=60) == 0
        assert sets(fake) == []


def test_given_more_new_names_in_a_minute_than_there_may_be_when_counted_then_the_name_is_dropped_again() -> None:
    with kamailio() as fake:
        # a: the first name, and the first of the minute; b: the second name.
        fake.answer("htable.sht_inc", 1, 1, 1, 2)
        fake.answer("htable.sht_setex", 1)
        fake.answer("htable.sht_rm", 1)
        counters = KamailioCounters("abuse", new_a_minute=1)
        assert (counters.add("a", keep_s=60), counters.add("b", keep_s=60)) == (1, 0)
        assert fake.called("htable.sht_rm") == [("abuse", "b")]


def test_given_a_value_when_read_then_only_a_number_is_one() -> None:
    with kamailio() as fake:
        fake.answer("htable.sht_get", 7, None, "text")
        counters = KamailioCounters("abuse")
        assert [counters.value("a") for _ in range(3)] == [7, 0, 0]


def test_given_what_is_not_above_zero_when_taken_from_then_it_stays() -> None:
    with kamailio() as fake:
        fake.answer("htable.sht_get", 1, 0, None)
        fake.answer("htable.sht_dec", 0)
        counters = KamailioCounters("abuse")
        for _ in range(3):
            counters.take("a")
        assert fake.called("htable.sht_dec") == [("abuse", "a")]


def test_given_a_number_when_put_or_dropped_then_kamailio_is_told_with_its_end() -> None:
    with kamailio() as fake:
        fake.answer("htable.sht_setxi", 0)
        fake.answer("htable.sht_rm", 1)
        counters = KamailioCounters("flood")
        counters.put("a", 5, keep_s=9)
        counters.drop("a")
        assert fake.called("htable.sht_setxi") == [("flood", "a", 5, 9)]
        assert fake.called("htable.sht_rm") == [("flood", "a")]
