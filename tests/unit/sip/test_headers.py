"""Header lines that hold what others wrote: one line each, whatever is put into them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.sip.headers import COMPLETED_ELSEWHERE, asserted_identity, quoted, retry_after, unquoted, warning

EVIL = st.text(st.sampled_from('\r\n\0\t"\\<>,;: aZé\x7f\x0b')) | st.text()
QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\.)*"'


@given(EVIL)
def test_given_any_text_when_quoted_then_it_is_one_quoted_string_of_one_line(text: str) -> None:
    assert re.fullmatch(QUOTED, quoted(text))


@given(st.text(st.characters(min_codepoint=32, exclude_characters="\x7f")))
def test_given_text_without_control_characters_when_quoted_then_it_reads_back_as_it_was(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", quoted(text)[1:-1], flags=re.DOTALL) == text.strip()


@given(st.text(st.characters(min_codepoint=32, exclude_characters="\x7f")))
def test_given_text_when_quoted_and_unquoted_then_it_is_the_same(text: str) -> None:
    assert unquoted(quoted(text)) == text.strip()


@pytest.mark.parametrize(
    ("received", "meant"),
    [
        ("", ""),
        ("Dave", "Dave"),
        ('"Dave"', "Dave"),
        ('"', '"'),
        ('""', ""),
        ('"a\\"b"', 'a"b'),
        ('Dave "D"', 'Dave "D"'),
    ],
)
def test_given_a_name_as_received_when_unquoted_then_it_is_what_was_meant(received: str, meant: str) -> None:
    assert unquoted(received) == meant


@given(EVIL)
def test_given_any_text_when_unquoted_then_nothing_is_raised(text: str) -> None:
    assert len(unquoted(text)) <= len(text)


@given(EVIL)
def test_given_any_text_when_warned_then_the_line_is_a_399_of_one_line(text: str) -> None:
    assert re.fullmatch(rf"Warning: 399 star87 {QUOTED}", warning("star87", text))


@given(EVIL, EVIL)
def test_given_any_name_and_uri_when_asserted_then_neither_leaves_its_place(display: str, uri: str) -> None:
    line = asserted_identity(display, uri)
    assert re.fullmatch(rf"P-Asserted-Identity: (?:{QUOTED} )?<[^<>\x00-\x1f\x7f]*>", line)


def test_given_an_attack_by_header_injection_when_asserted_then_it_is_text_inside_the_quotes() -> None:
    line = asserted_identity('x" <sip:boss@pbx>\r\nRoute: <sip:evil>', "sip:104@pbx>\r\nX: y")
    assert line == 'P-Asserted-Identity: "x\\" <sip:boss@pbx> Route: <sip:evil>" <sip:104@pbxX: y>'


@pytest.mark.parametrize(("display", "line"), [("", "<sip:1@x>"), ("Dave", '"Dave" <sip:1@x>')])
def test_given_a_name_or_none_when_asserted_then_only_a_name_is_quoted(display: str, line: str) -> None:
    assert asserted_identity(display, "sip:1@x") == f"P-Asserted-Identity: {line}"


def test_given_the_other_lines_when_written_then_they_are_as_the_rfcs_show_them() -> None:
    assert retry_after(2) == "Retry-After: 2"
    assert COMPLETED_ELSEWHERE == 'Reason: SIP;cause=200;text="Call completed elsewhere"'
