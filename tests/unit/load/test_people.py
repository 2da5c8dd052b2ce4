"""Who takes part in a load: invented, or read from what an operator gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts import document
from tests.support import documents
from tests.support.load.bad_input import BadInput
from tests.support.load.kinds import called_people, lines_of
from tests.support.load.people import Pair, Person, from_csv, from_document, invented, read_people


def test_given_invented_people_when_their_document_is_validated_then_it_has_no_fault_and_pickers_may() -> None:
    found, text = invented(3, ["127.0.0.1:5070"], agents=2)
    (domain,) = document.parse(text).domains
    accounts = {account.number: account for account in domain.accounts}
    assert len(accounts) == 3 + 3 + 2 + 1
    assert len(found.pairs) == 3
    assert all(accounts[pair.account].permission.may_pick_up(pair.picker.number) for pair in found.pairs)


def test_given_the_example_document_when_read_then_trunk_dids_and_pairs_are_those_it_allows() -> None:
    found = from_document(documents.example(), "example.yaml")
    assert found.domain == "pbx.example.com"
    assert Person("103", "change-me-103") in found.extensions
    assert found.dids == {"101": "+15550100"}
    assert found.sources == ("127.0.0.2:5060",)
    assert [(pair.account, pair.picker.number) for pair in found.pairs] == [("101", "102"), ("104", "103")]


def test_given_pairs_when_lines_for_pickups_are_made_then_a_did_comes_by_the_trunk_and_the_others_from_the_rest() -> (
    None
):
    found = from_document(documents.example(), "example.yaml")
    assert lines_of("pickups", found, by_trunk=True) == [
        ("+155500000", "", "+15550100", "102", "change-me-102", "*87101"),
        ("105", "change-me-105", "104", "103", "change-me-103", "*87104"),
    ]
    assert [person.number for person in called_people("pickups", found)] == ["101", "104"]


def test_given_a_document_with_a_fault_when_read_then_the_fault_and_the_remedy_are_named() -> None:
    text = documents.example().replace('number: "102"', 'number: "101"', 1)
    with pytest.raises(BadInput, match=r"example.yaml: domains\[0\].*star87 check example.yaml"):
        from_document(text, "example.yaml")


def test_given_two_domains_and_no_choice_when_read_then_they_are_named() -> None:
    text = documents.example().replace("trunks:", "  - {name: b.example.com}\ntrunks:")
    with pytest.raises(BadInput, match=r"DOMAIN=, of pbx\.example\.com, b\.example\.com"):
        from_document(text, "example.yaml")
    with pytest.raises(BadInput, match=r"has no domain c\.example\.com"):
        from_document(text, "example.yaml", "c.example.com")


def test_given_a_csv_when_read_then_it_has_users_dids_and_pairs() -> None:
    text = "number;password;did;picks_up\n101;one;+1101;\n103;three;;101\n"
    found = from_csv(text, "users.csv", "x")
    assert found.extensions == (Person("101", "one"), Person("103", "three"))
    assert found.dids == {"101": "+1101"}
    assert found.pairs == (Pair("101", Person("103", "three")),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"users.csv:1: must name the columns"),
        ("101,one\n", r"users.csv:1: must name the columns"),
        ("number,password,colour\n101,one,red\n", r"users.csv:1: must name the columns"),
        ("number,password\n", r"users.csv: has no users"),
        ("number,password\n101,one\n102\n", r"users.csv:3: needs number, password"),
        ("number,password\n101,one,two\n", r"users.csv:2: needs number, password"),
        ("number,password\n101,one\n101,two\n", r"users.csv:3: 101 stands here a second time"),
        ('number,password\n101,"o;ne"\n', r"users.csv:2: SIPp can use no number or password with"),
        ("number,password,picks_up\n101,one,\n102,two,104\n", r"users.csv:3: picks_up must be another user"),
    ],
)
def test_given_a_csv_with_a_fault_when_read_then_its_line_and_the_remedy_are_named(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        from_csv(text, "users.csv", "x")


def test_given_a_csv_without_a_domain_or_no_file_when_read_then_the_remedy_is_named(tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    with pytest.raises(BadInput, match="cannot be read"):
        read_people(users)
    users.write_text("number,password\n101,one\n")
    with pytest.raises(BadInput, match="DOMAIN="):
        read_people(users)


@pytest.mark.parametrize(
    ("kind", "told"), [("calls", "a column `did`"), ("digest", "two users"), ("pickups", "a column `picks_up`")]
)
def test_given_users_who_cannot_play_a_kind_when_their_lines_are_made_then_the_remedy_is_named(
    kind: str, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        lines_of(kind, from_csv("number,password\n101,one\n", "users.csv", "x"), by_trunk=True)


def test_given_pairs_and_nobody_to_call_when_lines_are_made_then_the_remedy_is_named() -> None:
    found = from_csv("number,password,picks_up\n101,one,\n102,two,101\n", "users.csv", "x")
    with pytest.raises(BadInput, match="FROM="):
        lines_of("pickups", found, by_trunk=False)
