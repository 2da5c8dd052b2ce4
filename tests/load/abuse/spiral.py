"""To pass as what the node sends to itself when it reroutes a call."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.way import HOME, Answer, Victim, way
from tests.support.phone import Phone
from tests.support.sip_text import sdp
from tests.support.wire import Datagrams

HOP = "P-Star87-Next-Hop"


def imitated(at: Scene, phone: Phone, method: str = "INVITE") -> str:
    """The caller's INVITE as it would come round: his names, the node's Record-Route as far as an attacker knows it."""
    call = at.call
    named = [
        ("From", f"<sip:104@{HOME}>;tag={call.caller_tag}"),
        ("Record-Route", f"<sip:{at.node.address};lr;ftag={call.caller_tag};tenant={HOME}.{'0' * 24}>"),
        (HOP, f"udp:{phone.address}/udp:{at.node.address}"),
    ]
    return phone.requests(method, f"sip:101@{HOME}", call_id=call.call_id, headers=named, body=sdp())


@way("an INVITE like a rerouted one", "407")
def invite(at: Scene) -> Answer:
    phone = at.foreigner()
    return at.says(phone, imitated(at, phone))


@way("an INVITE like a rerouted one of a waiting caller", "407", victim=Victim.WAITS)
def waiting(at: Scene) -> Answer:
    phone = at.foreigner()
    return at.says(phone, imitated(at, phone))


def to_inner_socket(at: Scene, text: str, phone: Phone) -> Answer:
    """To the socket itself, which only this host can reach."""
    assert isinstance(phone.wire, Datagrams)
    place, _, port = at.spiral.rpartition(":")
    outer, phone.wire.proxy = phone.wire.proxy, (place, int(port))
    via = text.partition("Via: ")[2].partition("\r\n")[0]
    phone.sends(text)
    try:
        return phone.answer_to(via)
    finally:
        phone.wire.proxy = outer


@way("an INVITE to the inner socket", "407")
def inner(at: Scene) -> Answer:
    phone = at.foreigner()
    return to_inner_socket(at, imitated(at, phone), phone)


@way("a BYE to the inner socket", "481", victim=Victim.TALKS)
def inner_bye(at: Scene) -> Answer:
    phone, call = at.foreigner(), at.call
    named = [
        ("From", f"<sip:104@{HOME}>;tag={call.caller_tag}"),
        ("To", f"<sip:101@{HOME}>;tag={call.callee_tag}"),
        (HOP, f"udp:{at.victims.callee.address}/udp:{at.node.address}"),
    ]
    text = phone.requests("BYE", at.victims.callee.contact, call_id=call.call_id, cseq=900, headers=named)
    return to_inner_socket(at, text, phone)


@way("a Via of the node's inner socket", "407")
def inner_via(at: Scene) -> Answer:
    """Where it says that it comes from is not where it came from."""
    phone = at.foreigner()
    via = f"SIP/2.0/UDP {at.spiral};branch=z9hG4bKspiral;rport"
    named = [("Via", via), (HOP, f"udp:{phone.address}/udp:{at.node.address}")]
    return at.says(phone, phone.requests("INVITE", f"sip:101@{HOME}", headers=named, body=sdp()))


@way("the caller's identifiers from a colleague, to the same account", "403 Forbidden: From must be")
def second_invite(at: Scene) -> Answer:
    like = (at.call.call_id, at.call.caller_tag)
    named = ("From", f"<sip:104@{HOME}>;tag={at.call.caller_tag}")
    return at.invites(at.colleague(), "101", named, like=like)
