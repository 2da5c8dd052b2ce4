"""The pickup code as phones spell it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.sip.feature_code import PickupCode, parse_pickup_code, unescape

DIGITS = st.text("0123456789", min_size=1, max_size=12)
CODES = st.sampled_from(["*87", "**87", "#8", "*8", "87"])


def spelled(text: str, escaped: list[bool], lower: bool) -> str:
    """Some characters as %HH."""
    hexed = [f"%{ord(c):02x}" if lower else f"%{ord(c):02X}" for c in text]
    return "".join(h if e else c for c, h, e in zip(text, hexed, escaped, strict=False))


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("*87", ""),
        ("*87#", ""),
        ("*87%23", ""),
        ("%2A87", ""),
        ("%2a87", ""),
        ("*87101", "101"),
        ("*87101#", "101"),
        ("*87101%23", "101"),
        ("%2A87101%23", "101"),
        ("%2A%38%37101", "101"),
        ("*87101;phone-context=pbx.example.com", "101"),
        ("*87;x=*87101", ""),
        ("*87+15550100", "+15550100"),
    ],
)
def test_given_a_spelling_of_the_code_when_read_then_it_is_the_same_pickup(user: str, number: str) -> None:
    assert parse_pickup_code(user, "*87") == PickupCode(number)


@pytest.mark.parametrize("user", ["", "101", "*8", "*86", "*78", "87", "#*87", "101*87", "*%38", "**87", "%252A87"])
def test_given_another_number_when_read_then_it_is_no_pickup(user: str) -> None:
    assert parse_pickup_code(user, "*87") is None


def test_given_two_confirm_keys_when_read_then_only_the_last_is_one() -> None:
    assert parse_pickup_code("*87101##", "*87") == PickupCode("101#")


def test_given_the_code_alone_when_read_then_it_is_general_and_with_a_number_it_is_directed() -> None:
    assert PickupCode().is_general
    assert not PickupCode("101").is_general


@given(
    CODES,
    DIGITS | st.just(""),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.booleans(),
    st.booleans(),
)
def test_given_any_escapes_when_a_pickup_is_read_then_the_number_comes_out(
    code: str, number: str, escaped: list[bool], lower: bool, confirmed: bool
) -> None:
    dialled = code + number + ("#" if confirmed else "")
    assert parse_pickup_code(spelled(dialled, escaped, lower), code) == PickupCode(number)


@given(st.text() | st.text("*87%#;aF2"))
def test_given_any_text_when_read_then_nothing_is_raised_and_no_parameter_is_left(user: str) -> None:
    code = parse_pickup_code(user, "*87")
    if code is not None:
        assert unescape(user).startswith("*87")
        assert unescape(user) in (f"*87{code.number}", f"*87{code.number}#")


@given(st.binary(max_size=20))
def test_given_any_escaped_bytes_when_resolved_then_they_come_back_as_they_were(raw: bytes) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in raw)
    assert unescape(escaped).encode("utf-8", "surrogateescape") == raw


@pytest.mark.parametrize("user", ["*87%", "*87%2", "*87%zz", "*87%%", "*87%FF", "*87\udce9", "*87%00"])
def test_given_an_odd_escape_when_read_then_the_number_is_what_stands_there(user: str) -> None:
    code = parse_pickup_code(user, "*87")
    assert code is not None
    assert not code.is_general
