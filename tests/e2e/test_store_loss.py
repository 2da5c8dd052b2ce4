"""SIPp's phones, one of which dials *87 for a call that rang while the store was away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.stories import BASE_DOMAIN
from tests.kamailio.test_store_loss import BACK_WITHIN_S, bring_back, lose, on_its_own
from tests.support.node import Node
from tests.support.redis_server import RedisServer
from tests.support.sipp import PHONES, SCENARIOS, Phone, Setting
from tests.support.until import until


@dataclass
class Scene:
    node: Node
    store: RedisServer
    setting: Setting

    def phone(self, number: str, name: str) -> Phone:
        return Phone(self.setting, name, number)


@pytest.fixture
def scene() -> Iterator[Scene]:
    document = (SCENARIOS / "provision.yaml").read_text()
    # The picker's worker asks again sooner than he dials.
    more = {"STAR87_REDIS_RETRY_MS": "100", "STAR87_ALREADY_ANSWERED_MS": "1000"}
    with (
        RedisServer() as store,
        # pytest's own has too long a path for a node's sockets.
        tempfile.TemporaryDirectory(prefix="s87-") as folder,
        Node(Path(folder), document, environment={**on_its_own(store.url), **more}) as node,
    ):
        yield Scene(node, store, Setting(node.address, BASE_DOMAIN, "%u-loss@star87", Path(folder)))


@pytest.mark.parametrize("how", ["hangs", "is killed"])
@pytest.mark.parametrize("comes", ["before", "meanwhile"])
def test_given_a_call_that_rings_while_the_store_is_away_when_it_is_back_then_87_takes_it(
    comes: str, how: str, scene: Scene
) -> None:
    bob, alice, carol = scene.phone("101", "Bob"), scene.phone("201", "Alice"), scene.phone("103", "Carol")
    bob.register()
    rings = bob.play(PHONES / "rings-until-completed-elsewhere.xml")
    rings.await_bound()
    if comes == "meanwhile":
        lose(scene.store, how)
    calls = alice.play(PHONES / "calls-and-is-picked-up.xml", dials="101", keys={"picker": "103"})
    calls.await_says("ringing")
    if comes == "before":
        scene.node.settle()
        lose(scene.store, how)
    bring_back(scene.store, how)
    until(lambda: scene.node.calls(BASE_DOMAIN), within_s=BACK_WITHIN_S, what="the call in the store")
    scene.node.apply((SCENARIOS / "provision.yaml").read_text())

    picks = carol.play(PHONES / "picks-up.xml", dials="*87101", keys={"shows": "Alice"})
    for run in (picks, calls, rings):
        run.finish()

    assert [event.outcome for event in scene.node.events(BASE_DOMAIN)] == ["picked_up"]
    until(lambda: scene.node.left_keys(BASE_DOMAIN) == [], what="nothing left")
    assert f"{BASE_DOMAIN} " not in scene.node.kamcmd("htable.dump", "ringing")
