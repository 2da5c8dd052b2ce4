"""Nodes that start late, die and come back: what becomes of the phones that are registered with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kemi.store.keys import NODES
from tests.support.cluster_of_nodes import knows
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.several_nodes import SeveralNodes, contacts, heard
from tests.support.stopped import stopped
from tests.support.talks import ring, talk
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

DEAD_WITHIN_S = 8.0
AT_ONCE_S = 8.0
"""Far less than a phone that is not reached is waited for."""


def with_a_queue(document: dict[str, Any]) -> None:
    """Agent group 800 of 105."""
    document["agent_groups"] = [{"number": "800", "name": "Support", "agents": ["105"], "ring_s": 5, "wrap_up_s": 0}]


class Scene:
    def __init__(self, several: SeveralNodes, tenant: Tenant) -> None:
        self.several, self.tenant = several, tenant

    def __getitem__(self, name: str) -> Node:
        return self.several.nodes[name]

    def phone(self, number: str, node: str, transport: str = "udp", *, register: bool = False) -> Phone:
        return self.tenant.phone(number, transport=transport, node=self[node], register=register)

    def kills(self, name: str) -> None:
        """A node dies, and all others have noticed."""
        self.several.kill(name)
        for node in self.several.nodes.values():
            until(lambda node=node: name not in knows(node), within_s=DEAD_WITHIN_S, what="the death to be known")  # type: ignore[misc]

    def is_forgotten(self, name: str) -> bool:
        """Whether the registry knows nothing of a node any more."""
        with self.several.store.client() as client:
            return not any(field.startswith(f"n {name} ".encode()) for field in client.hkeys(NODES))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    tenants = Tenants(1, with_a_queue)
    with SeveralNodes(tmp_path, tenants, environment={"STAR87_NODE_SILENCE_MS": "2000"}) as several:
        tenant = tenants.take(several.nodes["b"])
        yield Scene(several, tenant)
        tenant.close()


def test_given_a_node_that_starts_late_when_it_knows_the_others_then_it_knows_their_phones_too(scene: Scene) -> None:
    phones = [scene.phone("101", "a", "tcp", register=True), scene.phone("102", "b", "udp", register=True)]
    # What a phone writes about itself keeps nobody else's contact from being told.
    odd = scene.phone("103", "a", "tcp")
    strange = b'Caf\xe9/1 "{'.decode("utf-8", "surrogateescape")
    headers = [("Contact", f"<{odd.contact}>, <sip:x@device.invalid>"), ("User-Agent", strange)]
    assert odd.asks("REGISTER", to=odd.aor, headers=headers).status == 200
    scene.several.start("c")
    heard(odd, scene["b"], scene["c"])

    for phone in phones:
        heard(phone, scene["c"])
        caller, _ = talk(scene.phone("104", "c"), phone)
        caller.ends(phone)

    later = heard(scene.phone("103", "c", "tcp", register=True), scene["a"], scene["b"])
    caller, _ = talk(scene.phone("104", "a"), later)
    caller.ends(later)


def test_given_a_node_that_died_when_its_phones_are_called_then_those_over_its_flows_are_not_waited_for(
    scene: Scene,
) -> None:
    gone = heard(scene.phone("101", "a", "tcp", register=True), scene["b"])
    free = heard(scene.phone("102", "a", "udp", register=True), scene["b"])
    agent = heard(scene.phone("105", "a", "tcp", register=True), scene["b"])
    assert agent.dials("*64").ends_with().status == 480
    scene.kills("a")

    # Nobody is rung, and the caller hears so at once.
    assert scene.phone("104", "b").dials("101").ends_with().status == 480
    # A plain UDP phone needs no node, and a group goes on without who is gone.
    for dialled in ("102", "700"):
        call = ring(scene.phone("104", "b"), free, dialled)
        call.ends()
    # An agent who cannot be reached is offered nobody.
    waiting = scene.phone("104", "b").dials("800")
    waiting.expects(182)
    waiting.gives_up()
    assert not gone.inbox

    # Of several phones those that are left ring, and what they answer counts as theirs.
    left = scene.phone("101", "b", "tcp", register=True)
    call = ring(scene.phone("104", "b"), left, "700")
    assert free.rung().invite["Call-ID"] == call.inbound.call_id
    call.inbound.answers(200)
    call.outgoing.dialog(call.outgoing.expects(200)).ends(left)
    assert left.registers(expires=0).status == 200

    # It registers with the other node, and is reached.
    again = scene.phone("101", "b", "tcp", register=True)
    caller, _ = talk(scene.phone("104", "b"), again)
    caller.ends(again)


def test_given_a_node_that_is_back_when_its_phones_are_called_then_it_has_learnt_them_again(scene: Scene) -> None:
    free = heard(scene.phone("102", "a", "udp", register=True), scene["b"])
    moved = scene.phone("101", "b", "tcp", register=True)
    cut_off = heard(scene.phone("105", "a", "tcp", register=True), scene["b"])
    scene.kills("a")
    assert moved.registers().status == 200
    scene.several.start("a")

    for phone in (free, moved):
        heard(phone, scene["a"])
        caller, _ = talk(scene.phone("104", "a"), phone)
        caller.ends(phone)
    # Its streams have ended with it, though the contact may be there for an hour.
    for name in ("a", "b"):
        assert contacts(scene[name], cut_off) == [cut_off.contact]
        assert scene.phone("104", name).dials("105").ends_with(within_s=AT_ONCE_S).status == 480
    # What has come since is told to the one that is back, too.
    scene.several.know_each_other()
    heard(scene.phone("103", "b", "tcp", register=True), scene["a"])


def test_given_a_call_by_way_of_two_nodes_when_one_has_died_then_the_other_reaches_who_can_be_reached(
    scene: Scene,
) -> None:
    bob = heard(scene.phone("101", "a", "tcp", register=True), scene["b"])
    alice = scene.phone("104", "b")
    streaming = scene.phone("103", "b", "tcp")
    _, callee = talk(alice, bob)
    _, other = talk(streaming, bob)
    scene.kills("b")

    callee.ends(alice)
    # Alice's other phone was at the node that died, by its connection: nothing is tried for half a minute.
    assert bob.answer_to(other.sends("BYE"), within_s=AT_ONCE_S).status == 480


def test_given_a_node_that_cannot_say_that_it_lives_when_others_reach_it_then_calls_find_their_way(
    scene: Scene,
) -> None:
    """Its store may be what it has lost: what it held there is removed, and its phones are reached all the same."""
    (beats,) = scene["b"].processes("timer=nodes")
    bob = heard(scene.phone("101", "b", "tcp", register=True), scene["a"])
    with stopped(beats):
        until(lambda: scene.is_forgotten("b"), within_s=DEAD_WITHIN_S, what="b to be removed from the registry")
        assert knows(scene["a"]) == {"a", "b"}
        carol = heard(scene.phone("102", "a", "tcp", register=True), scene["b"])
        for caller, called in ((scene.phone("104", "a"), bob), (scene.phone("104", "b"), carol)):
            talk(caller, called)[0].ends(called)
    until(lambda: not scene.is_forgotten("b"), within_s=DEAD_WITHIN_S, what="b to say that it lives")


def test_given_a_node_that_stood_still_when_it_goes_on_then_it_knows_who_registered_meanwhile(scene: Scene) -> None:
    # Soon after its start it asks for all contacts once more: that must not be what the second one is known by.
    for number in ("101", "102"):
        with stopped(*scene["b"].processes()):
            until(lambda: "b" not in knows(scene["a"]), within_s=DEAD_WITHIN_S, what="b to be taken for dead")
            phone = scene.phone(number, "a", "tcp", register=True)
        heard(phone, scene["b"])
        scene.several.know_each_other()
        talk(scene.phone("104", "b"), phone)[0].ends(phone)


def test_given_three_nodes_when_a_phone_wanders_then_each_call_finds_it_at_one_place(scene: Scene) -> None:
    scene.several.start("c")
    scene.several.know_each_other()
    names = ("a", "b", "c", "a")
    named = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E129>"'
    before: list[Phone] = []
    for name in names:
        phone = scene.phone("101", name, "tcp")
        assert phone.registers(contact=f"<{phone.contact}>{named}").status == 200
        heard(phone, *scene.several.nodes.values())
        for place in scene.several.nodes:
            assert contacts(scene[place], phone) == [phone.contact]
            call = ring(scene.phone("104", place), phone)
            call.ends()
        before.append(phone)
    for phone in before[:-1]:
        phone.hears()
        assert [m.start for m in phone.inbox] == []
