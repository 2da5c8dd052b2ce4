"""With a right to the call: what must succeed, or the judgement proves nothing."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.victims import own_sdp
from tests.load.abuse.way import HOME, Answer, Victim, way
from tests.support.phone_calls import Outgoing
from tests.support.sip_text import SipMessage
from tests.support.talks import talk


def taken(at: Scene, pickup: Outgoing) -> SipMessage:
    """The caller's phone takes the picker, as RFC 3891 asks; what the picker got."""
    at.victims.caller.rung(replaces=True).answers(200, body=own_sdp())
    accepted = pickup.expects(200)
    pickup.dialog(accepted)
    return accepted


@way("directed pickup with permission", "200", is_control=True)
def directed(at: Scene) -> Answer:
    return taken(at, at.begins(at.owner("103"), "*87101"))


@way("general pickup with permission", "200", is_control=True)
def general(at: Scene) -> Answer:
    return taken(at, at.begins(at.owner("103"), "*87"))


@way("pickup with permission by a pattern", "200", is_control=True)
def by_pattern(at: Scene) -> Answer:
    return taken(at, at.begins(at.colleague("330"), "*87%31%30%31%23"))


@way("lamp key with permission", "200", is_control=True)
def lamp_key(at: Scene) -> Answer:
    return taken(at, at.begins(at.owner("103"), "101", *at.replaces()))


@way("pickup of a waiting caller with permission", "200", victim=Victim.WAITS, is_control=True)
def waiting(at: Scene) -> Answer:
    return taken(at, at.begins(at.owner("103"), "*87800"))


@way("pickup by reroute with permission", "480 Call Is Being Sent To You", is_control=True)
def reroute(at: Scene) -> Answer:
    carol = at.owner("103")
    pickup = at.begins(carol, "*87101")
    at.victims.caller.rung(replaces=True).answers(420)
    answer = pickup.ends_with()
    carol.rung()
    return answer


@way("attended transfer by a party", "200", victim=Victim.TALKS, is_control=True)
def transfer(at: Scene) -> Answer:
    """The callee has a further call, and sends its peer there to the caller in his own place."""
    peer = at.colleague()
    assert peer.registers().status == 200
    talk(at.victims.callee, peer)
    call = at.call
    assert at.victims.caller.registers().status == 200
    named = ("Replaces", f"{call.call_id};to-tag={call.caller_tag};from-tag={call.callee_tag}")
    moved = at.begins(peer, "104", named)
    at.victims.caller.rung(replaces=True).answers(200, body=own_sdp())
    return moved.expects(200)


@way("a party's own re-INVITE", "200", victim=Victim.TALKS, is_control=True)
def reinvite(at: Scene) -> Answer:
    caller, _ = at.call.ends
    via = caller.sends("INVITE", body=own_sdp())
    again = at.victims.callee.gets("INVITE", at.call.call_id)
    at.victims.callee.replies(again, 200, body=own_sdp())
    at.victims.callee.inbox.append(again)
    answer = at.victims.caller.answer_to(via)
    caller.sends("ACK", cseq=101)
    return answer


@way("the owner registers another phone", "200", is_control=True)
def register(at: Scene) -> Answer:
    return at.owner("101").registers()


@way("the caller gives up", "200", is_control=True)
def cancel(at: Scene) -> Answer:
    return at.call.outgoing.cancels()


@way("an attacker is called and answers", "200", is_control=True)
def called(at: Scene) -> Answer:
    """That an attacker's phone gets the victims' SDP is seen."""
    friend = at.colleague()
    assert friend.registers().status == 200
    outgoing = at.victims.caller.dials(friend.number, body=own_sdp())
    friend.rung().answers(200)
    return outgoing.expects(200)


@way("a trunk calls the DID of the victim", "180", is_control=True)
def did(at: Scene) -> Answer:
    call = at.carrier.calls("+15550100", host=HOME)
    at.victims.callee.rung().answers(180, body=own_sdp())
    answer = call.expects(180)
    call.cancels()
    return answer
