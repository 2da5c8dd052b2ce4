"""Replaces headers from outside (RFC 3891 §6.1): read by the grammar, or refused by one error that names the fault."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kemi.errors import MalformedReplaces
from kemi.sip.dialog import DialogId, Replaces
from kemi.sip.replaces import CALL_ID_MOST, TAG_MOST, VALUE_MOST

TOKEN_CHARACTERS = "ABCXYZabcxyz0189-.!%*_+`'~"
WORDS = st.text(TOKEN_CHARACTERS + '()<>:\\"/[]?{}', min_size=1, max_size=CALL_ID_MOST // 2 - 1)
CALL_IDS = WORDS | st.tuples(WORDS, WORDS).map("@".join)
TAGS = st.text(TOKEN_CHARACTERS, min_size=1, max_size=TAG_MOST)
BLANKS = st.sampled_from(["", " ", "\t", "  ", "\r\n ", " \r\n\t"])
PARAMETERS = st.sampled_from(["x", "x=y", 'x="a;b,c"', 'x="\\""', "x=[2001:db8::1]", "x=a.example", 'x="zoë"', "early"])
NEARLY = st.text('ab@;=, \t\r\n"\\to-tagfrmely01', max_size=80)


def spelled(name: str, upper: bool) -> str:
    return name.upper() if upper else name


@given(CALL_IDS, TAGS, TAGS, st.booleans())
def test_given_any_legal_header_when_written_and_read_then_it_is_the_same(
    call_id: str, to_tag: str, from_tag: str, early_only: bool
) -> None:
    replaces = Replaces(call_id, to_tag, from_tag, early_only)
    assert Replaces.parse(str(replaces)) == replaces


@given(
    st.text(TOKEN_CHARACTERS, min_size=1, max_size=20), TAGS, TAGS, st.booleans(), st.booleans(), BLANKS, PARAMETERS,
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_given_blanks_capitals_folds_other_parameters_and_another_order_when_read_then_it_means_the_same(
    call_id: str, to_tag: str, from_tag: str, early: bool, upper: bool, blank: str, other: str, shuffle: object
) -> None:
    parts = [
        f"{spelled('to-tag', upper)}{blank}={blank}{to_tag}",
        f"{spelled('from-tag', upper)}{blank}={blank}{from_tag}",
        other,
        *([spelled("early-only", upper)] if early else []),
    ]
    shuffle.shuffle(parts)  # type: ignore[attr-defined]
    text = blank.join([call_id, *(f";{blank}{part}" for part in parts)])
    assert Replaces.parse(text) == Replaces(call_id, to_tag, from_tag, early)


@given(st.text() | NEARLY | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
@example("a;to-tag=1;from-tag=2")
@example("\0")
@example(";" * VALUE_MOST)
def test_given_anything_when_read_then_it_is_a_replaces_or_the_one_error_that_says_why(text: str) -> None:
    try:
        replaces = Replaces.parse(text)
    except MalformedReplaces as refusal:
        said = refusal.warning
    else:
        said = "it is one"
        assert Replaces.parse(str(replaces)) == replaces
    assert re.fullmatch(r"[ -~]+", said)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "one Call-ID"),
        (";to-tag=1;from-tag=2", "one Call-ID"),
        ("a@b@c;to-tag=1;from-tag=2", "one Call-ID"),
        ("a b;to-tag=1;from-tag=2", "one Call-ID"),
        ("a,b;to-tag=1;from-tag=2", "one Call-ID"),
        ("zoë;to-tag=1;from-tag=2", "one Call-ID"),
        ("a\0b;to-tag=1;from-tag=2", "one Call-ID"),
        ("a\nb;to-tag=1;from-tag=2", "one Call-ID"),
        ("a\udcff;to-tag=1;from-tag=2", "one Call-ID"),
        ("a", "no to-tag"),
        ("a;to-tag=1", "no from-tag"),
        ("a;from-tag=1", "no to-tag"),
        ("a;to_tag=1;from_tag=2", "no to-tag"),
        ("a;to-tag=1;to-tag=1;from-tag=2", "to-tag twice"),
        ("a;to-tag=1;from-tag=2;FROM-TAG=3", "from-tag twice"),
        ("a;to-tag=1;from-tag=2;early-only;early-only", "early-only twice"),
        ("a;to-tag=1;from-tag=2;early-only=yes", "takes no value"),
        ('a;to-tag=1;from-tag=2;early-only=""', "takes no value"),
        ("a;to-tag=1;from-tag=2;early-only=", "malformed parameter"),
        ("a;to-tag=;from-tag=2", "malformed parameter"),
        ("a;to-tag;from-tag=2", "to-tag in Replaces is no token"),
        ('a;to-tag="1";from-tag=2', "to-tag in Replaces is no token"),
        ("a;to-tag=[::1];from-tag=2", "to-tag in Replaces is no token"),
        ("a;to-tag=1;from-tag=zoë", "malformed parameter"),
        ("a;to-tag=1;from-tag=2\0", "malformed parameter"),
        ("a;to-tag=1;from-tag=2\n", "malformed parameter"),
        ("a;to-tag=1;from-tag=2;", "malformed parameter"),
        ("a;;to-tag=1;from-tag=2", "malformed parameter"),
        ("a;to-tag=1;from-tag=2,b;to-tag=1;from-tag=2", "more than one call"),
        ('a;to-tag=1;from-tag=2;x="', "malformed parameter"),
        (f"{'a' * (CALL_ID_MOST + 1)};to-tag=1;from-tag=2", "Call-ID in Replaces is longer"),
        (f"a;to-tag={'1' * (TAG_MOST + 1)};from-tag=2", "to-tag in Replaces is longer"),
        (f"a;to-tag=1;from-tag={'2' * (TAG_MOST + 1)}", "from-tag in Replaces is longer"),
        ("a;to-tag=1;from-tag=2;x=" + "y" * VALUE_MOST, "Replaces is longer"),
        (" " * 65_000, "Replaces is longer"),
    ],
)
def test_given_what_rfc_3891_does_not_know_when_read_then_the_fault_is_named(value: str, why: str) -> None:
    with pytest.raises(MalformedReplaces) as refused:
        Replaces.parse(value)
    assert why in refused.value.warning
    assert (refused.value.status, refused.value.reason) == (400, "Bad Request")


@pytest.mark.parametrize("value", ["*;to-tag=*;from-tag=*", 'a{b}"c"?[d]@<e>:(f);to-tag=0;from-tag=0'])
def test_given_odd_but_legal_characters_when_read_then_they_mean_nothing_but_themselves(value: str) -> None:
    """RFC 3261 §25.1: braces, quotes and stars are characters of a Call-ID like any other."""
    assert str(Replaces.parse(value)) == value


def test_given_a_header_from_outside_when_read_then_it_may_go_to_either_end() -> None:
    assert Replaces.parse("a;to-tag=1;from-tag=2").readings == (
        (DialogId("a", "1"), "2", True),
        (DialogId("a", "2"), "1", False),
    )


def test_given_a_tag_of_0_when_read_then_it_also_stands_for_none() -> None:
    """RFC 3891 §6.1: the other end may be one of RFC 2543."""
    assert [dialog.caller_tag for dialog, _, _ in Replaces("a", "0", "2").readings] == ["0", "", "2"]
