"""A node knows itself who waits there: they hear it again, and the store learns of them when it has lost them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from kemi.dialogs import own_calls
from kemi.dialogs.own_calls import Standing
from kemi.queueing import roll_call
from kemi.queueing.queue import Missed
from kemi.queueing.roll_call import EVERY_S
from kemi.queueing.waiter import SLACK_S, Waiter
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from tests.support.fake_queue import DOMAIN, OWN_TAG, named
from tests.unit.queueing.conftest import SALES, SUPPORT, Desk

REPEAT_S = Settings().queue_repeat_ms / 1000


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return int(self.now_s * 1_000_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of the roll call and of those who come."""
    clock = Clock()
    monkeypatch.setattr(roll_call, "time", clock)
    monkeypatch.setattr("kemi.queueing.service.time", clock)
    return clock


def passes(clock: Clock, desk: Desk, seconds: float) -> None:
    """Looks follow one another, twenty a second."""
    ends_s = clock.now_s + seconds
    while clock.now_s < ends_s:
        clock.now_s += 0.05
        desk.looks()


def name(desk: Desk) -> str:
    return own_calls.named(DOMAIN, desk.key)


def test_given_a_caller_who_waits_when_looked_up_then_his_node_has_all_that_the_store_needs_of_him(
    desk: Desk, clock: Clock
) -> None:
    desk.enqueue("103")
    (words,) = desk.waiters.all()
    waits = Waiter.unpack(words)
    assert waits == Waiter(
        DOMAIN, "800", desk.caller("103"), "7:42", "7", ("103",), int(clock.now_s * 1_000_000), OWN_TAG
    )
    assert waits.name == name(desk)
    assert waits.entry(SUPPORT, None) == desk.store.entries[0]
    assert desk.waiters.longest_s[waits.name] == SUPPORT.max_wait_s + SLACK_S


@pytest.mark.parametrize("leaves", ["is offered", "gives up", "is cancelled", "waited too long", "is lost"])
def test_given_a_caller_who_waits_when_he_does_so_no_longer_then_his_node_does_not_hold_him(
    leaves: str, desk: Desk
) -> None:
    desk.waits()
    assert desk.waiters.is_held(name(desk))
    if leaves == "is offered":
        desk.offers("101")
    elif leaves == "gives up":
        desk.queueing.ended(DOMAIN, desk.message.dialog)
    elif leaves == "is cancelled":
        desk.fails(cancelled=True)
    elif leaves == "waited too long":
        desk.expires()
    else:
        desk.transaction.gone = True
        desk.offers("101")
    assert desk.waiters.all() == []


