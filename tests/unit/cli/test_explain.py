from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.document import parse
from kemi.accounts.model import Kind
from kemi.cli.agent_state import Agent
from kemi.cli.explain import Verdict, judge
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.provisioned import chosen_domains, one_domain, provisioning_of
from kemi.dialogs.record import Caller, CallRecord
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.store.queues import AgentState

DOMAIN = "pbx.example.com"
CAROL = Aor("103", DOMAIN)
NOW_US = 60_000_000
DOCUMENT = """
version: 1
domains:
  - name: pbx.example.com
    settings: {directed_includes_group_calls: WIDENED}
    extensions:
      - {number: "101", name: Bob, password: p, monitored_by: ["103"]}
      - {number: "102", name: Erin, password: p, monitored_by: ["103"], monitored_without_pickup: ["103"]}
      - {number: "103", name: Carol, password: p}
      - {number: "104", name: Dave, password: p}
    hunt_groups:
      - {number: "700", name: Sales, members: ["101"], monitored_by: ["103"]}
    agent_groups:
      - {number: "800", name: Support, agents: ["101", "104"], monitored_by: ["103"]}
      - {number: "801", name: Orders, agents: ["104"]}
  - name: other.example.com
    extensions:
      - {number: "101", name: Ann, password: p}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    yield from opened(tmp_path, "false")


@pytest.fixture
def widened(tmp_path: Path) -> Iterator[Directory]:
    yield from opened(tmp_path, "true")


def opened(folder: Path, widened: str) -> Iterator[Directory]:
    path = str(folder / "directory.sqlite")
    snapshot.write(parse(DOCUMENT.replace("WIDENED", widened)), 1, path)
    directory = Directory(path)
    yield directory
    directory.close()


def ringing(
    number: str, *, at_s: int, kind: Kind = Kind.EXTENSION, caller: str = "", members: tuple[str, ...] = ()
) -> CallRecord:
    call_id = f"{number}-{at_s}@here"
    return CallRecord(
        domain=DOMAIN,
        key=call_id,
        kind=kind,
        number=number,
        permission_id="",
        routed_at_us=at_s * 1_000_000,
        caller=Caller(
            dialog=DialogId(call_id, "a"),
            number=caller,
            display="",
            uri="sip:+15550199@carrier.example.com",
            contact="sip:alice@127.0.0.1:5070",
            flow=Flow("udp", "127.0.0.1", 5070, "udp:127.0.0.1:5060"),
            routes=(),
            replaces=True,
        ),
        early_tags=("b",),
        ringing=members or (number,),
    )


def obstacles(verdict: Verdict) -> dict[str, str]:
    return {candidate.call.number: candidate.obstacle for candidate in verdict.candidates}


def test_given_a_hunt_call_and_an_older_extension_call_when_general_then_the_hunt_call_is_chosen(
    directory: Directory,
) -> None:
    older, hunt = ringing("101", at_s=10), ringing("700", at_s=20, kind=Kind.HUNT_GROUP, members=("101",))
    verdict = judge(directory, CAROL, "", [older, hunt], NOW_US)
    assert (verdict.status, verdict.chosen) == (200, hunt)
    assert [(row[0], *row[4:]) for row in verdict.rows()] == [
        ("→", "rings 101", "replaces", "picked up"),
        ("", "rings 101", "replaces", "next in line: calls to hunt groups go first"),
    ]
    assert verdict.summary().startswith("*87 connects 103@pbx.example.com with ")


def test_given_no_permission_when_explained_then_the_call_names_who_refuses(directory: Directory) -> None:
    call = ringing("104", at_s=10)
    verdict = judge(directory, CAROL, "", [call], NOW_US)
    assert (verdict.status, verdict.chosen) == (480, None)
    assert obstacles(verdict) == {"104": "104 does not let 103 pick up its calls"}


def test_given_see_only_when_directed_then_the_answer_is_403_and_the_call_is_told(directory: Directory) -> None:
    verdict = judge(directory, CAROL, "102", [ringing("102", at_s=10)], NOW_US)
    assert (verdict.status, verdict.reason) == (403, "Pickup Not Permitted")
    assert "may see it only" in obstacles(verdict)["102"]


def test_given_no_permission_on_anything_when_general_then_the_answer_is_403(directory: Directory) -> None:
    verdict = judge(directory, Aor("104", DOMAIN), "", [ringing("101", at_s=10)], NOW_US)
    assert (verdict.status, verdict.chosen) == (403, None)


def test_given_an_unknown_number_when_directed_then_the_answer_is_404(directory: Directory) -> None:
    assert judge(directory, CAROL, "999", [], NOW_US).status == 404


def test_given_nothing_that_rings_when_explained_then_the_answer_is_480(directory: Directory) -> None:
    verdict = judge(directory, CAROL, "101", [], NOW_US)
    assert (verdict.status, verdict.reason, verdict.rows()) == (480, "No Call To Pick Up", [])
    assert "gets 480 No Call To Pick Up" in verdict.summary()


def test_given_the_pickers_own_call_when_explained_then_it_is_passed_over(directory: Directory) -> None:
    own, other = ringing("101", at_s=10, caller="103"), ringing("101", at_s=20)
    assert judge(directory, CAROL, "", [own, other], NOW_US).chosen is other


def test_given_a_claimed_call_when_explained_then_its_picker_is_named(directory: Directory) -> None:
    claimed = replace(ringing("101", at_s=10), claimed_by="104")
    verdict = judge(directory, CAROL, "101", [claimed], NOW_US)
    assert (verdict.status, verdict.warning) == (480, "104 is picking it up")


def test_given_a_caller_without_replaces_when_explained_then_the_next_call_is_chosen(directory: Directory) -> None:
    first = ringing("101", at_s=10)
    first = replace(first, caller=first.caller._replace(replaces=False))
    second = ringing("101", at_s=20)
    verdict = judge(directory, CAROL, "101", [second, first], NOW_US)
    assert verdict.chosen is second
    assert verdict.candidates[0].obstacle == "the caller's device does not support Replaces"


def test_given_a_group_call_at_a_member_when_directed_then_it_is_passed_over(directory: Directory) -> None:
    hunt = ringing("700", at_s=10, kind=Kind.HUNT_GROUP, members=("101",))
    verdict = judge(directory, CAROL, "101", [hunt], NOW_US)
    assert verdict.chosen is None
    assert obstacles(verdict) == {"700": "it rings 101 only as a member of 700"}


def test_given_the_domain_setting_when_directed_then_direct_calls_come_before_the_groups(widened: Directory) -> None:
    hunt = ringing("700", at_s=10, kind=Kind.HUNT_GROUP, members=("101",))
    direct = ringing("101", at_s=20)
    assert judge(widened, CAROL, "101", [hunt, direct], NOW_US).chosen is direct
    assert judge(widened, CAROL, "101", [hunt], NOW_US).chosen is hunt


def test_given_a_verdict_when_printed_for_a_program_then_each_call_says_whether_it_is_chosen(
    directory: Directory,
) -> None:
    answer = judge(directory, CAROL, "", [ringing("101", at_s=10), ringing("104", at_s=5)], NOW_US).as_json()
    assert (answer["picker"], answer["domain"], answer["status"]) == ("103", DOMAIN, 200)
    assert [(c["account"], c["eligible"], c["chosen"], c["waited_ms"]) for c in answer["candidates"]] == [
        ("104", False, False, 55_000),
        ("101", True, True, 50_000),
    ]


def queued(number: str, *, at_s: int, agents: tuple[str, ...] = ()) -> CallRecord:
    """A call to an agent group: it rings these agents, or waits."""
    call = ringing(number, at_s=at_s, kind=Kind.AGENT_GROUP, members=agents)
    return call if agents else replace(call, ringing=(), waiting=True)


@pytest.mark.parametrize("number", ["", "800"])
def test_given_older_callers_who_wait_when_explained_then_the_call_that_rings_an_agent_goes_first(
    directory: Directory, number: str
) -> None:
    first, second = queued("800", at_s=10), queued("800", at_s=20)
    rings = queued("800", at_s=30, agents=("104",))
    verdict = judge(directory, CAROL, number, [second, first, rings], NOW_US)
    assert verdict.chosen is rings
    assert [(row[1], row[4], row[6]) for row in verdict.rows()] == [
        ("30.0 s", "rings 104", "picked up"),
        ("50.0 s", "waiting, position 1", "next in line: calls that ring agents go first"),
        ("40.0 s", "waiting, position 2", "next in line: calls that ring agents go first"),
    ]
    assert [(c["state"], c["position"], c["waited_ms"]) for c in verdict.as_json()["candidates"]] == [
        ("ringing", None, 30_000),
        ("waiting", 1, 50_000),
        ("waiting", 2, 40_000),
    ]


def test_given_callers_who_wait_when_explained_then_the_one_who_came_first_is_chosen(
    directory: Directory,
) -> None:
    later, first = queued("800", at_s=20), queued("800", at_s=10)
    verdict = judge(directory, CAROL, "", [later, first], NOW_US)
    assert verdict.chosen is first
    assert [row[6] for row in verdict.rows()] == ["picked up", "next in line: it came later"]


def test_given_calls_of_agent_groups_when_passed_over_then_each_says_why(directory: Directory) -> None:
    refused, not_ready = queued("801", at_s=10), replace(queued("800", at_s=20), early_tags=())
    own = replace(queued("800", at_s=30), caller=not_ready.caller._replace(number="103"))
    verdict = judge(directory, CAROL, "800", [refused, not_ready, own], NOW_US)
    assert (verdict.status, verdict.chosen) == (480, None)
    assert [candidate.obstacle for candidate in verdict.candidates] == [
        "its caller has not heard yet that the call waits",
        "it is the picker's own call",
        "it was routed to 801",
    ]
    [general] = judge(directory, CAROL, "", [refused], NOW_US).candidates
    assert general.obstacle == "801 does not let 103 pick up its calls"


def test_given_a_group_call_at_an_agent_when_the_agent_is_dialled_then_it_is_passed_over(
    directory: Directory,
) -> None:
    verdict = judge(directory, CAROL, "101", [queued("800", at_s=10, agents=("101",))], NOW_US)
    assert (verdict.status, obstacles(verdict)) == (480, {"800": "it rings 101 only as a member of 800"})


def test_given_an_agent_group_when_dialled_then_its_agents_are_told_in_short(directory: Directory) -> None:
    verdict = judge(directory, CAROL, "800", [], NOW_US)
    assert verdict.as_json()["agents"] == []
    agents = (
        Agent(AgentState("101", True, 1, 0, 0, 0), "Bob", rung=False, now_us=NOW_US),
        Agent(AgentState("104", True, 0, 2, 25_000_000, 0), "Dave", rung=False, now_us=NOW_US),
    )
    verdict = replace(verdict, agents=agents)
    assert verdict.agents_in_short() == "Agents of 800: 101 in a call; 104 idle for 35 s, missed 2 in a row"
    assert [(a["agent"], a["state"]) for a in verdict.as_json()["agents"]] == [
        ("101", "in_call"),
        ("104", "idle"),
    ]


def test_given_several_domains_when_none_is_named_then_they_are_listed(directory: Directory) -> None:
    assert chosen_domains(directory, "") == ("other.example.com", DOMAIN)
    assert one_domain(directory, "PBX.example.com") == DOMAIN
    for wrong in ("", "nowhere.example.com"):
        with pytest.raises(CommandFailed, match=r"there is other\.example\.com, pbx\.example\.com") as raised:
            one_domain(directory, wrong)
        assert raised.value.code is Exit.USAGE


def test_given_a_snapshot_when_read_back_then_it_is_the_whole_document(directory: Directory) -> None:
    found = provisioning_of(directory)
    wanted = parse(DOCUMENT.replace("WIDENED", "false"))
    assert {domain.name: (domain.settings, set(domain.accounts)) for domain in found.domains} == {
        domain.name: (domain.settings, set(domain.accounts)) for domain in wanted.domains
    }
    assert found.trunks == wanted.trunks
