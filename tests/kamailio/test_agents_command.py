"""What an operator sees of agent groups while callers wait, and does about their agents, by `star87` on a real node."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import STAR87, Node
from tests.support.phone import Phone
from tests.support.until import until

DOMAIN = "queue.example.com"
DOCUMENT = f"""
version: 1
domains:
  - name: {DOMAIN}
    extensions:
      - {{number: "103", name: Carol, password: change-me}}
      - {{number: "104", name: Dave, password: change-me}}
      - {{number: "105", name: Erin, password: change-me}}
      - {{number: "201", name: Alice, password: change-me}}
      - {{number: "202", name: Oscar, password: change-me}}
      - {{number: "203", name: Peggy, password: change-me}}
    agent_groups:
      - {{number: "800", name: Support, agents: ["104", "105"], ring_s: 30, wrap_up_s: 60, monitored_by: ["103"]}}
"""
AT_ONCE_S = 3.0


class Scene:
    """A node, and phones that are closed with it."""

    def __init__(self, node: Node, phones: ExitStack) -> None:
        self.node = node
        self._phones = phones

    def phone(self, number: str) -> Phone:
        return self._phones.enter_context(Phone(self.node.address, number, domain=DOMAIN))

    def agent(self, number: str) -> Phone:
        """A phone that is registered."""
        phone = self.phone(number)
        assert phone.registers().status == 200
        return phone

    def listed(self) -> dict[str, Any]:
        """The one agent group, as `star87 agents list` shows it."""
        [group] = self.node.star87("agents", "list", "--domain", DOMAIN)
        assert isinstance(group, dict)
        return group

    def states(self) -> dict[str, str]:
        return {agent["agent"]: agent["state"] for agent in self.listed()["agents"]}

    def calls(self) -> list[tuple[str, str, int | None, list[str]]]:
        """Caller, state, position and who rings, of each call that `star87 calls` shows."""
        found = self.node.star87("calls")
        return [
            (c["caller"].removeprefix("sip:").partition("@")[0], c["state"], c["position"], c["ringing"]) for c in found
        ]

    def says(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command as a person runs it."""
        place = ["--run-dir", str(self.node.folder), "--node", self.node.name]
        return subprocess.run([str(STAR87), *arguments, *place], capture_output=True, text=True, timeout=20)

    def recorded(self) -> list[tuple[str, str, str, int]]:
        return [(e["picker"], e["kind"], e["outcome"], e["status"]) for e in self.node.star87("events")]


@pytest.fixture
def scene(evidence: Path) -> Iterator[Scene]:
    with Node(evidence / "node", DOCUMENT) as node, ExitStack() as phones:
        yield Scene(node, phones)


def test_given_callers_who_ring_and_wait_when_the_operator_asks_then_states_and_positions_are_told(
    scene: Scene,
) -> None:
    dave, alice, oscar, peggy = scene.agent("104"), scene.phone("201"), scene.phone("202"), scene.phone("203")
    alices = alice.dials("800")
    alices.expects(182)
    offer = dave.rung()
    offer.answers(180)
    alices.expects(180)
    oscars = oscar.dials("800")
    oscars.expects(182)
    peggys = peggy.dials("800")
    peggys.expects(182)
    wanted = [("201", "ringing", None, ["104"]), ("202", "waiting", 1, []), ("203", "waiting", 2, [])]
    until(lambda: scene.calls() == wanted, what=lambda: f"{wanted}; it shows {scene.calls()}")

    group = scene.listed()
    assert (group["group"], group["name"], group["waiting"]) == ("800", "Support", 2)
    assert {agent["agent"]: agent["state"] for agent in group["agents"]} == {"104": "ringing", "105": "idle"}
    plan = scene.node.star87("explain", "103", "800")
    told = [(c["account"], c["state"], c["position"], c["chosen"]) for c in plan["candidates"]]
    assert told == [("800", "ringing", None, True), ("800", "waiting", 1, False), ("800", "waiting", 2, False)]
    assert [(agent["agent"], agent["state"]) for agent in plan["agents"]] == [("104", "ringing"), ("105", "idle")]
    shown = scene.says("explain", "103", "800").stdout
    assert "a call that rings an agent goes before one that waits" in shown
    assert "Agents of 800: 104 ringing; 105 idle\n" in shown
    table = scene.says("explain", "103", "800", "--table").stdout
    assert "next in line: calls that ring agents go first" in table
    assert "waiting, position 2" in scene.says("calls").stdout

    offer.answers(200)
    talk = alices.dialog(alices.expects(200))
    offer.dialog()
    until(lambda: scene.states()["104"] == "in_call", what="Dave to be in a call")
    assert scene.listed()["statistics"]["answered"] == 1
    oscars.gives_up()
    until(lambda: scene.calls() == [("203", "waiting", 1, [])], what="Peggy to move up")
    peggys.gives_up()
    talk.ends(dave)
    until(lambda: scene.states()["104"] == "wrapping_up", what="Dave to wrap up")
    heading, columns, dave_line, erin_line = scene.says("agents", "list").stdout.splitlines()
    assert heading == (
        f"800@{DOMAIN} Support: 0 waiting; so far 1 answered, 0 picked up, 2 abandoned, 0 overflowed, 0 lost"
    )
    assert columns.split() == ["agent", "name", "state"]
    assert dave_line.split()[:4] == ["104", "Dave", "wrapping", "up"]
    assert erin_line.split() == ["105", "Erin", "idle"]


def test_given_a_caller_who_waits_when_an_agent_is_logged_in_then_the_agent_is_offered_the_caller_at_once(
    scene: Scene,
) -> None:
    dave, alice = scene.agent("104"), scene.phone("201")
    assert scene.says("agents", "logout", "104").stdout == f"104@{DOMAIN} is logged out\n"
    call = alice.dials("800")
    call.expects(182)
    until(lambda: scene.calls() == [("201", "waiting", 1, [])], what="Alice to wait")
    assert scene.states() == {"104": "logged_out", "105": "idle"}
    dave.hears()
    assert dave.inbox == [], "an agent who is logged out is offered nobody"

    [change] = scene.node.star87("agents", "login", "104")

    offer = dave.rung(AT_ONCE_S)
    assert change == {"domain": DOMAIN, "agent": "104", "logged_in": True, "changed": True}
    offer.answers(180)
    call.expects(180)
    assert scene.calls() == [("201", "ringing", None, ["104"])]
    assert scene.says("agents", "login", "104").stdout == f"104@{DOMAIN} was logged in already\n"
    assert call.cancels().status == 200
    offer.is_cancelled()
    call.expects(487)
    assert scene.recorded() == [("104", "agent", "logged_out", 0), ("104", "agent", "logged_in", 0)]
    first, second = scene.says("events").stdout.splitlines()[1:]
    assert first.split()[4:7] == ["agent", "logged", "out"]
    assert second.split()[4:7] == ["agent", "logged", "in"]


def test_given_a_number_that_is_no_agent_when_several_are_logged_out_then_none_of_them_is(scene: Scene) -> None:
    said = scene.says("agents", "logout", "104", "103", "105")

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith(f"star87: 103@{DOMAIN} is no agent of any agent group, nobody was changed; ")
    assert said.stderr.count("\n") == 1
    assert scene.states() == {"104": "idle", "105": "idle"}
    assert scene.recorded() == []