def test_given_a_caller_whom_a_picker_gets_before_his_182_is_out_when_he_waits_no_more_then_he_is_not_held(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(desk.transaction, "provisional", lambda *_: desk.waiters.let_go(name(desk)))
        patch.setattr(type(desk.transaction), "own_tag", OWN_TAG)
        desk.enqueue()
    assert desk.waiters.all() == []


def test_given_a_caller_whom_the_agents_missed_when_he_waits_again_then_his_node_holds_him_since_he_came(
    desk: Desk, clock: Clock
) -> None:
    desk.waits()
    came = desk.waiters.all()
    desk.offers("101")
    clock.now_s += 12
    desk.fails()
    assert desk.waiters.all() == came


def test_given_a_store_that_is_away_when_callers_wait_then_they_hear_so_again_before_a_minute_has_passed(
    desk: Desk, clock: Clock
) -> None:
    desk.waits()
    desk.store.away = True
    told_s: list[float] = [clock.now_s]
    for _ in range(4):
        before = len(desk.spiral.answered)
        while len(desk.spiral.answered) == before:
            passes(clock, desk, 0.05)
            assert clock.now_s - told_s[-1] < REPEAT_S + EVERY_S + 1
        told_s.append(clock.now_s)
    assert desk.spiral.answered == [("call-1", "7", 182, "Queued")] * 4
    assert all(b - a > REPEAT_S - EVERY_S - 1 for a, b in itertools.pairwise(told_s))
    assert desk.transaction.is_suspended


def test_given_a_caller_who_rings_an_agent_when_a_minute_passes_then_he_does_not_hear_that_he_waits(
    desk: Desk, clock: Clock
) -> None:
    desk.rings("101")
    passes(clock, desk, REPEAT_S + EVERY_S + 1)
    assert desk.spiral.answered == []


def test_given_a_caller_who_is_known_when_time_passes_then_the_store_is_asked_every_two_seconds_and_nothing_is_done(
    desk: Desk, clock: Clock
) -> None:
    desk.waits()
    passes(clock, desk, 5 * EVERY_S)
    assert set(desk.store.asked) == {(DOMAIN, (desk.key,))}
    assert 4 <= len(desk.store.asked) <= 6
    assert desk.did == []
    assert desk.waiters.is_held(name(desk))


def test_given_nobody_who_waits_when_time_passes_then_the_store_is_asked_nothing(desk: Desk, clock: Clock) -> None:
    passes(clock, desk, 5 * EVERY_S)
    assert desk.store.asked == []


def test_given_a_store_that_has_lost_a_caller_when_the_roll_is_called_then_he_stands_where_he_would_by_now(
    desk: Desk, clock: Clock
) -> None:
    desk.waits()
    entry = desk.store.entries.pop()
    desk.store.standing[desk.key] = Standing.MISSING
    clock.now_s += 30
    desk.looks()
    assert desk.did == [("stand again", desk.key, desk.store.now_us - 30_000_000, OWN_TAG)]
    assert desk.store.entries == [entry]


def test_given_a_store_that_was_away_when_it_is_back_then_the_roll_is_called_at_once(desk: Desk, clock: Clock) -> None:
    desk.waits()
    desk.looks()
    desk.store.away = True
    passes(clock, desk, 0.1)
    desk.store.away, desk.store.asked = False, []
    desk.store.standing[desk.key] = Standing.MISSING
    passes(clock, desk, 0.05)
    assert named(desk.did) == ["stand again"]


def test_given_a_store_that_fails_in_the_middle_when_it_is_back_then_who_was_not_told_of_is(
    desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.waits()
    desk.store.standing[desk.key] = Standing.MISSING
    answers = desk.store.standings

    def fails(domain: str, keys: list[str]) -> tuple[int, list[Standing]]:
        found = answers(domain, keys)
        desk.store.away = True
        return found

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "standings", fails)
        passes(clock, desk, 0.05)
    assert desk.did == []
    desk.store.away = False
    passes(clock, desk, 0.05)
    assert named(desk.did) == ["stand again"]


def test_given_a_lost_caller_whose_group_is_no_longer_provisioned_when_the_roll_is_called_then_nothing_is_done(
    desk: Desk, clock: Clock
) -> None:
    desk.waits()
    desk.provision(SALES)
    desk.store.standing[desk.key] = Standing.MISSING
    passes(clock, desk, EVERY_S)
    assert desk.did == []


def test_given_a_lost_caller_who_gives_up_while_the_store_is_asked_when_he_is_missing_then_he_is_not_put_back(
    desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.waits()

    def gives_up(_domain: str, keys: list[str]) -> tuple[int, list[Standing]]:
        desk.queueing.ended(DOMAIN, desk.message.dialog)
        return 1, [Standing.MISSING for _ in keys]

    monkeypatch.setattr(desk.store, "standings", gives_up)
    passes(clock, desk, EVERY_S)
    assert desk.did == []


@pytest.mark.parametrize("known_by", ["the store", "the node"])
def test_given_a_caller_whom_a_picker_has_when_his_phone_does_not_end_the_call_then_he_is_never_put_back(
    known_by: str, desk: Desk, clock: Clock
) -> None:
    desk.waits()
    taken: set[DialogId] = set()
    desk.queueing.is_taken = taken.__contains__
    if known_by == "the store":
        desk.store.standing[desk.key] = Standing.OVER
    else:
        taken.add(desk.message.dialog)
        desk.store.standing[desk.key] = Standing.MISSING
    passes(clock, desk, EVERY_S)
    taken.clear()
    desk.store.standing[desk.key] = Standing.MISSING
    passes(clock, desk, 2 * EVERY_S)
    assert desk.did == []


def test_given_a_caller_whose_way_back_from_the_agents_the_store_missed_when_the_roll_is_called_twice_then_he_is_back(
    desk: Desk, clock: Clock
) -> None:
    desk.rings("101")
    desk.store.away = True
    desk.fails()
    assert desk.did == [("suspend",)]
    desk.store.away = False
    desk.store.standing[desk.key] = Standing.OFFERED
    desk.did.clear()
    passes(clock, desk, EVERY_S + 0.05)
    assert desk.did == [], "a worker may be about to say so"
    passes(clock, desk, EVERY_S + 0.05)
    assert desk.did == [("missed", DOMAIN, desk.message.dialog, False, 0)]
    assert desk.store.after_miss == (Missed.WAITS, ())


def test_given_a_caller_who_is_offered_anew_between_two_roll_calls_when_the_second_comes_then_his_offer_is_left_alone(
    desk: Desk, clock: Clock
) -> None:
    desk.waits()
    desk.store.standing[desk.key] = Standing.OFFERED
    passes(clock, desk, 0.05)
    desk.offers("101")
    desk.did.clear()
    passes(clock, desk, 2 * EVERY_S)
    assert desk.did == []


def test_given_groups_with_shorter_pauses_when_the_roll_call_is_made_then_it_comes_twice_in_each(desk: Desk) -> None:
    hurried = roll_call.RollCall(
        desk.waiters, desk.spiral, desk.store, lambda _: False, replace(Settings(), queue_repeat_ms=300)
    )
    assert hurried._every_s == pytest.approx(0.15)
