from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.document import parse
from kemi.accounts.model import AgentGroup
from kemi.cli.agent_state import Agent, agents_of
from kemi.cli.agents import GroupView, chosen_agents
from kemi.cli.outcome import CommandFailed, Exit
from kemi.errors import StoreUnavailable
from kemi.pickup.event import PickupEvent
from kemi.queueing.duty import set_duty, write_logged_out_after_misses
from kemi.queueing.queue import Duty
from kemi.sip.aor import Aor
from kemi.store.queues import AgentState, GroupState, Roster

DOMAIN = "pbx.example.com"
NOW_US = 10_000_000_000
S = 1_000_000
IDLE = AgentState("104", True, 0, 0, NOW_US - 35 * S, NOW_US - 30 * S)
DOCUMENT = """
version: 1
domains:
  - name: pbx.example.com
    extensions:
      - {number: "103", name: Carol, password: p}
      - {number: "104", name: Dave, password: p}
      - {number: "105", name: Erin, password: p}
    agent_groups:
      - {number: "800", name: Support, agents: ["105", "104"]}
  - name: other.example.com
    extensions:
      - {number: "103", name: Ann, password: p}
    agent_groups:
      - {number: "800", agents: ["103"]}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    path = str(tmp_path / "directory.sqlite")
    snapshot.write(parse(DOCUMENT), 1, path)
    directory = Directory(path)
    yield directory
    directory.close()


def agent(known: AgentState, *, rung: bool = False) -> Agent:
    return Agent(known, "Dave", rung=rung, now_us=NOW_US)


@pytest.mark.parametrize(
    ("known", "words", "state"),
    [
        (IDLE, "idle for 35 s", "idle"),
        (replace(IDLE, idle_since_us=0), "idle", "idle"),
        (replace(IDLE, idle_since_us=NOW_US - 119 * S), "idle for 1 min", "idle"),
        (replace(IDLE, idle_since_us=NOW_US - 11_100 * S), "idle for 3 h 5 min", "idle"),
        (replace(IDLE, missed=2), "idle for 35 s, missed 2 in a row", "idle"),
        (replace(IDLE, in_calls=1), "in a call", "in_call"),
        (replace(IDLE, in_calls=1, wrap_until_us=NOW_US + S), "in a call", "in_call"),
        (replace(IDLE, wrap_until_us=NOW_US + 2 * S + 1), "wrapping up (3 s left)", "wrapping_up"),
        (replace(IDLE, wrap_until_us=NOW_US + 1), "wrapping up (1 s left)", "wrapping_up"),
        (
            replace(IDLE, wrap_until_us=NOW_US + 3 * S, missed=1),
            "pausing (3 s left), missed 1 in a row",
            "wrapping_up",
        ),
        (replace(IDLE, wrap_until_us=NOW_US), "idle for 35 s", "idle"),
        (replace(IDLE, logged_in=False), "logged out", "logged_out"),
        (replace(IDLE, logged_in=False, in_calls=1), "logged out, in a call", "logged_out"),
    ],
)
def test_given_an_agent_when_shown_then_his_state_is_told_in_words(known: AgentState, words: str, state: str) -> None:
    assert agent(known).words() == words
    assert agent(known).as_json()["state"] == state


def test_given_an_agent_whose_phone_rings_when_shown_then_he_is_not_said_to_be_in_a_call() -> None:
    rung = agent(replace(IDLE, in_calls=1), rung=True)
    assert (rung.words(), rung.as_json()["state"]) == ("ringing", "ringing")
    assert agent(replace(IDLE, in_calls=1, logged_in=False), rung=True).words() == "logged out, his phone rings"


def test_given_an_agent_when_printed_for_a_program_then_times_are_ms_of_the_stores_clock() -> None:
    idle = agent(IDLE).as_json()
    assert (idle["agent"], idle["name"], idle["idle_ms"], idle["wrap_up_left_ms"]) == (
        "104",
        "Dave",
        35_000,
        0,
    )
    wrapping = agent(replace(IDLE, wrap_until_us=NOW_US + 1500_000)).as_json()
    assert (wrapping["idle_ms"], wrapping["wrap_up_left_ms"]) == (None, 1500)
    assert agent(replace(IDLE, idle_since_us=0)).as_json()["idle_ms"] is None


def view(directory: Directory, domain: str, state: GroupState) -> GroupView:
    group = directory.account(domain, state.number)
    assert isinstance(group, AgentGroup)
    states = tuple(replace(IDLE, number=number) for number in sorted(group.agents))
    known = agents_of(directory, domain, Roster(NOW_US, states, (state,)), rung=())
    return GroupView.of(domain, group, state, known)


def test_given_a_group_when_shown_then_its_queue_and_its_agents_are_told_in_their_order(
    directory: Directory,
) -> None:
    shown = view(directory, DOMAIN, GroupState("800", 2, {"answered": 14, "picked_up": 3}))
    assert shown.heading() == (
        "800@pbx.example.com Support: 2 waiting; so far 14 answered, 3 picked up, 0 abandoned, 0 overflowed, 0 lost"
    )
    assert shown.rows() == [("105", "Erin", "idle for 35 s"), ("104", "Dave", "idle for 35 s")]


def test_given_a_group_when_printed_for_a_program_then_every_statistic_is_there(directory: Directory) -> None:
    shown = view(directory, "other.example.com", GroupState("800", 0, {"lost": 1}))
    assert shown.heading().startswith("800@other.example.com: 0 waiting")
    answer = shown.as_json()
    assert {k: answer[k] for k in ("domain", "group", "name", "strategy", "waiting", "statistics")} == {
        "domain": "other.example.com",
        "group": "800",
        "name": "800",
        "strategy": "longest_idle",
        "waiting": 0,
        "statistics": {"answered": 0, "picked_up": 0, "abandoned": 0, "overflowed": 0, "lost": 1},
    }
    assert [(entry["agent"], entry["name"]) for entry in answer["agents"]] == [("103", "Ann")]


def test_given_agents_when_named_in_several_ways_then_each_is_chosen_once(directory: Directory) -> None:
    assert chosen_agents(directory, ["105", "104@pbx.example.com", "105"], DOMAIN) == [
        Aor("105", DOMAIN),
        Aor("104", DOMAIN),
    ]
    assert chosen_agents(directory, ["104@PBX.example.com", "103@other.example.com"], "") == [
        Aor("104", DOMAIN),
        Aor("103", "other.example.com"),
    ]


def test_given_numbers_that_are_no_agents_when_named_then_all_of_them_and_the_remedy_are_told(
    directory: Directory,
) -> None:
    with pytest.raises(CommandFailed) as raised:
        chosen_agents(directory, ["104", "103", "999"], DOMAIN)
    assert raised.value.code is Exit.USAGE
    assert raised.value.message.startswith(
        "103@pbx.example.com, 999@pbx.example.com are no agents of any agent group, nobody was changed"
    )
    assert "star87 agents list" in raised.value.message


@pytest.mark.parametrize(("number", "domain"), [("104", ""), ("104", "nowhere.example.com"), ("104@", "")])
def test_given_several_domains_when_none_that_is_served_is_named_then_they_are_listed(
    directory: Directory, number: str, domain: str
) -> None:
    with pytest.raises(CommandFailed, match=r"there is other\.example\.com, pbx\.example\.com") as raised:
        chosen_agents(directory, [number], domain)
    assert raised.value.code is Exit.USAGE


class Duties:
    """A store of who is logged out, and the record."""

    def __init__(self, *, answers: bool = True) -> None:
        self.out: set[str] = set()
        self.written: list[PickupEvent] = []
        self._answers = answers

    def set_duty(self, _domain: str, agent: str, duty: Duty) -> bool:
        if not self._answers:
            raise StoreUnavailable("gone")
        if (agent in self.out) == (duty is Duty.OUT):
            return False
        self.out ^= {agent}
        return True

    def write(self, event: PickupEvent) -> None:
        self.written.append(event)


def test_given_an_agent_when_logged_out_and_in_then_each_change_is_written_once() -> None:
    duties = Duties()
    changed = [set_duty(duties, duties, DOMAIN, "104", duty) for duty in (Duty.OUT, Duty.OUT, Duty.IN, Duty.IN)]
    write_logged_out_after_misses(duties, DOMAIN, "104", "800")
    assert changed == [True, False, True, False]
    assert [(e.domain, e.picker, e.kind, e.outcome, e.status, e.account) for e in duties.written] == [
        (DOMAIN, "104", "agent", "logged_out", 0, ""),
        (DOMAIN, "104", "agent", "logged_in", 0, ""),
        (DOMAIN, "104", "agent", "logged_out_after_misses", 0, "800"),
    ]


def test_given_a_store_that_is_away_when_an_agent_logs_in_then_nothing_is_written() -> None:
    duties = Duties(answers=False)
    with pytest.raises(StoreUnavailable):
        set_duty(duties, duties, DOMAIN, "104", Duty.IN)
    assert duties.written == []
