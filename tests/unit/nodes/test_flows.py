"""Who holds a phone's flow, as it stands with its contact."""

from __future__ import annotations

import pytest

from kemi.nodes.flows import claims_a_holder, flow_of, held, holder_of, holds, mark_of, number_of
from kemi.nodes.peer import Peer
from kemi.sip.flow import Flow

PEER = Peer("a", "1", "udp:192.0.2.1:5060")


@pytest.mark.parametrize("name", ["a", "star87", "edge-1.example.com", "Zoë", "x" * 200])
def test_given_a_name_when_numbered_then_kamailio_takes_it_and_it_is_the_same_each_time(name: str) -> None:
    assert 0 < number_of(name) < 1 << 31
    assert number_of(name) == number_of(name) == int(mark_of(name), 16)


def test_given_many_nodes_when_numbered_then_each_has_its_own() -> None:
    assert len({number_of(f"node-{n}") for n in range(2000)}) == 2000


@pytest.mark.parametrize(
    ("next_hop", "socket", "flow"),
    [
        ("sip:203.0.113.5:4001", "udp:192.0.2.1:5060", Flow("udp", "203.0.113.5", 4001, "udp:192.0.2.1:5060")),
        (
            "sip:203.0.113.5:4001;transport=tcp",
            "tcp:192.0.2.1:5060",
            Flow("tcp", "203.0.113.5", 4001, "tcp:192.0.2.1:5060"),
        ),
        (
            "sip:203.0.113.5:4001;transport=ws",
            "tcp:192.0.2.1:80",
            Flow("ws", "203.0.113.5", 4001, "tcp:192.0.2.1:80"),
        ),
        (
            "sip:203.0.113.5:4001;transport=ws",
            "tls:192.0.2.1:443",
            Flow("wss", "203.0.113.5", 4001, "tls:192.0.2.1:443"),
        ),
        (
            "sip:[2001:db8::5]:4001;transport=tls",
            "tls:[2001:db8::1]:5061",
            Flow("tls", "2001:db8::5", 4001, "tls:[2001:db8::1]:5061"),
        ),
    ],
)
def test_given_a_flow_when_kept_then_its_holder_and_all_of_it_can_be_read(
    next_hop: str, socket: str, flow: Flow
) -> None:
    kept = held(next_hop, PEER, socket)
    assert kept.startswith(next_hop)
    assert holds(PEER, holder_of(kept))
    assert not holds(Peer("b", "1", ""), holder_of(kept))
    # What is left after a new start: the flows of datagrams.
    assert holds(Peer("a", "2", ""), holder_of(kept)) is (flow.transport == "udp")
    assert flow_of(kept) == flow
    assert claims_a_holder(kept)
    assert not claims_a_holder(next_hop)


@pytest.mark.parametrize("next_hop", ["", "sip:203.0.113.5:4001;transport=tcp", "sip:proxy.example.com;lr"])
def test_given_a_next_hop_of_no_node_when_read_then_nobody_holds_it(next_hop: str) -> None:
    assert holder_of(next_hop) == ""
