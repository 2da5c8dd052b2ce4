"""What entries must agree on."""

from __future__ import annotations

import pytest

from tests.unit.accounts.editing import ABSENT, Steps, document, faults_of

D: Steps = ("domains", 0)
OTHER = {"name": "other.example", "extensions": [{"number": "199", "password": "x"}]}


@pytest.mark.parametrize(
    ("place", "value", "path", "message"),
    [
        # members and agents
        (
            (*D, "hunt_groups", 0, "stages", 0, "members", 2),
            "199",
            "domains[0].hunt_groups[0].stages[0].members[2]",
            "199 is no extension of pbx.example.com; add it there, or remove it here",
        ),
        (
            (*D, "hunt_groups", 1, "members", 1),
            "700",
            "domains[0].hunt_groups[1].members[1]",
            "700 is no extension of pbx.example.com but a hunt group; name extensions only",
        ),
        (
            (*D, "agent_groups", 0, "agents", 1),
            "800",
            "domains[0].agent_groups[0].agents[1]",
            "800 is no extension of pbx.example.com but an agent group; name extensions only",
        ),
        (
            (*D, "agent_groups", 0, "agents", 1),
            "101",
            "domains[0].agent_groups[0].agents[1]",
            '"101" is in this list twice; keep one of the two',
        ),
        # permission
        (
            (*D, "extensions", 0, "monitored_by", 0),
            "110",
            "domains[0].extensions[0].monitored_by[0]",
            "110 is no extension of pbx.example.com; add it there, or remove it here",
        ),
        (
            (*D, "extensions", 1, "monitored_without_pickup", 0),
            "709",
            "domains[0].extensions[1].monitored_without_pickup[0]",
            "709 is no extension of pbx.example.com but a hunt group; name extensions only",
        ),
        # credentials, members or stages
        (
            (*D, "extensions", 0, "ha1"),
            "0" * 32,
            "domains[0].extensions[0]",
            "has both password and ha1; keep one of the two",
        ),
        (
            (*D, "extensions", 0, "password"),
            ABSENT,
            "domains[0].extensions[0]",
            "has neither password nor ha1; give one of the two",
        ),
        (
            (*D, "extensions", 0, "password"),
            None,
            "domains[0].extensions[0]",
            "has neither password nor ha1; give one of the two",
        ),
        (
            (*D, "hunt_groups", 0, "members"),
            ["101"],
            "domains[0].hunt_groups[0]",
            "has both stages and members; keep one of the two",
        ),
        (
            (*D, "hunt_groups", 1, "members"),
            ABSENT,
            "domains[0].hunt_groups[1]",
            "has neither stages nor members; give one of the two",
        ),
        # duplicates
        (
            (*D, "extensions", 3),
            {"number": "101", "password": "x"},
            "domains[0].extensions[3].number",
            '"101" is already the number of domains[0].extensions[0]; give another',
        ),
        (
            (*D, "hunt_groups", 1, "number"),
            "102",
            "domains[0].hunt_groups[1].number",
            '"102" is already the number of domains[0].extensions[1]; give another',
        ),
        (
            (*D, "agent_groups", 0, "number"),
            "700",
            "domains[0].agent_groups[0].number",
            '"700" is already the number of domains[0].hunt_groups[0]; give another',
        ),
        (
            ("domains", 1),
            {"name": "PBX.Example.COM"},
            "domains[1].name",
            "pbx.example.com is already the name of domains[0]; make one domain of the two",
        ),
        (
            ("trunks", 1),
            {"name": "carrier-a"},
            "trunks[1].name",
            '"carrier-a" is already the name of trunks[0]; give another',
        ),
        (
            ("trunks", 1),
            {"name": "b", "sources": ["127.0.0.3:5060", "127.0.0.2:5060"]},
            "trunks[1].sources[1]",
            '"127.0.0.2:5060" is already trunks[0].sources[0]; keep one',
        ),
        # trunks
        (
            ("trunks", 0, "dids", "+2"),
            "199@pbx.example.com",
            'trunks[0].dids["+2"]',
            "199@pbx.example.com is no account: pbx.example.com has no number 199; add it, or name another",
        ),
        (
            ("trunks", 0, "dids", "2"),
            "101@nowhere.example",
            'trunks[0].dids["2"]',
            "101@nowhere.example is no account: no domain nowhere.example here; add it, or name another",
        ),
        (
            ("trunks", 0, "destinations"),
            ABSENT,
            "trunks[0].outbound_prefixes",
            "leads nowhere: this trunk has no destinations; add them",
        ),
    ],
)
def test_given_entries_that_disagree_when_parsed_then_the_one_to_change_is_named(
    place: Steps, value: object, path: str, message: str
) -> None:
    assert [(fault.path, fault.message) for fault in faults_of(document((place, value)))] == [(path, message)]


def test_given_a_member_that_another_domain_has_when_parsed_then_it_dangles_all_the_same() -> None:
    text = document((("domains", 1), OTHER), ((*D, "agent_groups", 0, "agents", 0), "199"))
    assert [fault.path for fault in faults_of(text)] == ["domains[0].agent_groups[0].agents[0]"]


def test_given_faults_of_every_sort_when_parsed_then_all_are_named_at_once_in_order() -> None:
    text = document(
        (("extra",), 1),
        (("version",), 3),
        ((*D, "extensions", 2, "unknown"), 1),
        ((*D, "extensions", 2, "no_answer", "after_s"), 0),
        ((*D, "extensions", 3), {"number": "101", "ha1": "xyz", "password": "x"}),
        ((*D, "hunt_groups", 0, "stages", 1, "members", 0), "199"),
        ((*D, "hunt_groups", 0, "unknown"), 1),
        ((*D, "agent_groups", 0, "strategy"), "random"),
        (("trunks", 0, "dids", "+2"), "1@pbx.example.com"),
    )
    assert [fault.path for fault in faults_of(text)] == [
        "domains[0].agent_groups[0].strategy",
        "domains[0].extensions[2].no_answer.after_s",
        "domains[0].extensions[2].unknown",
        "domains[0].extensions[3]",
        "domains[0].extensions[3].ha1",
        "domains[0].extensions[3].number",
        "domains[0].hunt_groups[0].stages[1].members[0]",
        "domains[0].hunt_groups[0].unknown",
        "extra",
        'trunks[0].dids["+2"]',
        "version",
    ]


def test_given_twelve_dangling_members_when_parsed_then_the_tenth_comes_after_the_ninth() -> None:
    text = document(((*D, "hunt_groups", 1, "members"), [str(900 + i) for i in range(12)]))
    assert [fault.path for fault in faults_of(text)] == [f"domains[0].hunt_groups[1].members[{i}]" for i in range(12)]


@pytest.mark.parametrize(
    ("place", "value", "paths"),
    [
        ((*D, "extensions"), {}, ["domains[0].extensions"]),
        ((*D, "extensions", 0, "number"), ABSENT, ["domains[0].extensions[0].number"]),
        ((*D, "extensions", 0, "number"), 101, ["domains[0].extensions[0].number"]),
        ((*D, "name"), "a b", ["domains[0].name"]),
    ],
)
def test_given_an_account_that_cannot_be_read_when_parsed_then_its_members_are_not_called_dangling(
    place: Steps, value: object, paths: list[str]
) -> None:
    assert [fault.path for fault in faults_of(document((place, value)))] == paths
