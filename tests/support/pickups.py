"""Pickups as phones see them, in one word each, and a node on which they do not wait long."""

from __future__ import annotations

from typing import Any

from tests.support.phone import Phone
from tests.support.phone_calls import Dialog, Incoming, Outgoing
from tests.support.sip_text import SipMessage
from tests.support.talks import Ringing
from tests.support.tenants import Tenant
from tests.support.until import until

IMPATIENT = {
    "STAR87_REROUTE_ANSWER_S": "1",
    "STAR87_REPLACES_ANSWER_MS": "500",
    "STAR87_REPLACES_SILENCE_MS": "300",
    "STAR87_ALREADY_ANSWERED_MS": "1000",
}
COMPLETED_ELSEWHERE = "SIP;cause=200"


def with_queue(document: dict[str, Any]) -> None:
    """102 serves agent group 800 "Support", and 103 may pick up from it."""
    document["agent_groups"] = [
        {"number": "800", "name": "Support", "agents": ["102"], "wrap_up_s": 0, "monitored_by": ["103"]}
    ]


def is_sent(pickup: Outgoing) -> None:
    """The picker is told that the call comes to his device."""
    answer = pickup.ends_with()
    assert (answer.status, answer.reason) == (480, "Call Is Being Sent To You")


def send_for(picker: Phone, dialled: str, *, supported: str = "replaces") -> Incoming:
    """The picker dials, and the call is sent to his device; the offer that reaches it."""
    is_sent(picker.dials(dialled, supported=supported))
    return picker.rung(replaces=False)


def connect(call: Outgoing, offer: Incoming) -> tuple[Dialog, Dialog, SipMessage]:
    """The picker's device answers the caller's INVITE: the caller's end, the picker's, and the 200 that he got."""
    offer.answers(200)
    accepted = call.expects(200)
    assert accepted.tag("To") == offer.tag
    return call.dialog(accepted), offer.dialog(), accepted


def ends_elsewhere(inbound: Incoming) -> None:
    """A phone that rang is told that the call was answered elsewhere."""
    assert inbound.is_cancelled()["Reason"].startswith(COMPLETED_ELSEWHERE)


def is_ended_by_the_node(inbound: Incoming) -> SipMessage:
    """An answer that came too late is acknowledged and ended; the BYE, which the phone answers."""
    inbound.phone.gets("ACK", inbound.call_id)
    bye = inbound.phone.gets("BYE", inbound.call_id)
    assert (bye.tag("To"), bye.tag("From")) == (inbound.tag, inbound.invite.tag("From"))
    inbound.phone.replies(bye, 200)
    return bye


def talk_both_ways(caller: Dialog, picker: Dialog) -> None:
    """Either end puts the other on hold and takes it back; both are reached."""
    caller.reinvites(picker.phone, "sendonly", "recvonly")
    picker.reinvites(caller.phone, "sendrecv", "sendrecv")


def nothing_came(phone: Phone, *statuses: int) -> None:
    """None of these answers to an INVITE, and no new call, is in a phone's inbox by now."""
    phone.hears()
    found = [m.start for m in phone.inbox if m.method == "INVITE" and (m.status in statuses or not m.status)]
    assert found == [], f"{phone.number} got {found}"


def ends_empty(tenant: Tenant, *outcomes: str) -> None:
    """What the pickup record holds, and that no key of a call is left."""
    until(
        lambda: [event.outcome for event in tenant.node.events(tenant.domain)] == list(outcomes),
        what=lambda: f"{outcomes} in the record, not {tenant.outcomes()}",
    )
    until(
        lambda: not tenant.node.left_keys(tenant.domain),
        what=lambda: f"no key left; there are {tenant.node.left_keys(tenant.domain)}",
    )


def ring_two(
    caller: Phone, first: Phone, second: Phone, dialled: str, *, supported: str = ""
) -> tuple[Ringing, Incoming]:
    """A group's call rings two phones, and the caller hears both."""
    outgoing = caller.dials(dialled, supported=supported)
    inbound = [phone.rung() for phone in (first, second)]
    for ringing in inbound:
        ringing.answers(180)
        outgoing.expects(180)
    return Ringing(caller, first, outgoing, inbound[0]), inbound[1]
