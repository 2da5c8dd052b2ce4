"""The one error boundary: every request gets a SIP answer, Kamailio always gets an int, an ACK gets nothing."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import cast

import pytest

from kemi.accounts.current import Follower
from kemi.dialogs.late_answers import LateAnswers
from kemi.errors import (
    AlreadyAnswered,
    NoSuchAccount,
    NotAuthorized,
    NotOnHold,
    NotPermitted,
    NotProvisioned,
    NotReachable,
    PickupUnavailable,
    Star87Error,
    StoreUnavailable,
)
from kemi.handler import Handler
from kemi.lamps.notifier import Notifier
from kemi.lamps.watching import Watching
from kemi.nodes.peers import Bus
from kemi.nodes.registry import Registry
from kemi.pickup.reroute import Reroute
from kemi.pickup.service import PickupService
from kemi.queueing.service import Queueing
from kemi.routing.calls import Calls
from kemi.routing.in_dialog import InDialog
from kemi.routing.media import Media
from kemi.routing.requests import Requests
from kemi.routing.trunks import Trunks
from kemi.routing.websocket import WebSocketGate
from kemi.sip.ports import Callback, Location
from tests.support.fake_sip import FakeMessage, FakeScene, invite

ANSWERING = (
    "ksr_request_route",
    "ksr_failure_pickup",
    "ksr_failure_reroute",
    "ksr_failure_gateway",
    "ksr_failure_queue",
    "ksr_resumed_queue",
)
GUARDED = (
    "ksr_branch_call",
    "ksr_reply_call",
    "ksr_failure_call",
    "ksr_branch_pickup",
    "ksr_reply_pickup",
    "ksr_branch_reroute",
    "ksr_reply_reroute",
    "ksr_first_answer",
    "ksr_late_answer",
    "ksr_reply_renewed",
    "ksr_reply_prack",
    "ksr_reply_passed",
    "ksr_http",
    "ksr_dispatch",
    "ksr_lamps",
    "ksr_failure_lamp",
    "ksr_local_request",
    "ksr_contact_ended",
)
EVERY = (*ANSWERING, *GUARDED, "ksr_follow_provisioning", "ksr_deliver", "ksr_beat", "ksr_branch_reached")
NOT_UTF_8 = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
ERRORS = [
    NotPermitted("no"),
    StoreUnavailable("away"),
    NotProvisioned(),
    NOT_UTF_8,
    ValueError("odd"),
    KeyError("k"),
    AssertionError("impossible"),
    RecursionError(),
    MemoryError(),
    Star87Error(),
]


class Anything:
    """Stands for a service: every method does the same, and is written down as `service.method`."""

    def __init__(self, name: str, act: Callable[[], None], asked: list[str]) -> None:
        self._name, self._act, self._asked = name, act, asked

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)

        def method(*_: object) -> None:
            self._asked.append(f"{self._name}.{name}")
            self._act()

        return method


class Boundary:
    """A handler whose services all raise one error, or none."""

    def __init__(self, error: BaseException | None = None, request: FakeMessage | None = None) -> None:
        def act() -> None:
            if error is not None:
                raise error

        self.reported: list[str] = []
        self.scene = FakeScene(request or invite())
        self.asked: list[str] = []
        self.looks = 0

        def service(name: str) -> Anything:
            return Anything(name, act, self.asked)

        self.handler = Handler(
            cast(Requests, service("requests")),
            cast(Calls, service("calls")),
            cast(PickupService, service("pickup")),
            cast(Reroute, service("reroute")),
            cast(InDialog, service("in_dialog")),
            cast(Queueing, service("queueing")),
            cast(Trunks, service("trunks")),
            cast(LateAnswers, service("late_answers")),
            cast(Follower, service("follower")),
            cast(Registry, service("registry")),
            cast(Location, service("location")),
            cast(Bus, service("bus")),
            cast(Media, service("media")),
            cast(WebSocketGate, service("gate")),
            cast(Watching, service("watching")),
            cast(Notifier, service("notifier")),
            self.scene.message,
            self.scene.transaction,
            self.look,
            service("store").deliver,
            self.reported.append,
        )
        self.handler.fetch = service("console").fetch

    def look(self) -> None:
        self.looks += 1

    def call(self, name: str) -> object:
        """Call it as Kamailio does."""
        callback = getattr(self.handler, name)
        return callback(*[None] * len(inspect.signature(callback).parameters))

    @property
    def statuses(self) -> list[int]:
        return [status for status, _, _ in self.scene.transaction.replies]


@pytest.mark.parametrize(("name", "error"), list(itertools.product(EVERY, [None, *ERRORS])))
def test_given_any_error_when_a_callback_runs_then_kamailio_gets_an_int_and_only_it(
    name: str, error: BaseException | None
) -> None:
    answer = Boundary(error).call(name)
    assert type(answer) is int
    assert answer == 1


@pytest.mark.parametrize(("name", "error"), list(itertools.product(ANSWERING, ERRORS)))
def test_given_any_error_when_a_request_waits_then_it_gets_exactly_one_final_answer(
    name: str, error: BaseException
) -> None:
    boundary = Boundary(error)
    boundary.call(name)
    assert len(boundary.statuses) == 1
    assert boundary.statuses[0] >= 400


@pytest.mark.parametrize(("name", "error"), list(itertools.product(GUARDED, ERRORS)))
def test_given_any_error_when_kamailio_goes_on_by_itself_then_it_is_reported_and_nothing_is_answered(
    name: str, error: BaseException
) -> None:
    boundary = Boundary(error)
    boundary.call(name)
    assert boundary.statuses == []
    assert len(boundary.reported) == len(boundary.asked)
    assert boundary.reported
    assert all(type(error).__name__ in report for report in boundary.reported)


@pytest.mark.parametrize("error", ERRORS)
def test_given_any_error_when_it_is_an_ack_that_raises_then_nobody_answers_it(error: BaseException) -> None:
    boundary = Boundary(error, FakeMessage("ACK"))
    assert boundary.call("ksr_request_route") == 1
    assert boundary.statuses == []


@pytest.mark.parametrize(
    ("error", "status", "reason", "headers"),
    [
        (NotPermitted("why"), 403, "Pickup Not Permitted", ('Warning: 399 star87 "why"',)),
        (NoSuchAccount("x"), 404, "Not Found", ('Warning: 399 star87 "x"',)),
        (NotAuthorized(), 403, "Forbidden", ()),
        (NotReachable(), 480, "Temporarily Unavailable", ()),
        (AlreadyAnswered("y"), 410, "Already Answered", ('Warning: 399 star87 "y"',)),
        (NotOnHold("z"), 486, "Hold Your Current Call First", ('Warning: 399 star87 "z"',)),
        (NotAuthorized('a"\r\nX: b'), 403, "Forbidden", ('Warning: 399 star87 "a\\" X: b"',)),
        (PickupUnavailable("s"), 503, "Service Unavailable", ('Warning: 399 star87 "s"', "Retry-After: 2")),
    ],
)
def test_given_a_refusal_when_raised_then_its_status_reason_and_warning_are_the_answer(
    error: Exception, status: int, reason: str, headers: tuple[str, ...]
) -> None:
    boundary = Boundary(error)
    boundary.call("ksr_request_route")
    assert boundary.scene.transaction.replies == [(status, reason, headers)]
    assert boundary.reported == []


@pytest.mark.parametrize("error", [StoreUnavailable("away"), NotProvisioned()])
def test_given_an_absence_when_raised_then_503_says_when_to_try_again(error: Exception) -> None:
    boundary = Boundary(error)
    boundary.call("ksr_request_route")
    ((status, _, headers),) = boundary.scene.transaction.replies
    assert status == 503
    assert any(line.startswith("Retry-After: ") for line in headers)


def test_given_bytes_that_are_no_utf_8_when_raised_then_400_and_no_report() -> None:
    boundary = Boundary(NOT_UTF_8)
    boundary.call("ksr_request_route")
    assert boundary.statuses == [400]
    assert boundary.reported == []


def test_given_an_unforeseen_error_when_raised_then_500_tells_the_phone_nothing_and_the_log_everything() -> None:
    boundary = Boundary(ValueError("secret"))
    boundary.call("ksr_request_route")
    assert boundary.scene.transaction.replies == [(500, "Server Internal Error", ())]
    assert "secret" in boundary.reported[0]
    assert "Traceback" in boundary.reported[0]


def test_given_an_answer_that_cannot_be_sent_when_refused_then_it_is_reported_and_kamailio_gets_its_int() -> None:
    boundary = Boundary(NotPermitted("no"))
    boundary.scene.transaction.reply(200, "OK")
    assert boundary.call("ksr_request_route") == 1
    assert len(boundary.reported) == 1


@pytest.mark.parametrize(
    ("error", "fault", "answers", "reported"),
    [
        (NOT_UTF_8, NOT_UTF_8, [400], 0),
        (ValueError("x"), NOT_UTF_8, [500], 1),
        (ValueError("x"), RuntimeError("no message"), [], 2),
    ],
)
def test_given_a_method_that_cannot_be_read_when_refused_then_it_is_answered_if_it_is_only_odd(
    error: Exception, fault: Exception, answers: list[int], reported: int
) -> None:
    boundary = Boundary(error)

    class Unreadable(FakeMessage):
        @property
        def method(self) -> str:
            raise fault

        @method.setter
        def method(self, value: str) -> None:
            pass

    boundary.scene.at_hand = Unreadable()
    assert boundary.call("ksr_request_route") == 1
    assert [status for status, *_ in boundary.scene.transaction.replies] == answers
    assert len(boundary.reported) == reported


def test_given_no_error_when_called_then_each_callback_reaches_its_own_service() -> None:
    expected = [
        "requests.route",
        *("media.over", "pickup.failed"),
        "reroute.failed",
        *("media.over", "trunks.failed"),
        *("media.over", "queueing.failed"),
        "queueing.resumed",
        *("media.branch", "location.send_elsewhere"),
        *("calls.replied", "media.replied"),
        *("media.over", "calls.failed"),
        *("pickup.dress_branch", "media.branch"),
        *("pickup.replied", "media.replied"),
        *("media.branch", "location.send_elsewhere", "reroute.dress_branch"),
        "reroute.replied",
        "late_answers.contested",
        "late_answers.arrived",
        *("in_dialog.renewed", "media.replied"),
        "media.replied",
        "in_dialog.passed",
        "gate.answer",
        *("queueing.dispatch", "console.fetch"),
        "notifier.look",
        "watching.not_taken",
        *("bus.seal", "bus.contact_ended"),
        "follower.follow",
        "store.deliver",
        *("registry.beat", "bus.beat"),
    ]
    boundary = Boundary()
    for name in EVERY:
        looks = boundary.looks
        boundary.call(name)
        assert boundary.looks > looks, f"{name} goes by the document that was in force at the message before"
    assert boundary.asked == expected
    assert (boundary.statuses, boundary.reported) == ([], [])


def test_given_the_handler_s_callbacks_when_listed_then_none_escapes_these_tests() -> None:
    assert {name for name in dir(Handler) if name.startswith("ksr_")} == set(EVERY)


def test_given_a_relay_that_fails_when_every_branch_has_ended_then_the_call_goes_on_all_the_same() -> None:
    boundary = Boundary()

    def fail() -> None:
        raise ValueError("odd")

    boundary.handler._media = cast(Media, Anything("media", fail, boundary.asked))
    assert boundary.call("ksr_failure_queue") == 1
    assert boundary.asked == ["media.over", "queueing.failed"]
    assert (boundary.statuses, len(boundary.reported)) == ([], 1)


def test_given_a_process_that_begins_when_told_then_kamailio_gets_an_int() -> None:
    assert Boundary().handler.child_init(1) == 1


def test_given_the_callbacks_that_transactions_are_armed_with_when_looked_up_then_the_handler_has_each() -> None:
    assert all(callable(getattr(Handler, callback.value)) for callback in Callback)
