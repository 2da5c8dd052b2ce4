"""Text that is no document, and what YAML does behind an operator's back."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.document import DocumentInvalid, parse
from kemi.accounts.yaml_source import read
from tests.support.documents import example
from tests.unit.accounts.editing import faults_of


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("", "document", "is empty"),
        ("# only a comment\n", "document", "is empty"),
        ("- 1", "document", "must be a mapping"),
        ("null", "document", "must be a mapping"),
        ("version: 1\ndomains: [}", "line 2, column 11", "this is no YAML"),
        ("version: 1\n\tdomains: []", "line 2, column 1", "this is no YAML"),
        ("version: 1\ndomains: []\n---\nversion: 1", "line 3, column 1", "a second document begins"),
        ("version: 1\nname: \x07", "line 2, column 7", "character '\\x07' is not allowed"),
        ("version: 1\nname: \ud800", "line 2, column 7", "character '\\ud800' is not allowed"),
        ("version: 1\nversion: 1\ndomains: []", "version", "is given twice"),
        ("version: 1\ndomains: *all", "domains", "*all is no anchor above this line"),
        ("version: 1\ndomains: &all [*all]", "domains[0]", "*all is no anchor above this line"),
        ("version: 1\ndomains: !!python/object:os.system []", "domains", "is not known here"),
        (
            "version: 1\ndomains: [{name: !secret x.example}]",
            "domains[0].name",
            'the tag "!secret" is not known',
        ),
        ("version: 1\n<<: 5\ndomains: []", '["<<"]', "must name a mapping"),
        ("version: 1\n? [a]\n: 1\ndomains: []", "document", "a key must be plain text"),
        ("version: !!int one\ndomains: []", "version", '"one" is no int'),
    ],
)
def test_given_text_that_is_no_document_when_parsed_then_the_place_is_named(text: str, path: str, message: str) -> None:
    assert (path, True) in [(fault.path, message in fault.message) for fault in faults_of(text)]


def test_given_keys_given_twice_deep_inside_when_parsed_then_each_is_named() -> None:
    text = """
version: 1
domains:
  - name: a.example
    settings: {require_hold: true, require_hold: false}
    extensions: [{number: "1", password: x, password: y}]
"""
    assert [str(fault) for fault in faults_of(text)] == [
        "domains[0].extensions[0].password: is given twice; keep one of the two",
        "domains[0].settings.require_hold: is given twice; keep one of the two",
    ]


def test_given_an_unquoted_number_with_a_leading_zero_when_parsed_then_the_remedy_keeps_the_zero() -> None:
    text = """
version: 1
domains:
  - name: a.example
    extensions: [{number: 0101, password: x}]
    hunt_groups: [{number: "700", members: ["0101"]}]
"""
    (fault,) = faults_of(text)
    assert fault.path == "domains[0].extensions[0].number"
    assert 'write "0101"' in fault.message


def test_given_an_unquoted_did_when_parsed_then_the_key_is_to_be_quoted_with_its_plus() -> None:
    text = 'version: 1\ndomains: [{name: a.example, extensions: [{number: "1", password: x}]}]\n'
    text += 'trunks: [{name: t, dids: {+15550100: "1@a.example"}}]'
    (fault,) = faults_of(text)
    assert fault.path == 'trunks[0].dids["+15550100"]'
    assert 'write "+15550100"' in fault.message


def test_given_many_brackets_when_parsed_then_the_first_that_is_too_deep_is_named() -> None:
    (fault,) = faults_of("[" * 500)
    assert fault.path == "line 1, column 21"
    assert "nested deeper" in fault.message


def test_given_brackets_without_end_when_parsed_then_the_process_survives() -> None:
    (fault,) = faults_of("[" * 100_000)
    # The YAML library reads ahead, and from its version 0.2.6 on has a bound of its own.
    assert fault.path in ("line 1, column 21", "line 1, column 1001")
    assert "nest" in fault.message


def test_given_anchors_and_merges_when_read_then_they_mean_what_yaml_means() -> None:
    text = """
base: &base {a: 1, b: [x, &y z]}
over: {<<: *base, a: 2}
both: {<<: [{a: 5, c: 6}, *base], d: *y}
"""
    source = read(text)
    assert source.value == yaml.safe_load(text)
    assert not source.faults


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_given_any_yaml_without_odd_keys_when_read_then_values_are_those_of_safe_load(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    source = read(text)
    assert source.complete
    assert source.value == yaml.safe_load(text)
    assert source.faults == []


@given(st.text() | st.text(alphabet="-: \n[]{}&*!'\"#?|>%@<abc10", max_size=60))
def test_given_any_text_when_parsed_then_it_is_refused_by_faults_and_nothing_else(text: str) -> None:
    with pytest.raises(DocumentInvalid) as caught:
        parse(text)
    assert caught.value.faults


def _places(value: Any, steps: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [steps, *(place for step, inner in below for place in _places(inner, (*steps, step)))]


EXAMPLE = yaml.safe_load(example())


@given(st.sampled_from(_places(EXAMPLE)[1:]), JSON)
def test_given_any_value_anywhere_in_the_example_when_parsed_then_it_is_taken_or_refused_and_never_breaks(
    steps: tuple[Any, ...], value: object
) -> None:
    whole = json.loads(json.dumps(EXAMPLE))
    place = whole
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    with contextlib.suppress(DocumentInvalid):
        parse(yaml.safe_dump(whole))
