"""A call as the state store knows it, told as a ladder: the call that rings now, and each attempt to pick it up.

The record has no messages, but moments, parties and outcomes. What is drawn is what follows from these; a capture shows
every message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kemi.accounts.model import Kind
from kemi.cli.ladder import Message
from kemi.dialogs.record import CallRecord
from kemi.pickup.event import BY_REPLACES, PICKED_UP, PickupEvent
from kemi.pickup.way import Way
from kemi.sip.uri import user_and_host

NODE = "star87"
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
REASONS = {
    403: "Pickup Not Permitted",
    404: "No Such Account",
    410: "Already Answered",
    480: "No Call To Pick Up",
    486: "Hold Your Current Call First",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
}


def messages_of_record(
    events: Iterable[PickupEvent], now: CallRecord | None = None, code: str = "*87"
) -> list[Message]:
    """The messages that the entries about one call tell of, or, of one that was not tried yet, those so far.

    code: of the tenant.
    """
    found: list[Message] = []
    ordered = sorted(events, key=lambda event: event.at_ms)
    # Not every entry knows whom the call rang.
    told = next((event for event in ordered if event.rang), next((event for event in ordered if event.caller), None))
    if told is not None:
        began_s = _claimed_s(told) - told.waited_ms / 1000
        found += _call(told.call_id, told.caller, told.account, told.rang, began_s, waits=_waited(told))
    for event in ordered:
        found += _attempt(event, code)
    if now is not None and told is None:
        call_id, rung = now.caller.dialog.call_id, now.ringing
        found += _call(call_id, now.caller.uri, now.number, rung, now.routed_at_us / 1_000_000, waits=now.waiting)
    return found


def _call(
    call_id: str, caller: str, account: str, rang: Iterable[str], at_s: float, *, waits: bool
) -> Iterator[Message]:
    phone = _shown(caller)
    yield _message(at_s, phone, NODE, f"INVITE sip:{account} SIP/2.0", call_id)
    if waits:
        yield _message(at_s, NODE, phone, "SIP/2.0 182 Queued", call_id)
    for number in rang:
        yield _message(at_s, NODE, number, f"INVITE sip:{number} SIP/2.0", call_id)
        yield _message(at_s, NODE, phone, "SIP/2.0 180 Ringing", call_id)


def _attempt(event: PickupEvent, code: str) -> Iterator[Message]:
    dialled_s, end_s = _claimed_s(event), event.at_ms / 1000
    own = f"of {event.picker}'s pickup"
    target = f"sip:{event.account}" if event.by == BY_REPLACES else f"sip:{code}{event.dialled}"
    headers = (("Replaces", f"{event.call_id};…"),) if event.by == BY_REPLACES else ()
    yield _message(dialled_s, event.picker, NODE, f"INVITE {target} SIP/2.0", own, *headers)
    caller = _shown(event.caller)
    if event.mode == Way.REPLACES and event.tried:
        replaces = ("Replaces", f"{event.call_id};…;early-only")
        yield _message(dialled_s, NODE, caller, f"INVITE sip:{caller} SIP/2.0", own, replaces)
    if event.mode == Way.REROUTE:
        yield _message(dialled_s, NODE, event.picker, "SIP/2.0 480 Call Is Being Sent To You", own)
        yield _message(dialled_s, NODE, event.picker, f"INVITE sip:{event.picker} SIP/2.0", event.call_id)
    if event.outcome == PICKED_UP:
        yield from _picked_up(event, caller, end_s, own)
    elif event.mode != Way.REROUTE:
        words = event.outcome.replace("_", " ")
        reason = REASONS.get(event.status, words)
        yield _message(
            end_s, NODE, event.picker, f"SIP/2.0 {event.status} {reason}", own, ("Warning", f"outcome: {words}")
        )
    else:
        yield _message(end_s, NODE, event.picker, f"CANCEL sip:{event.picker} SIP/2.0", event.call_id)


def _picked_up(event: PickupEvent, caller: str, at_s: float, own: str) -> Iterator[Message]:
    if event.mode == Way.REROUTE:
        yield _message(at_s, event.picker, NODE, "SIP/2.0 200 OK", event.call_id)
        yield _message(at_s, NODE, caller, "SIP/2.0 200 OK", event.call_id)
    else:
        yield _message(at_s, caller, NODE, "SIP/2.0 200 OK", own)
        yield _message(at_s, NODE, event.picker, "SIP/2.0 200 OK", own)
        yield _message(at_s, caller, NODE, f"CANCEL sip:{event.account} SIP/2.0", event.call_id)
    for number in event.rang:
        reason = ("Reason", ELSEWHERE)
        yield _message(at_s, NODE, number, f"CANCEL sip:{number} SIP/2.0", event.call_id, reason)


def _waited(event: PickupEvent) -> bool:
    return event.kind == Kind.AGENT_GROUP and not event.rang


def _claimed_s(event: PickupEvent) -> float:
    return (event.at_ms - event.took_ms) / 1000


def _shown(caller: str) -> str:
    return user_and_host(caller)[0] or caller or "caller"


def _message(at_s: float, source: str, target: str, start_line: str, call_id: str, *more: tuple[str, str]) -> Message:
    # The same twice is no retransmission here, so the transport is one that has none.
    return Message(at_s, source, target, start_line, (("Call-ID", call_id), *more), transport="tcp")
