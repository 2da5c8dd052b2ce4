"""Callers of an agent group with a relay: each offer to an agent is a new one to the relay."""

from __future__ import annotations

from typing import Any

from tests.support.media import is_forgotten, ports, relayed, talk_through
from tests.support.rtp import Voice
from tests.support.rtpengine import RtpEngine
from tests.support.tenants import Tenant


def test_given_a_caller_in_a_queue_when_the_second_agent_answers_then_they_hear_each_other_by_the_relay(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    tenant.change(with_agents("101", "102"))
    agents = {number: tenant.phone(number, register=True) for number in ("101", "102")}
    alice = tenant.phone("104")
    call = alice.dials("800", body=voices[0].sdp())
    call.expects(182)
    first = agents["101"].rung()
    first.answers(183, body=voices[1].sdp())
    relayed(call.expects(183))
    first.answers(486)
    second = agents["102"].rung()
    second.answers(200, body=voices[2].sdp())
    answer = call.expects(200)

    talk_through(voices[0], relayed(answer), voices[2], relayed(second))
    assert ports(relay, call) == 4
    call.dialog(answer).ends(agents["102"])
    is_forgotten(relay, call)


def test_given_a_caller_back_in_the_queue_when_he_gives_up_then_nothing_is_left(
    tenant: Tenant, relay: RtpEngine, voices: list[Voice]
) -> None:
    tenant.change(with_agents("101"))
    agent, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = alice.dials("800", body=voices[0].sdp())
    call.expects(182)
    offer = agent.rung()
    assert call.call_id in relay.calls()
    offer.answers(486)
    is_forgotten(relay, call)

    call.gives_up()

    is_forgotten(relay, call)


def with_agents(*agents: str) -> Any:
    """Give a tenant the agent group 800."""

    def change(document: dict[str, Any]) -> None:
        document["agent_groups"] = [
            {"number": "800", "name": "Support", "agents": list(agents), "strategy": "linear", "wrap_up_s": 60}
        ]

    return change
