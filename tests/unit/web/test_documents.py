"""The document in a browser: no secret reaches it, and what is kept is kept."""

from __future__ import annotations

import pytest
import yaml

from kemi.accounts.document import DocumentInvalid, parse
from kemi.web import documents
from tests.support.documents import example

IN_FORCE = parse(example())


def test_given_a_document_when_shown_and_read_back_then_it_is_the_same_and_showed_no_ha1() -> None:
    shown = documents.shown(IN_FORCE)
    assert all(account.ha1 not in shown for account in IN_FORCE.domains[0].accounts if hasattr(account, "ha1"))
    assert documents.read(shown, IN_FORCE) == IN_FORCE


def test_given_a_document_that_keeps_nothing_when_read_then_it_is_as_if_parsed() -> None:
    assert documents.read(example(), parse("version: 1\ndomains: []")) == IN_FORCE


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("number: '103'", "number: '109'", "domains[0].extensions[2].ha1"),
        ("name: pbx.example.com", "name: new.example.com", "domains[0].extensions[0].ha1"),
        ("name: Carol", "nam: Carol", "domains[0].extensions[2].nam"),
        ("version: 1", "version: [", "line"),
    ],
)
def test_given_a_fault_when_read_then_it_is_named_by_its_path_in_what_was_written(
    old: str, new: str, path: str
) -> None:
    with pytest.raises(DocumentInvalid) as invalid:
        documents.read(documents.shown(IN_FORCE).replace(old, new, 1), IN_FORCE)
    assert any(fault.path.startswith(path) for fault in invalid.value.faults), invalid.value


def test_given_a_new_password_beside_what_is_kept_when_read_then_only_that_one_is_another() -> None:
    document = yaml.safe_load(documents.shown(IN_FORCE))
    carol = document["domains"][0]["extensions"][2]
    del carol["ha1"]
    carol["password"] = "another"
    read = documents.read(yaml.safe_dump(document), IN_FORCE)
    changed = [
        new.number
        for old, new in zip(IN_FORCE.domains[0].accounts, read.domains[0].accounts, strict=True)
        if old != new
    ]
    assert changed == ["103"]


@pytest.mark.parametrize(
    "odd",
    [
        "(kept)",
        "[(kept)]",
        "domains: (kept)",
        "domains: [(kept)]",
        "domains: [{extensions: (kept)}]",
        "a: &a [*a, (kept)]",
    ],
)
def test_given_what_is_no_document_when_read_then_it_is_refused_and_nothing_else_happens(odd: str) -> None:
    with pytest.raises(DocumentInvalid):
        documents.read(odd, IN_FORCE)
