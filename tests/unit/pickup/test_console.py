"""A pickup that was asked for at a console: claimed like any other, and sent to the picker's own phones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kemi.accounts.model import DomainSettings, Kind, PickupMode
from kemi.dialogs.record import CallRecord
from kemi.errors import AlreadyAnswered, NotOnHold, RateLimited, StoreUnavailable
from kemi.pickup.attempt import Attempt
from kemi.pickup.claim import Rerouted
from kemi.pickup.console import ONLY_BY_PHONE, RINGING, RINGS_YOU, Asked, ConsolePickup, Told
from kemi.settings import Settings
from kemi.sip.ports import Errand
from tests.support.fake_sip import DOMAIN
from tests.support.fake_store import ringing_call
from tests.unit.pickup.conftest import Pickup

TRANSACTION = "7:42"


class FakeMailbox:
    """Implements kemi.pickup.console.Mail."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.answers: list[tuple[str, Told]] = []
        self.is_away = False

    def fetch(self) -> list[str]:
        self._answer()
        found, self.waiting = self.waiting, []
        return found

    def tell(self, request: str, told: Told) -> None:
        self._answer()
        self.answers.append((request, told))

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailable("away")


class Desk:
    """103 "Carol" sits at a console; her phone is registered unless `devices` says otherwise."""

    def __init__(self, folder: Path, *line: CallRecord | Exception, devices: int = 1, **settings: object) -> None:
        self.pickup = Pickup(folder, *line, settings=DomainSettings(**settings))  # type: ignore[arg-type]
        self.pickup.scene.location.registered = [f"103@{DOMAIN}"] * devices
        self.mailbox = FakeMailbox()
        self.console = ConsolePickup(
            lambda: self.pickup._directory,
            self.pickup.scene.location,
            self.pickup.scene.spiral,
            self.pickup.store,
            self.pickup.record,
            self.mailbox,
            self.pickup.reroute,
            Settings(),
        )

    def asks(self, number: str = "101", key: str = "", picker: str = "103") -> Told:
        call = next((one for one in self.pickup.store.line if isinstance(one, CallRecord)), None)
        asked = Asked("r1", DOMAIN, picker, number, key or (call.key if call else "none"))
        self.console.carry_out(asked.pack())
        (request, told), self.mailbox.answers = self.mailbox.answers[-1], []
        assert request == "r1"
        return told


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Desk]:
    return lambda *line, **more: Desk(tmp_path, *line, **more)


def rings(ringing: tuple[str, ...] = ("101",), **more: object) -> CallRecord:
    return replace(ringing_call(**{"transaction": TRANSACTION, **more}), ringing=ringing)  # type: ignore[arg-type]


def test_given_what_was_asked_when_fetched_then_a_worker_gets_it_once_and_a_store_that_is_away_is_no_error(
    desk: Callable[..., Desk],
) -> None:
    at = desk()
    at.mailbox.waiting = ["a", "b"]
    at.console.fetch()
    at.console.fetch()
    at.mailbox.is_away = True
    at.console.fetch()
    assert at.pickup.scene.spiral.errands == [(Errand.PICK_UP, "a"), (Errand.PICK_UP, "b")]


@pytest.mark.parametrize("devices", [1, 2])
def test_given_a_ringing_call_when_asked_for_then_it_is_claimed_for_all_her_devices_and_her_phones_ring(
    devices: int, desk: Callable[..., Desk]
) -> None:
    call = rings()
    at = desk(call, devices=devices)
    assert at.asks() == Told(202, RINGING)
    (wanted,) = at.pickup.store.asked
    assert (wanted.number, wanted.only) == ("101", call.key)
    assert wanted.device.split() == [f"udp:192.0.2.9:{5090 + place}" for place in range(devices)]
    assert at.pickup.scene.spiral.branched == [TRANSACTION]
    (offer,) = at.pickup.store.offers.values()
    assert (Attempt.unpack(offer).by, Attempt.unpack(offer).flow) == ("console", "")
    assert at.pickup.record.events == [], "what comes of it is written when it has"


