"""What a trunk is sent: a number, and nothing that a gateway could take for more."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.trunks import telephone_number

DIALLED = st.text(max_size=40) | st.text("+0123456789-.() ;@<>\r\n*#", max_size=40)


@given(DIALLED)
def test_given_anything_dialled_when_read_then_it_is_a_plain_number_or_none(dialled: str) -> None:
    assert re.fullmatch(r"(\+?[0-9]{1,32})?", telephone_number(dialled))


@given(st.from_regex(r"\+?[0-9]{1,32}", fullmatch=True), st.lists(st.sampled_from("-.() "), max_size=5))
def test_given_a_number_with_separators_when_read_then_they_are_gone(number: str, separators: list[str]) -> None:
    assert telephone_number("".join(separators) + number + "".join(separators)) == number
