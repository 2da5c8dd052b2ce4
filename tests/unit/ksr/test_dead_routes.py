"""A Route set that leads by way of a node that has died."""

from __future__ import annotations

import pytest

from kemi.errors import NotReachable
from kemi.nodes.peer import Peer
from tests.support.fake_ksr import FakeKsr, install
from tests.support.fake_peers import FakePeers
from tests.unit.ksr.kamailio import VARIABLES

with install():
    from kemi.ksr.proxy import KamailioProxy

OWN = "<sip:192.0.2.1;lr;edge=t.1;of=beef>"
LIVING, DEAD = ("<sip:192.0.2.2:5060;lr;tenant=t.1;of=beef>", "<sip:192.0.2.3:5060;lr;tenant=t.1;of=beef>")
FOREIGN = "<sip:192.0.2.3:5060;lr;tenant=t.1;of=cafe>"
BEYOND = "<sip:198.51.100.1;lr>"


def follow(*routes: str, uri: str = "sip:104@203.0.113.9:5070") -> FakeKsr:
    """routes: those after this node's own."""
    du = routes[0][1:-1] if routes else None
    left = [("Route", route) for route in routes]
    fake = FakeKsr({**VARIABLES, "$du": du, "$ru": uri}, headers=[("Route", OWN), *left])
    for path, answer in (("is_myself", True), ("rr.loose_route", 1), ("pv.is_null", not routes), ("pv.sets", True)):
        fake.answer(path, answer)
    fake.answer("nathelper.handle_ruri_alias", 2)
    fake.answer("textopsx.msg_apply_changes", 1)
    fake.answer("resetdsturi", True)
    fake.answer("hdr.get", OWN)
    # loose_route has taken its own off by then.
    fake.answer("hdr.get_idx", *routes, None)
    fake.answer("hdr.remove", 1)
    fake.answer("hdr.append", 1)
    peers = FakePeers(Peer("b", "2", "udp:192.0.2.2:5060"), own="a")
    with install(fake):
        assert KamailioProxy(peers=peers).follow_route()  # type: ignore[arg-type]
    return fake


@pytest.mark.parametrize("routes", [(), (LIVING,), (BEYOND,), (FOREIGN,), (LIVING, DEAD)])
def test_given_a_next_hop_that_is_no_dead_node_when_followed_then_the_route_set_stays_as_it_is(
    routes: tuple[str, ...],
) -> None:
    assert follow(*routes).called("hdr.remove") == []


@pytest.mark.parametrize(
    ("routes", "left"),
    [((DEAD,), ()), ((DEAD, DEAD), ()), ((DEAD, BEYOND), (BEYOND,)), ((DEAD, LIVING, DEAD), (LIVING, DEAD))],
)
def test_given_a_dead_node_when_followed_then_it_is_left_out_and_the_next_is_the_next_hop(
    routes: tuple[str, ...], left: tuple[str, ...]
) -> None:
    fake = follow(*routes)
    assert [line for (line,) in fake.called("hdr.append")] == [f"Route: {route}\r\n" for route in left]
    assert fake.called("pv.sets") == ([("$du", left[0][1:-1])] if left else [])
    assert len(fake.called("resetdsturi")) == (not left)


def test_given_a_phone_that_only_the_dead_node_reached_when_followed_then_nothing_is_sent() -> None:
    with pytest.raises(NotReachable):
        follow(DEAD, uri="sip:104@10.0.0.7;alias=203.0.113.9~4001~2")
