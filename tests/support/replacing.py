"""Replaces headers (RFC 3891) as phones write them of their own accord, and transfers."""

from __future__ import annotations

from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Incoming, Outgoing
from tests.support.talks import Ringing


def header(call_id: str, to_tag: str, from_tag: str, more: str = "") -> tuple[str, str]:
    return "Replaces", f"{call_id};to-tag={to_tag};from-tag={from_tag}{more}"


def of_ringing(call: Ringing, more: str = "") -> tuple[str, str]:
    """Names a ringing call as it is seen by whoever has the caller's phone before him."""
    return header(call.outgoing.call_id, call.outgoing.tag, call.inbound.tag, more)


def as_the_lamp_sees(call: Ringing, more: str = "") -> tuple[str, str]:
    """The same, as a phone reads it from the dialog-info of the monitored phone (RFC 4235): the other way round."""
    return header(call.outgoing.call_id, call.inbound.tag, call.outgoing.tag, more)


def of_talk(talk: Dialog, more: str = "") -> tuple[str, str]:
    """Names an answered call to the phone at its other end; `talk` is the end that is to be replaced."""
    return header(talk.call_id, talk.peer_tag, talk.own_tag, more)


def refers(talk: Dialog, peer: Phone, uri: str, replaced: Dialog) -> str:
    """Who is at `talk` sends its peer to a URI, in the place of his own end of another call. Returns the Refer-To."""
    _, value = of_talk(replaced)
    escaped = value.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
    refer_to = f"<{uri}?Replaces={escaped}>"
    via = talk.sends("REFER", headers=[("Refer-To", refer_to)])
    refer = peer.gets("REFER", talk.call_id)
    peer.replies(refer, 202)
    assert talk.phone.answer_to(via).status == 202
    return refer["Refer-To"]


def takes_over(call: Outgoing, phone: Phone, replaced: Dialog, leaver: Phone) -> tuple[Dialog, Dialog]:
    """A phone gets the INVITE that replaces a call of its own, answers it and ends the old one (RFC 3891 §3)."""
    inbound: Incoming = phone.rung(replaces=True)
    inbound.answers(200)
    ends = call.dialog(call.expects(200)), inbound.dialog()
    replaced.ends(leaver)
    return ends
