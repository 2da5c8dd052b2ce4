"""What is kept of a call: it comes back as it was, and shows no more than it may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts.model import Kind
from kemi.dialogs.record import Caller, CallRecord
from kemi.dialogs.tracking import Device
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from tests.support.fake_store import ringing_call

BYTES = st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
TEXTS = st.text(max_size=12) | BYTES

CALLERS = st.builds(
    Caller,
    dialog=st.builds(DialogId, TEXTS, TEXTS),
    number=TEXTS,
    display=TEXTS,
    uri=TEXTS,
    contact=TEXTS,
    flow=st.builds(
        Flow,
        st.sampled_from(["udp", "tcp"]),
        st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str),
        st.integers(1, 65535),
        st.just("udp:192.0.2.1:5060"),
    ),
    routes=st.lists(TEXTS, max_size=3).map(tuple),
    replaces=st.booleans(),
    user_agent=TEXTS,
)


@given(CALLERS)
def test_given_any_caller_when_packed_and_unpacked_then_it_is_the_same(caller: Caller) -> None:
    packed = caller.pack()
    assert Caller.unpack(packed) == caller
    assert packed.isascii()


def test_given_a_call_when_its_wait_is_asked_then_it_is_in_ms_and_never_negative() -> None:
    call = ringing_call()
    assert (call.waited_ms(2_500_001), call.waited_ms(0)) == (2500, 0)


def test_given_a_call_when_shown_then_it_names_what_people_ask_for() -> None:
    call: CallRecord = ringing_call("c", number="700", kind=Kind.HUNT_GROUP, tags=("a", "b"))

    shown = call.as_json(now_us=1_000_001)

    assert (shown["account"], shown["kind"], shown["caller"]) == ("700", "hunt_group", call.caller.uri)
    assert (shown["waited_ms"], shown["early_dialogs"], shown["replaces"]) == (1000, 2, True)
    assert (shown["state"], shown["ringing"]) == ("ringing", ["700"])


def test_given_a_call_that_waits_in_a_queue_when_shown_then_it_rings_nobody() -> None:
    shown = ringing_call(number="800", kind=Kind.AGENT_GROUP, waiting=True).as_json(now_us=1)
    assert (shown["state"], shown["ringing"]) == ("waiting", [])


def test_given_a_device_when_told_to_the_store_then_hold_is_0_talk_is_1_and_unknown_is_empty() -> None:
    words = [Device("udp:192.0.2.1:5060", state).words()[1] for state in (True, False, None)]
    assert words == ["0", "1", ""]
