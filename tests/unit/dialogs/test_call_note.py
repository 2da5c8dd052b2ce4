"""What a call's transaction carries from its INVITE to its callbacks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Kind
from kemi.dialogs.call_note import CallNote

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
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 30), TEXTS), max_size=3).map(tuple),
)
CONTACTS = st.lists(st.tuples(st.sampled_from(["101", "102", "103"]), st.integers(1, 4)), max_size=4)


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


@given(st.integers(0, 9), CONTACTS)
def test_given_extensions_with_contacts_when_rung_then_each_branch_is_known_to_be_its_extension_s(
    before: int, contacts: list[tuple[str, int]]
) -> None:
    note = CallNote("pbx.example.com", "104", "udp:x", False, branches=before).ringing(contacts)

    each = [number for number, count in contacts for _ in range(count)]
    assert [note.extension_on(before + n) for n in range(len(each))] == each
    assert note.branches == before + len(each)
    assert note.extensions == tuple(number for number, _ in contacts)
    assert CallNote.unpack(note.pack()) == note


def test_given_a_later_stage_when_a_branch_before_it_is_asked_then_it_rings_nobody_any_more() -> None:
    first = CallNote("pbx.example.com", "104", "udp:x", False).ringing([("101", 2)])
    second = first.ringing([("102", 1)])
    assert [second.extension_on(branch) for branch in range(3)] == ["", "", "102"]


def test_given_a_call_that_goes_outside_when_its_branches_are_asked_then_no_extension_rings() -> None:
    outside = CallNote("pbx.example.com", "104", "udp:x", False).ringing([("101", 1)]).outside()
    assert (outside.extensions, outside.extension_on(0), outside.branches) == ((), "", 1)