def test_given_phones_that_nobody_can_reach_when_asked_then_nothing_is_claimed_and_she_hears_why(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(rings())
    monkeypatch.setattr(at.pickup.scene.location, "is_registered", lambda *_: False)
    told = at.asks()
    assert (told.status, told.reason) == (480, "Your Phone Is Not Registered")
    assert "does not answer" in told.warning
    assert (at.pickup.store.asked, at.pickup.scene.spiral.branched) == ([], [])


def test_given_a_domain_without_hold_when_asked_then_no_device_is_looked_at(desk: Callable[..., Desk]) -> None:
    at = desk(rings(), require_hold=False)
    assert at.asks().status == 202
    assert [wanted.device for wanted in at.pickup.store.asked] == [""]


def test_given_a_caller_who_waits_when_asked_for_then_the_queue_sends_him(desk: Callable[..., Desk]) -> None:
    at = desk(rings(number="800", kind=Kind.AGENT_GROUP, waiting=True, ringing=()))
    assert at.asks("800").status == 202
    assert at.pickup.sent_waiting == [(TRANSACTION, f"sip:103@{DOMAIN}", Settings().reroute_answer_s * 1000)]


@pytest.mark.parametrize(
    ("number", "picker", "status", "outcome"),
    [
        ("102", "103", 403, "not_permitted"),
        ("105", "103", 403, "not_permitted"),
        ("199", "103", 404, "no_such_account"),
    ],
)
def test_given_no_permission_when_asked_then_it_is_refused_counted_and_written_down_and_nothing_is_claimed(
    number: str, picker: str, status: int, outcome: str, desk: Callable[..., Desk]
) -> None:
    at = desk(rings(number=number))
    assert at.asks(number, picker=picker).status == status
    assert (at.pickup.store.asked, len(at.pickup.store.denials)) == ([], 1)
    assert at.pickup.record.outcomes() == [(outcome, status)]
    assert at.pickup.record.events[0].by == "console"


def test_given_somebody_who_is_no_extension_when_asked_then_403_and_nothing_is_written_about_nobody(
    desk: Callable[..., Desk],
) -> None:
    at = desk(rings())
    assert at.asks(picker="700").status == 403
    assert (at.pickup.store.asked, at.pickup.record.events) == ([], [])


@pytest.mark.parametrize(
    ("found", "status", "outcome"),
    [
        (AlreadyAnswered("gone"), 410, "already_answered"),
        (NotOnHold("hold"), 486, "not_on_hold"),
        (RateLimited(retry_after_s=9), 403, "rate_limited"),
        (StoreUnavailable("away"), 503, "store_unavailable"),
    ],
)
def test_given_a_claim_that_is_refused_when_asked_then_she_is_told_and_it_is_written_down(
    found: Exception, status: int, outcome: str, desk: Callable[..., Desk]
) -> None:
    at = desk(found)
    told = at.asks()
    assert told.status == status
    assert told.retry_after_s == {403: 9, 503: 2}.get(status, 0)
    assert at.pickup.record.outcomes() == [(outcome, status)]


def test_given_no_registered_phone_when_asked_then_nothing_is_claimed(desk: Callable[..., Desk]) -> None:
    at = desk(rings(), devices=0)
    assert at.asks().reason == "Your Phone Is Not Registered"
    assert at.pickup.store.asked == []
    assert at.pickup.record.outcomes() == [("not_registered", 480)]


def test_given_a_domain_that_picks_up_by_replaces_only_when_asked_then_nothing_is_claimed(
    desk: Callable[..., Desk],
) -> None:
    at = desk(rings(), pickup_mode=PickupMode.REPLACES)
    assert at.asks().warning == ONLY_BY_PHONE
    assert at.pickup.store.asked == []


@pytest.mark.parametrize(
    ("call", "rerouting", "warning"),
    [
        ({"ringing": ("101", "103")}, Rerouted.DONE, RINGS_YOU),
        ({"transaction": ""}, Rerouted.DONE, "the transaction of the call is not known"),
        ({}, Rerouted.GONE, "the call has ended"),
        ({}, Rerouted.GIVEN_UP, "the call has ended"),
    ],
)
def test_given_a_claimed_call_that_cannot_be_sent_when_asked_then_the_claim_is_given_back(
    call: dict[str, Any], rerouting: Rerouted, warning: str, desk: Callable[..., Desk]
) -> None:
    at = desk(rings(**call))
    at.pickup.store.rerouting = rerouting
    assert at.asks().warning == warning
    assert (at.pickup.store.held, len(at.pickup.store.released)) == ({}, 1)
    assert at.pickup.record.outcomes() == [("nothing_eligible", 480)]


def test_given_a_call_that_is_not_there_when_asked_then_480(desk: Callable[..., Desk]) -> None:
    at = desk()
    assert at.asks().status == 480
