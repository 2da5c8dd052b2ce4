"""Commands as they go over the wire, and back to words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.store.wire import packed, words_of


@given(st.lists(st.text() | st.integers(), min_size=1, max_size=8))
def test_given_any_words_when_they_are_packed_then_they_are_found_again(words: list[str | int]) -> None:
    clean = [word.encode("utf-8", "replace").decode() if isinstance(word, str) else word for word in words]
    assert words_of(packed(tuple(clean))) == tuple(str(word) for word in clean)


@pytest.mark.parametrize("odd", ["caf\udce9", "\r\n$3\r\nDEL\r\n", "", "*1\r\n", "\x00", "ü"])
def test_given_odd_words_when_they_are_packed_then_they_stay_one_word_each(odd: str) -> None:
    assert words_of(packed(("FCALL", odd, 1, odd))) == ("FCALL", odd, "1", odd)


def test_given_bytes_when_they_are_packed_then_it_is_resp() -> None:
    assert packed(("GET", b"\xff", 7)) == b"*3\r\n$3\r\nGET\r\n$1\r\n\xff\r\n$1\r\n7\r\n"
