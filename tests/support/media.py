"""What phones say and hear when a relay carries their media."""

from __future__ import annotations

from typing import Any

from tests.support.phone import Phone
from tests.support.phone_calls import Incoming, Outgoing
from tests.support.ports import LOOPBACK
from tests.support.rtp import Voice, arrives
from tests.support.rtpengine import ADDRESS, RtpEngine
from tests.support.sip_text import SipMessage
from tests.support.until import until

WAIT_MS = 100
"""How long the node of a test waits for an answer of its relay."""


def relayed(message: SipMessage | Incoming | str) -> str:
    """The description in a message, which names the relay and nobody else."""
    if isinstance(message, str):
        body = message
    else:
        body = message.invite.body if isinstance(message, Incoming) else message.body
    assert f"c=IN IP4 {ADDRESS}\r\n" in body, body
    assert LOOPBACK not in body, body
    return body


def talk_through(one: Voice, one_told: str, other: Voice, other_told: str) -> None:
    """Each hears the other, from the relay. told: the description that it was given of the other."""
    assert arrives(one, one_told, other) == ADDRESS
    assert arrives(other, other_told, one) == ADDRESS


def is_forgotten(relay: RtpEngine, *calls: Outgoing) -> None:
    """The relay has none of these calls any more."""
    gone = {call.call_id for call in calls}
    until(lambda: not gone & set(relay.calls()), what=lambda: f"{gone} to be gone; it has {relay.calls()}")


def ports(relay: RtpEngine, call: Outgoing) -> int:
    """How many ports the relay holds for a call."""
    tags: dict[str, Any] = relay.asks("query", call_id=call.call_id)["tags"]
    medias = [media for tag in tags.values() for media in tag["medias"]]
    return sum("local port" in stream for media in medias for stream in media["streams"])


def talk_of(caller: Phone, callee: Phone, voices: list[Voice]) -> str:
    """A short call; returns the description that the caller got."""
    call = caller.dials("101", body=voices[0].sdp())
    ringing = callee.rung()
    ringing.answers(200, body=voices[1].sdp())
    answer = call.expects(200)
    call.dialog(answer).ends(callee)
    return answer.body
