"""Pickups one after another on one node, as many as a busy office makes in a morning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kemi.pickup.event import PickupEvent
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port
from tests.support.sipp import PHONES, SCENARIOS, Phone, Setting
from tests.support.until import until

DOMAIN = "pbx.example.com"
PICKUPS = 200


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    document = yaml.safe_dump(yaml.safe_load((SCENARIOS / "provision.yaml").read_text()))
    with Node(tmp_path / "node", document) as node:
        yield node


def test_given_two_hundred_pickups_one_after_another_when_all_are_done_then_all_succeeded_and_no_key_is_left(
    node: Node, evidence: Path
) -> None:
    setting = Setting(node.address, DOMAIN, "%u-many@star87", evidence)
    bob, alice, carol = Phone(setting, "Bob", "101"), Phone(setting, "Alice", "201"), Phone(setting, "Carol", "103")
    twin = f"{LOOPBACK}:{free_port()}"
    bob.register()
    runs = [bob.play(PHONES / "rings-until-completed-elsewhere.xml", calls=PICKUPS)]
    try:
        runs[0].await_bound()
        runs.append(
            carol.play(
                PHONES / "picks-up-when-told.xml",
                dials="*87101",
                keys={"shows": "Alice"},
                calls=PICKUPS,
                more=("-3pcc", twin),
            )
        )
        runs[1].await_bound()
        runs.append(
            alice.play(
                PHONES / "calls-and-tells-the-picker.xml",
                dials="101",
                keys={"picker": "103"},
                calls=PICKUPS,
                more=("-3pcc", twin, "-r", "200"),
            )
        )
        for run in reversed(runs):
            run.finish()
    finally:
        for run in runs:
            run.stop()

    assert [run.answered() for run in runs] == [0, PICKUPS, 0]
    outcomes = [event.outcome for event in until_events(node)]
    assert outcomes == ["picked_up"] * PICKUPS
    # The mark by which a pickup that comes too late learns it stays for as long as `already_answered_ms`.
    until(lambda: not node.left_keys(DOMAIN), within_s=10, what=lambda: f"no key left; there are {node.keys(DOMAIN)}")
    assert sum("}:replaces:" in key for key in node.keys(DOMAIN)) == 1, "one device, which has carried them all out"


def until_events(node: Node) -> list[PickupEvent]:
    until(lambda: len(node.events(DOMAIN)) >= PICKUPS, what="the pickup record")
    return node.events(DOMAIN)
