"""What phones and a carrier say in real calls through a node: the messages that are damaged afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.carrier import Gateway
from tests.support.node import Node
from tests.support.phone import PASSWORD, Phone
from tests.support.phone_calls import Outgoing
from tests.support.talks import ring, take_over, talk
from tests.support.wire import Wire

DOMAIN = "fuzz.example.com"
HOST = "127.0.0.3"
CALLER, CALLED, PICKER, AGENT = "204", "201", "203", "202"


def tenant() -> dict[str, Any]:
    """201 and the queue 800 admit 203."""
    watched = {"monitored_by": [PICKER]}
    return {
        "name": DOMAIN,
        "extensions": [
            {"number": CALLED, "name": "Bob", "password": PASSWORD, **watched},
            *({"number": n, "name": "Fuzz", "password": PASSWORD} for n in (AGENT, PICKER, CALLER)),
        ],
        "hunt_groups": [{"number": "700", "name": "Sales", "members": [CALLED, AGENT], **watched}],
        "agent_groups": [{"number": "800", "name": "Support", "agents": [AGENT], "max_wait_s": 2, **watched}],
    }


def trunk(gateway: Gateway) -> dict[str, Any]:
    return {
        "name": "fuzz",
        "sources": [gateway.address],
        "destinations": [f"sip:{gateway.address}"],
        "dids": {"+15550201": f"{CALLED}@{DOMAIN}"},
        "outbound_prefixes": ["+"],
    }


class Tap:
    """A wire that keeps what its phone sends."""

    def __init__(self, wire: Wire, said: list[bytes]) -> None:
        self._wire, self._said = wire, said

    @property
    def address(self) -> tuple[str, int]:
        return self._wire.address

    def sends(self, raw: bytes) -> None:
        self._said.append(raw)
        self._wire.sends(raw)

    def reads(self, within_s: float) -> bytes:
        return self._wire.reads(within_s)

    def close(self) -> None:
        self._wire.close()


def record(node: Node, phones: Sequence[Phone], gateway: Gateway) -> list[bytes]:
    """Play calls of every kind; returns all that was said. phones: CALLER's, CALLED's, PICKER's, AGENT's."""
    said: list[bytes] = []
    for phone in (*phones, gateway):
        phone.wire = Tap(phone.wire, said)
    alice, bob, carol, agent = phones
    for phone in phones:
        assert phone.registers(supported="path, outbound").status == 200
    _calls(alice, bob, carol)
    _replaces(alice, bob, carol)
    _others(alice, bob, agent)
    _by_trunk(bob, alice, gateway)
    with Phone(node.reached_by("ws"), CALLER, domain=DOMAIN, transport="ws", host=HOST) as browser:
        browser.wire = Tap(browser.wire, said)
        assert browser.registers().status == 200
        talk(browser, bob)[0].ends(bob)
    for phone in (*phones, gateway):
        assert isinstance(phone.wire, Tap)
        phone.wire = phone.wire._wire
    return said


def _calls(alice: Phone, bob: Phone, carol: Phone) -> None:
    caller, called = talk(alice, bob)
    caller.reinvites(bob, "sendonly", "recvonly")
    called.offers(alice, "", "")
    caller.ends(bob)
    ring(alice, bob).ends()
    for dialled in ("*87", f"*87{CALLED}", f"*87{CALLED}#", "%2A87"):
        take_over(ring(alice, bob), carol, dialled).ends(alice)
    assert carol.dials("*87").ends_with().status == 480


def _replaces(alice: Phone, bob: Phone, carol: Phone) -> None:
    """A lamp key's own Replaces, and one that names nothing."""
    ringing = ring(alice, bob)
    named = f"{ringing.outgoing.call_id};to-tag={ringing.inbound.tag};from-tag={ringing.outgoing.tag}"
    pickup = carol.dials(CALLED, headers=[("Replaces", named)])
    alice.rung(replaces=True).answers(200)
    dialog = pickup.dialog(pickup.expects(200))
    ringing.ends()
    dialog.ends(alice)
    assert carol.dials(CALLED, headers=[("Replaces", "nothing;to-tag=1;from-tag=2")]).ends_with().status == 481


def _others(alice: Phone, bob: Phone, agent: Phone) -> None:
    for method in ("OPTIONS", "MESSAGE", "PUBLISH"):
        via = alice.via()
        alice.sends(alice.requests(method, bob.aor, via=via))
        challenge = alice.answer_to(via)
        via = alice.via()
        alice.sends(alice.requests(method, bob.aor, via=via, headers=[alice.proves(challenge, method, bob.aor)]))
        bob.replies(bob.expects(lambda m, asked=method: m.method == asked and not m.status, method), 200, tag="b")  # type: ignore[misc]
        assert alice.answer_to(via).status == 200
    lamp = alice.asks("SUBSCRIBE", bob.aor, headers=[("Event", "dialog"), ("Expires", "60")])
    assert lamp.status in (200, 403), lamp.start
    assert agent.dials("*64").ends_with().reason == "Logged In"
    waiting: Outgoing = alice.dials("800")
    waiting.expects(182)
    offer = agent.rung()
    offer.answers(180)
    waiting.expects(180)
    assert waiting.cancels().status == 200
    offer.is_cancelled()
    assert waiting.ends_with().status == 487
    assert agent.dials("*65").ends_with().reason == "Logged Out"


def _by_trunk(bob: Phone, alice: Phone, gateway: Gateway) -> None:
    inbound = gateway.calls("+15550201", host=DOMAIN)
    rings = bob.rung()
    rings.answers(180)
    inbound.expects(180)
    rings.answers(200)
    dialog = inbound.dialog(inbound.expects(200))
    rings.dialog()
    dialog.ends(bob)
    out = alice.dials("+49301")
    gateway.rung().answers(486)
    assert out.ends_with().status == 486
