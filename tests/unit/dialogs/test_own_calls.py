"""What a node notes of a call that rings, and how it comes to the note."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Kind
from kemi.dialogs import own_calls
from kemi.dialogs.noted import Noted
from kemi.dialogs.own_calls import OwnCall
from kemi.dialogs.record import Caller
from kemi.dialogs.tracking import Answer, Device, Placement
from kemi.errors import StoreUnavailable
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from tests.support.fake_own_calls import FakeOwnCalls
from tests.support.fake_store import FakeTracking

DOMAIN = "pbx.example.com"
FLOW = Flow("udp", "192.0.2.1", 5062, "udp:192.0.2.9:5060")
# Header values may hold any bytes but line ends, kept as surrogates.
WORDS = st.text(st.characters(exclude_characters="\r\n"), max_size=20) | st.just("caf\udce9")
TAGS = st.text(st.characters(codec="ascii", exclude_categories=("Cc", "Zs")), min_size=1, max_size=8)


def placed(call_id: str = "call-1", **more: object) -> Placement:
    caller = Caller(DialogId(call_id, "alice"), "", "Zoë", "sip:z@192.0.2.1", "sip:z@192.0.2.1", FLOW, (), True)
    call = Placement(DOMAIN, Kind.HUNT_GROUP, "700", "open", caller, ("101", "102"), 60_000, transaction="7:42")
    return call._replace(**more)  # type: ignore[arg-type]


@given(
    st.builds(Caller, st.builds(DialogId, WORDS, WORDS), WORDS, WORDS, WORDS, WORDS, st.just(FLOW), st.tuples(WORDS)),
    st.lists(st.tuples(st.integers(0, 30), TAGS), max_size=1),
    st.sampled_from(Kind),
    st.booleans(),
)
def test_given_any_call_when_packed_and_unpacked_then_it_is_the_same(
    caller: Caller, early: list[tuple[int, str]], kind: Kind, by_member: bool
) -> None:
    call = OwnCall(placed(caller=caller, kind=kind, by_member=by_member, agents=("102",)), 12_345, tuple(early))
    words = [own_calls.relayed(*dialog) for dialog in early]
    assert OwnCall.unpack(call.pack(), *words) == call


class Desk:
    """A tracking that is noted, and a call that has been entered."""

    def __init__(self) -> None:
        self.store, self.notes = FakeTracking(), FakeOwnCalls()
        self.tracking = Noted(self.store, self.notes)
        self.call = placed()
        self.dialog = self.call.caller.dialog
        self.name = own_calls.named(DOMAIN, self.dialog.key)
        self.tracking.enter(self.call)

    def note(self) -> OwnCall:
        return OwnCall.unpack(*self.notes.find(self.name))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_given_a_call_when_it_is_entered_then_it_is_noted_and_told(desk: Desk) -> None:
    assert desk.note().placement == desk.call
    assert desk.store.told == [("enter", "700", ("101", "102"))]


def test_given_a_call_when_phones_ring_and_refuse_then_that_is_noted_and_told(desk: Desk) -> None:
    desk.tracking.ringing(DOMAIN, desk.dialog, 0, "bob")
    desk.tracking.ringing(DOMAIN, desk.dialog, 1, "dave")
    assert desk.note().early == ((1, "dave"),)
    desk.tracking.branch_failed(DOMAIN, desk.dialog, 0)
    assert desk.note().early == ((1, "dave"),)
    desk.tracking.branch_failed(DOMAIN, desk.dialog, 1)
    assert desk.note().early == ()
    assert [told[0] for told in desk.store.told] == ["enter", "ringing", "ringing", "branch_failed", "branch_failed"]


@pytest.mark.parametrize("is_away", [False, True])
def test_given_a_group_when_it_goes_on_to_its_next_members_then_they_ring_and_it_has_its_time(
    is_away: bool, desk: Desk
) -> None:
    since_us = desk.note().since_us
    desk.tracking.ringing(DOMAIN, desk.dialog, 0, "bob")
    if is_away:
        desk.store.fails = StoreUnavailable("away")
        with pytest.raises(StoreUnavailable):
            desk.tracking.next_stage(DOMAIN, desk.dialog, ["103"], 30_000, ["103"])
    else:
        assert desk.tracking.next_stage(DOMAIN, desk.dialog, ["103"], 30_000, ["103"])
    note = desk.note()
    assert (note.placement.ringing, note.placement.agents, note.placement.ttl_ms) == (("103",), ("103",), 30_000)
    assert (note.early, note.since_us) == ((), since_us)


@pytest.mark.parametrize("end", ["answered", "forget", "ended", "ended without a store", "taken"])
def test_given_a_call_when_it_rings_no_more_then_the_note_is_gone_before_the_store_hears_and_nothing_brings_it_back(
    end: str, desk: Desk
) -> None:
    if end == "answered":
        desk.tracking.answered(DOMAIN, desk.dialog, Answer(Device(), Device()))
    elif end == "forget":
        desk.tracking.forget(DOMAIN, desk.dialog)
    elif end == "ended":
        assert desk.tracking.ended(DOMAIN, desk.dialog) == ""
    elif end == "taken":
        desk.tracking.taken(DOMAIN, desk.dialog)
    else:
        desk.store.fails = StoreUnavailable("away")
        with pytest.raises(StoreUnavailable):
            desk.tracking.ended(DOMAIN, desk.dialog)
        desk.store.fails = None
    desk.tracking.ringing(DOMAIN, desk.dialog, 0, "late")
    desk.tracking.branch_failed(DOMAIN, desk.dialog, 0)
    desk.tracking.next_stage(DOMAIN, desk.dialog, ["103"], 30_000, [])
    assert desk.notes.names() == []


def test_given_a_dialog_when_it_is_renewed_and_over_then_that_is_told_and_nothing_noted(desk: Desk) -> None:
    ends = desk.dialog, DialogId("call-1", "bob")
    desk.tracking.renewed(DOMAIN, ends, Device())
    desk.tracking.over(DOMAIN, ends)
    assert [told[0] for told in desk.store.told] == ["enter", "renewed", "over"]
    assert desk.notes.names() == [desk.name]
