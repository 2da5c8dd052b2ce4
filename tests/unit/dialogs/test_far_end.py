"""The called side of an answer: by what its dialog is acknowledged and ended in the caller's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.dialogs.far_end import HIGH_CSEQ, FarEnd
from kemi.sip.flow import Flow
from kemi.sip.record_route import routes_beyond
from tests.support.fake_sip import CALLEE_CONTACT, CALLEE_FLOW, FakeScene, invite

TEXTS = st.text(max_size=12) | st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
FAR_ENDS = st.builds(
    FarEnd, TEXTS, TEXTS, TEXTS, st.integers(0, 2**31), TEXTS, TEXTS, st.lists(TEXTS, max_size=3).map(tuple)
)
OURS = "<sip:192.0.2.1;lr=on;ftag=a;tenant=pbx.example.com.abc>"
EDGE, CORE = "<sip:edge.example.com;lr>", "<sip:core.example.com:5080;transport=tcp;lr>"
BEFORE = "<sip:before.example.com;lr>"


def answer(*routes: str) -> FarEnd:
    scene = FakeScene(invite(cseq="314"))
    return FarEnd.of(scene.reply(200, to_tag="bob", routes=routes))


@given(FAR_ENDS)
def test_given_any_far_end_when_packed_and_unpacked_then_it_is_the_same(far: FarEnd) -> None:
    assert FarEnd.unpack(far.pack()) == far
    assert far.pack().isascii()


def test_given_a_200_when_read_then_target_next_hop_and_tags_are_the_callee_s() -> None:
    far = answer(OURS)
    assert (far.target, far.next_hop) == (CALLEE_CONTACT, CALLEE_FLOW)
    assert (far.call_id, far.cseq, far.routes) == ("call-1", 314, ())
    assert far.caller.endswith(";tag=caller-tag")
    assert far.callee.endswith(";tag=bob")


@pytest.mark.parametrize(("method", "number"), [("ACK", 314), ("BYE", 315)])
def test_given_a_200_when_it_is_acknowledged_or_ended_then_the_request_is_the_caller_s_in_that_dialog(
    method: str, number: int
) -> None:
    """RFC 3261 §13.2.2.4: an ACK has the INVITE's CSeq number; §12.2.1.1: the next request has the next."""
    assert answer(EDGE, OURS).headers(method) == (
        "From: <sip:104@pbx.example.com>;tag=caller-tag",
        "To: <sip:101@pbx.example.com>;tag=bob",
        "Call-ID: call-1",
        f"CSeq: {number} {method}",
        f"Route: {EDGE}",
    )


@pytest.mark.parametrize(
    ("lines", "routes"),
    [
        ((), ()),
        ((OURS,), ()),
        ((OURS, BEFORE), ()),
        ((EDGE, OURS, BEFORE), (EDGE,)),
        ((CORE, EDGE, OURS), (EDGE, CORE)),
        ((f"{CORE}, {EDGE},{OURS}", BEFORE), (EDGE, CORE)),
        ((f"{CORE},{EDGE}", f"{OURS} , {BEFORE}"), (EDGE, CORE)),
        ((f"{EDGE};name=x, {OURS}",), (f"{EDGE};name=x",)),
        ((f'"Edge" {EDGE}', OURS), (EDGE,)),
        # A call that came round by this node has its mark twice: what lies beyond the nearer one counts.
        ((EDGE, OURS, OURS), (EDGE,)),
        # Without this node's own, nobody can tell which hops are the callee's.
        ((EDGE,), ()),
        (("garbage",), ()),
    ],
)
def test_given_record_routes_of_an_answer_when_read_then_the_hops_beyond_this_node_are_left_and_the_nearest_is_first(
    lines: tuple[str, ...], routes: tuple[str, ...]
) -> None:
    assert routes_beyond(lines) == routes
    assert answer(*lines).routes == routes


THEIRS = "<sip:192.0.2.9:5070;lr=on;ftag=a;tenant=pbx.example.com.def>"


@pytest.mark.parametrize(
    ("lines", "routes"),
    [
        ((THEIRS, OURS), (THEIRS,)),
        ((EDGE, THEIRS, OURS, BEFORE), (THEIRS, EDGE)),
        # Two sockets of either.
        ((THEIRS, THEIRS, OURS, OURS), (THEIRS, THEIRS)),
        ((EDGE, OURS), (EDGE,)),
    ],
)
def test_given_an_answer_by_another_node_when_its_routes_are_read_then_that_node_is_one_of_the_hops_beyond(
    lines: tuple[str, ...], routes: tuple[str, ...]
) -> None:
    assert routes_beyond(lines, ("192.0.2.9", 5070)) == routes


@given(st.lists(st.text(max_size=40), max_size=4))
def test_given_any_record_routes_when_read_then_nothing_is_raised(lines: list[str]) -> None:
    for route in routes_beyond(lines):
        assert any(route in line for line in lines)


def test_given_an_answer_that_reached_the_caller_when_his_end_is_asked_then_it_is_ended_as_the_callee_would() -> None:
    flow = Flow("tcp", "192.0.2.4", 5070, "tcp:192.0.2.1:5060")
    other = answer(EDGE, OURS).other_end("sip:104@192.0.2.4", str(flow), ("<sip:a;lr>", "<sip:b;lr>"))
    assert (other.target, other.next_hop) == ("sip:104@192.0.2.4", flow)
    assert other.headers("BYE") == (
        "From: <sip:101@pbx.example.com>;tag=bob",
        "To: <sip:104@pbx.example.com>;tag=caller-tag",
        "Call-ID: call-1",
        f"CSeq: {HIGH_CSEQ + 1} BYE",
        "Route: <sip:a;lr>",
        "Route: <sip:b;lr>",
    )
    assert HIGH_CSEQ + 1 < 2**31, "RFC 3261 §8.1.1.5"
