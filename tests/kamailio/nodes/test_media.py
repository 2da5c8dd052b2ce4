"""Media of a call by way of two nodes is relayed once: by the node where the caller came in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.media import WAIT_MS, is_forgotten, ports, relayed, talk_through
from tests.support.node import Node
from tests.support.rtp import Voice
from tests.support.rtpengine import RtpEngine
from tests.support.several_nodes import SeveralNodes, heard
from tests.support.tenants import Tenant, Tenants


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RtpEngine]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(RtpEngine(tmp_path_factory.mktemp(f"relay-{name}"))) for name in ("a", "b")}


@pytest.fixture(scope="module")
def pair(
    tenants: Tenants, relays: dict[str, RtpEngine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SeveralNodes]:
    folder, wait = tmp_path_factory.mktemp("nodes"), {"STAR87_RTPENGINE_WAIT_MS": str(WAIT_MS)}
    with SeveralNodes(folder, tenants, (), environment=wait) as pair:
        for name, relay in relays.items():
            pair.start(name, STAR87_RTPENGINE=relay.address)
        pair.know_each_other()
        yield pair


@pytest.fixture
def voices() -> Iterator[list[Voice]]:
    voices = [Voice(), Voice()]
    yield voices
    for voice in voices:
        voice.close()


@pytest.mark.parametrize("ends", ["caller", "callee"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_given_a_relay_of_each_node_when_phones_talk_across_them_then_the_caller_s_alone_carries_it(
    transport: str,
    ends: str,
    tenant: Tenant,
    other: Node,
    relays: dict[str, RtpEngine],
    voices: list[Voice],
) -> None:
    bob = heard(tenant.phone("101", transport=transport, register=True), other)
    alice = tenant.phone("104", node=other)
    alices, bobs = voices
    call = alice.dials("101", body=alices.sdp())
    ringing = bob.rung()
    ringing.answers(200, body=bobs.sdp())
    answer = call.expects(200)
    caller, callee = call.dialog(answer), ringing.dialog()
    talk_through(alices, relayed(answer), bobs, relayed(ringing))
    assert ports(relays["b"], call) == 4
    assert call.call_id not in relays["a"].calls()

    offered, answered = callee.offers(alice, bobs.sdp(), alices.sdp())
    talk_through(bobs, relayed(answered), alices, relayed(offered))
    offered, answered = caller.offers(bob, alices.sdp(), bobs.sdp())
    talk_through(alices, relayed(answered), bobs, relayed(offered))
    assert call.call_id not in relays["a"].calls()

    if ends == "caller":
        caller.ends(bob)
    else:
        callee.ends(alice)
    is_forgotten(relays["b"], call)
