"""What an operator sees and changes while calls ring, by the command `star87` on a real node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.stories import Play, read_story
from tests.support.node import Node
from tests.support.ports import LOOPBACK
from tests.support.sipp import PHONES, SCENARIOS, Phone, Setting, SippRun
from tests.support.until import until

DOMAIN = "pbx.example.com"
DOCUMENT = (SCENARIOS / "provision.yaml").read_text()
IN_FORCE = "provisioning version 2 is in force"


@dataclass
class Call:
    """A call that rings: the caller's phone, what it plays, and what the called phone plays."""

    caller: Phone
    calling: SippRun
    called: SippRun

    def ends(self) -> bool:
        """Let the caller give up; raises AssertionError unless the call rang until then."""
        nudge = Phone(self.caller.setting, "cue", self.caller.number)
        target = f"{LOOPBACK}:{self.caller.port}"
        nudge.play(PHONES / "cue.xml", dials=self.caller.number, target=target).finish()
        self.calling.finish()
        self.called.finish()
        return self.calling.said()[-1] == "gave up"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path / "node", DOCUMENT) as node:
        yield node


@pytest.fixture
def setting(node: Node, evidence: Path) -> Setting:
    return Setting(node.address, DOMAIN, "%u-operator@star87", evidence)


@pytest.fixture
def ringing(setting: Setting) -> Iterator[Call]:
    """Alice's call rings at Bob's phone until she gets a cue."""
    bob, alice = Phone(setting, "Bob", "101"), Phone(setting, "Alice", "201")
    bob.register()
    called = bob.play(PHONES / "rings-until-cancelled.xml")
    called.await_bound()
    calling = alice.play(PHONES / "calls-and-gives-up.xml", dials="101")
    try:
        calling.await_says("ringing")
        yield Call(alice, calling, called)
    finally:
        called.stop()
        calling.stop()


def test_given_a_ringing_call_when_the_operator_asks_then_calls_shows_it_and_explain_chooses_it(
    node: Node, ringing: Call
) -> None:
    [shown] = node.star87("calls", "--domain", DOMAIN)
    assert (shown["account"], shown["caller_name"], shown["ringing"]) == ("101", "Alice", ["101"])

    plan = node.star87("explain", "103", "101", "--domain", DOMAIN)

    assert plan["status"] == 200
    assert [(c["account"], c["chosen"]) for c in plan["candidates"]] == [("101", True)]
    assert ringing.ends(), "asking changes nothing: the call rang on until the caller gave up"


def test_given_a_ringing_call_when_its_permission_is_withdrawn_then_a_pickup_gets_403_and_the_call_rings_on(
    node: Node, setting: Setting, ringing: Call
) -> None:
    document = yaml.safe_load(DOCUMENT)
    document["domains"][0]["extensions"][0]["monitored_by"] = []
    node.apply(yaml.safe_dump(document))

    until(lambda: IN_FORCE in node.log(), what="the node to follow the document")
    carol = Phone(setting, "Carol", "103")
    carol.play(
        PHONES / "picks-up-and-is-refused.xml", dials="*87101", keys={"answer": "403 Pickup Not Permitted"}
    ).finish()

    assert ringing.ends()
    [event] = node.star87("events", "--domain", DOMAIN)
    assert (event["outcome"], event["status"], event["picker"]) == ("not_permitted", 403, "103")


def test_given_a_call_that_carol_picked_up_when_asked_for_bob_s_extension_then_it_was_answered_by_103(
    node: Node, evidence: Path
) -> None:
    story = read_story(SCENARIOS / "call-pickup" / "nominal" / "directed")
    Play(story, node.address, evidence, domain=DOMAIN).perform()
    until(lambda: node.events(DOMAIN), what="the pickup record")

    [shown] = node.star87("events", "--domain", DOMAIN, "--for", "101")
    assert (shown["answered_by"], shown["picker"], shown["rang"]) == ("103", "103", ["101"])
    assert "answered by 103" in node.says("events", "--domain", DOMAIN, "--for", "101")

    [own] = node.star87("events", "--domain", DOMAIN, "--for", "103")
    assert own == shown
    assert "answered by" not in node.says("events", "--domain", DOMAIN, "--for", "103")
    assert node.star87("events", "--domain", DOMAIN, "--for", "201") == []
