"""The words in which the tests ask a media relay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bencode import NoBencodingError, decode, encode

VALUES = st.recursive(
    st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES)
def test_given_a_value_when_encoded_then_it_is_read_as_it_was(value: object) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("text", [b"", b"i1", b"i1ei2e", b"x", b"4:abc", b"l", b"di1e"])
def test_given_what_is_no_bencoding_when_read_then_it_is_refused(text: bytes) -> None:
    with pytest.raises(NoBencodingError):
        decode(text)
