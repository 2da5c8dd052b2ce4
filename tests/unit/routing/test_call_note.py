"""What a call's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Kind
from kemi.routing.call_note import CallNote

TEXTS = st.text(max_size=12) | st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
NOTES = st.builds(
    CallNote,
    TEXTS,
    TEXTS,
    TEXTS,
    st.booleans(),
    st.sampled_from(Kind),
    TEXTS,
    st.integers(0, 30),
    st.integers(0, 2**53),
    st.integers(0, 10),
)


@given(NOTES)
def test_given_any_note_when_packed_and_unpacked_then_it_is_the_same(note: CallNote) -> None:
    assert CallNote.unpack(note.pack()) == note
    assert note.pack().isascii()


def test_given_a_note_when_the_call_comes_to_another_account_then_it_starts_anew_there() -> None:
    note = CallNote("pbx.example.com", "104", "udp:x", True, Kind.HUNT_GROUP, "700", 2, 1, 3)

    moved = note.at(Kind.EXTENSION, "101")

    assert (moved.kind, moved.number, moved.stage, moved.forwards) == (Kind.EXTENSION, "101", 0, 3)
    assert moved.routed_at_ms > 1
    assert moved.outside().number == ""
