"""Requests into the victims' dialog, by who knows its name, and answers in their phones' place."""

from __future__ import annotations

from tests.load.abuse.scene import Scene
from tests.load.abuse.way import HOME, Answer, Victim, way
from tests.support.phone import Phone
from tests.support.phone_calls import Outgoing
from tests.support.sip_text import sdp
from tests.support.talks import talk

UNKNOWN = "481"


def within(
    at: Scene,
    phone: Phone,
    method: str,
    *headers: tuple[str, str],
    routes: list[str] | None = None,
    call_id: str = "",
) -> Answer:
    """A request as the victims' caller would send it to the callee, from the attacker's address."""
    call, callee = at.call, at.victims.callee
    via = phone.via()
    route_set = [f"<sip:{at.node.address};lr>"] if routes is None else routes
    text = phone.requests(
        method,
        callee.contact,
        call_id=call_id or call.call_id,
        cseq=900,
        via=via,
        headers=[
            ("From", f"<sip:104@{HOME}>;tag={call.caller_tag}"),
            ("To", f"<sip:101@{HOME}>;tag={call.callee_tag}"),
            *(("Route", route) for route in route_set),
            *headers,
        ],
        body=sdp() if method in ("INVITE", "UPDATE") else "",
    )
    return at.says(phone, text)


def with_made_up_route(method: str, victim: Victim) -> None:
    @way(f"{method} into the {victim.name} call over a Route of one's own", UNKNOWN, victim=victim)
    def _(at: Scene) -> Answer:
        return within(at, at.foreigner(), method, ("Refer-To", f"<sip:300@{HOME}>"))


for _method in ("INVITE", "UPDATE", "BYE", "REFER", "INFO", "NOTIFY", "MESSAGE", "SUBSCRIBE"):
    with_made_up_route(_method, Victim.TALKS)
for _method in ("INVITE", "UPDATE", "BYE", "PRACK"):
    with_made_up_route(_method, Victim.RINGS)


def with_route_of_own_call(method: str) -> None:
    @way(f"{method} into an answered call with the Route of an own call", UNKNOWN, victim=Victim.TALKS)
    def _(at: Scene) -> Answer:
        phone, friend = at.colleague(), at.friend()
        own, _ = talk(phone, friend)
        return within(at, phone, method, routes=own.routes)


for _method in ("INVITE", "UPDATE", "BYE"):
    with_route_of_own_call(_method)


def with_route_of_same_call_id(method: str) -> None:
    @way(f"{method} into an answered call with the Route of an own call of its Call-ID", UNKNOWN, victim=Victim.TALKS)
    def _(at: Scene) -> Answer:
        phone, friend = at.colleague(), at.friend()
        own = at.begins(phone, friend.number, like=(at.call.call_id, ""))
        rung = friend.rung()
        rung.answers(200)
        return within(at, phone, method, routes=own.dialog(own.expects(200)).routes)


for _method in ("INVITE", "UPDATE", "BYE"):
    with_route_of_same_call_id(_method)


@way("INVITE into an answered call without a Route", UNKNOWN, victim=Victim.TALKS)
def no_route(at: Scene) -> Answer:
    return within(at, at.foreigner(), "INVITE", routes=[])


@way("INVITE into an answered call with a seal that was guessed", UNKNOWN, victim=Victim.TALKS)
def guessed_seal(at: Scene) -> Answer:
    return within(at, at.foreigner(), "INVITE", routes=[f"<sip:{at.node.address};lr;tenant={HOME}.{'0' * 24}>"])


@way("BYE into an answered call that is led to the attacker", UNKNOWN, victim=Victim.TALKS)
def bye_to_himself(at: Scene) -> Answer:
    """Only the node hears it: the call would be over in its books."""
    phone, call = at.foreigner(), at.call
    named = [
        ("From", f"<sip:104@{HOME}>;tag={call.caller_tag}"),
        ("To", f"<sip:101@{HOME}>;tag={call.callee_tag}"),
        ("Route", f"<sip:{at.node.address};lr>"),
    ]
    return at.says(phone, phone.requests("BYE", phone.contact, call_id=call.call_id, cseq=900, headers=named))


@way("ACK with a description into an answered call", "silence", victim=Victim.TALKS)
def ack(at: Scene) -> Answer:
    phone, call = at.foreigner(), at.call
    named = [
        ("From", f"<sip:104@{HOME}>;tag={call.caller_tag}"),
        ("To", f"<sip:101@{HOME}>;tag={call.callee_tag}"),
        ("Route", f"<sip:{at.node.address};lr>"),
    ]
    text = phone.requests(
        "ACK", at.victims.callee.contact, call_id=call.call_id, cseq=900, headers=named, body=sdp("inactive")
    )
    return at.says(phone, text)


# CANCEL


def cancels(at: Scene, phone: Phone, *, via: str, call_id: str = "", tag: str = "") -> Answer:
    outgoing = at.call.outgoing
    named = [
        ("Via", via),
        ("From", f"<sip:104@{HOME}>;tag={tag or outgoing.tag}"),
        ("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),
    ]
    text = phone.requests(
        "CANCEL", outgoing.uri, call_id=call_id or outgoing.call_id, cseq=outgoing.cseq, headers=named
    )
    return at.says(phone, text)


@way("CANCEL with all names right but the branch", UNKNOWN)
def cancel_without_branch(at: Scene) -> Answer:
    phone = at.foreigner()
    return cancels(at, phone, via=phone.via())


@way("CANCEL with the branch of the caller's INVITE and another Call-ID", UNKNOWN, "silence")
def cancel_other_call(at: Scene) -> Answer:
    return cancels(at, at.foreigner(), via=at.call.outgoing.via, call_id="another")


@way("CANCEL with every name right, from another address", UNKNOWN, "silence")
def cancel_from_elsewhere(at: Scene) -> Answer:
    """rport answers to where it came from."""
    return cancels(at, at.foreigner(), via=at.call.outgoing.via)


@way("INVITE with the caller's branch", "407", "481", "482", "silence")
def same_branch(at: Scene) -> Answer:
    phone = at.colleague()
    via = at.call.outgoing.via
    text = phone.requests("INVITE", f"sip:*87101@{HOME}", headers=[("Via", via), *at.replaces()], body=sdp())
    return at.says(phone, text)


# Answers


def answers(at: Scene, phone: Phone, status: str, *, above: str) -> Answer:
    """An answer as if the callee had given it. above: the Via that is to be the node's own."""
    call: Outgoing = at.call.outgoing
    lines = [
        f"SIP/2.0 {status}",
        f"Via: {above}",
        f"Via: {call.via};received=127.0.0.1",
        f"From: <sip:104@{HOME}>;tag={call.tag}",
        f"To: <sip:101@{HOME}>;tag=eve",
        f"Call-ID: {call.call_id}",
        f"CSeq: {call.cseq} INVITE",
        f"Contact: <{phone.contact}>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(sdp())}",
        "",
        sdp(),
    ]
    return at.says(phone, "\r\n".join(lines))


def with_guessed_branch(status: str) -> None:
    @way(f"{status} to the caller's branch, by a guessed one of the node's", "silence")
    def _(at: Scene) -> Answer:
        phone = at.foreigner()
        return answers(at, phone, status, above=f"SIP/2.0/UDP {at.node.address};branch=z9hG4bK1234.5678.0")


for _status in ("200 OK", "183 Progress", "302 Moved", "486 Busy Here", "487 Request Terminated", "603 Decline"):
    with_guessed_branch(_status)
