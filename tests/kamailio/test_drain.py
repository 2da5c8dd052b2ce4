"""A real node that drains: what rings may be answered, what talks goes on, what is new goes elsewhere."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kemi.cli.listen import Listen, ask_options
from tests.kamailio.test_agents_command import DOCUMENT, DOMAIN
from tests.kamailio.test_health import asked
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.talks import ring, talk
from tests.support.until import until

DRAIN_S = 8
MANY = 500


class Scene:
    def __init__(self, node: Node, phones: ExitStack, health: int) -> None:
        self.node, self.health = node, health
        self._phones = phones

    def phone(self, number: str, *, register: bool = False) -> Phone:
        phone = self._phones.enter_context(Phone(self.node.address, number, domain=DOMAIN))
        assert not register or phone.registers().status == 200
        return phone

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self.node._process

    @property
    def options(self) -> int | None:
        return ask_options(Listen("udp", LOOPBACK, self.node.port), 1.0)

    def asks_to_stop(self) -> None:
        """SIGTERM; returns once the node refuses new calls."""
        self.process.send_signal(signal.SIGTERM)
        until(lambda: self.options == 503, what="503 to OPTIONS")

    def is_stopped(self, within_s: float) -> None:
        assert self.process.wait(within_s) == 0


@pytest.fixture
def scene(evidence: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    health = free_port()
    environment = {
        "STAR87_DRAIN_S": str(getattr(request, "param", DRAIN_S)),
        "STAR87_HEALTH": f"{LOOPBACK}:{health}",
    }
    with Node(evidence / "node", DOCUMENT, environment=environment) as node, ExitStack() as phones:
        yield Scene(node, phones, health)


def test_given_a_call_that_rings_when_the_node_is_told_to_stop_then_it_is_answered_and_the_node_stops_at_once(
    scene: Scene,
) -> None:
    dave, alice, oscar = scene.phone("104", register=True), scene.phone("201"), scene.phone("202")
    call = ring(alice, dave)

    scene.asks_to_stop()

    status, body = asked(scene.health, "/readyz")
    assert (status, body["checks"]["draining"]["ok"]) == (503, False)
    assert asked(scene.health, "/healthz")[0] == 200, "no restart is called for"
    refused = oscar.dials("104").ends_with()
    assert (refused.status, refused["Retry-After"]) == (503, "10")

    call.inbound.answers(200)
    talks = call.outgoing.dialog(call.outgoing.expects(200))
    # Requests in dialogs pass as long as the node is there.
    callee = call.inbound.dialog()
    assert talks.call_id == callee.call_id
    scene.is_stopped(within_s=DRAIN_S - 2)


def test_given_a_node_that_is_told_to_drain_when_phones_call_then_only_what_is_new_is_refused(scene: Scene) -> None:
    dave, alice, carol = scene.phone("104", register=True), scene.phone("201"), scene.phone("103")
    caller, _ = talk(alice, dave)

    assert scene.node.says("drain").startswith("new calls are refused")

    assert carol.dials("104").ends_with().status == 503
    assert scene.options == 503
    assert asked(scene.health, "/readyz")[0] == 503
    caller.reinvites(dave, "sendonly", "recvonly")
    assert carol.dials("*87").ends_with().status == 480, "a pickup is no new call"
    assert scene.phone("105", register=True), "phones may register"
    caller.ends(dave)
    assert scene.process.poll() is None, "it is not told to stop"

    assert scene.node.says("drain", "--off") == "new calls are taken\n"
    talk(alice, dave)
    assert scene.options == 200
    assert asked(scene.health, "/readyz")[0] == 200


def test_given_callers_who_wait_when_the_node_drains_then_they_get_503_and_leave_nothing(scene: Scene) -> None:
    dave, alice, oscar = scene.phone("104", register=True), scene.phone("201"), scene.phone("202")
    rung = alice.dials("800")
    offer = dave.rung()
    offer.answers(180)
    rung.expects(180)
    waits = oscar.dials("800")
    waits.expects(182)

    scene.asks_to_stop()

    refused = waits.ends_with()
    assert (refused.status, refused["Retry-After"]) == (503, "10")
    offer.answers(200)
    rung.dialog(rung.expects(200))
    scene.is_stopped(within_s=DRAIN_S - 2)


def test_given_callers_who_wait_when_the_node_is_told_to_drain_then_no_key_of_theirs_is_left(scene: Scene) -> None:
    waits = scene.phone("201").dials("800")
    waits.expects(182)
    scene.node.says("drain")
    assert waits.ends_with().status == 503
    until(lambda: not scene.node.left_keys(DOMAIN), what=lambda: f"no key; there are {scene.node.left_keys(DOMAIN)}")


@pytest.mark.parametrize("scene", [1], indirect=True)
def test_given_a_call_that_nobody_answers_when_the_time_is_up_then_its_caller_gets_503_and_the_phone_stops_ringing(
    scene: Scene,
) -> None:
    dave, alice = scene.phone("104", register=True), scene.phone("201")
    call = ring(alice, dave)

    scene.asks_to_stop()

    call.inbound.is_cancelled()
    ended = call.outgoing.ends_with()
    assert (ended.status, ended["Retry-After"]) == (503, "10")
    scene.is_stopped(within_s=6)


@pytest.mark.parametrize("scene", [1], indirect=True)
def test_given_more_calls_than_kamcmd_can_list_when_the_time_is_up_then_they_stop_ringing(scene: Scene) -> None:
    dave, alice = scene.phone("104", register=True), scene.phone("201")
    ringing = {ring(alice, dave).outgoing.call_id for _ in range(MANY)}

    def cancelled() -> set[str]:
        dave.hears()
        return {m["Call-ID"] for m in dave.inbox if m.method == "CANCEL" and not m.status}

    # It answers none: what it would have to send for so many calls at once is more than a socket holds.
    scene.process.send_signal(signal.SIGTERM)
    # Kamailio lists one transaction of each slot of its table: of 500 some two share one.
    until(lambda: len(cancelled()) >= MANY * 0.97, within_s=10, what=lambda: f"CANCEL; there were {len(cancelled())}")
    assert cancelled() <= ringing

    scene.is_stopped(within_s=6)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_given_a_node_that_drains_when_it_is_told_again_then_it_stops_at_once(
    scene: Scene, number: signal.Signals
) -> None:
    dave, alice = scene.phone("104", register=True), scene.phone("201")
    ring(alice, dave)
    scene.asks_to_stop()
    assert scene.process.poll() is None

    began = time.monotonic()
    scene.process.send_signal(number)

    scene.is_stopped(within_s=DRAIN_S - 2)
    assert time.monotonic() - began < DRAIN_S - 3


@pytest.mark.parametrize("scene", [0], indirect=True)
def test_given_no_time_to_drain_when_told_to_stop_then_it_does_not_wait_for_what_rings(scene: Scene) -> None:
    dave, alice = scene.phone("104", register=True), scene.phone("201")
    ring(alice, dave)
    scene.process.send_signal(signal.SIGTERM)
    scene.is_stopped(within_s=5)
