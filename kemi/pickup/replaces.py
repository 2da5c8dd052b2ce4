"""Carrying a pickup out with Replaces (RFC 3891): the picker's INVITE goes to the caller, in place of what rings."""

from __future__ import annotations

from kemi.pickup.attempt import Attempt, Target
from kemi.sip.dialog import Replaces
from kemi.sip.flow import Flow
from kemi.sip.headers import asserted_identity
from kemi.sip.ports import Callback, Message, Transaction


def obstacle(target: Target) -> str:
    """Why a call cannot be picked up this way, '' when it can."""
    if not target.says_replaces:
        return "the caller's device does not support Replaces"
    if not target.callee_tags:
        return "no phone of the called side has begun to ring yet"
    if not target.caller_tag:
        return "the caller gave no From tag (RFC 2543), by which its device could know the call"
    if not target.contact:
        return "the caller gave no Contact"
    return ""


def send(transaction: Transaction, target: Target, *, silence_ms: int, answer_ms: int) -> bool:
    """Send the picker's INVITE to the caller, over the flow by which the caller's INVITE came."""
    transaction.aim(target.contact, Flow.parse(target.flow))
    transaction.call_back(reply=Callback.PICKUP_REPLY, failure=Callback.PICKUP_FAILURE, branch=Callback.PICKUP_BRANCH)
    transaction.set_timers(answer_ms=answer_ms, silence_ms=silence_ms)
    return transaction.relay()


def dress(message: Message, attempt: Attempt, target: Target) -> None:
    """Write into this branch what makes it a pickup. The next branch is for another dialog, with headers of its own."""
    if not attempt.rings_back:
        replaces = Replaces(target.call_id, target.caller_tag, target.callee_tags[0])
        message.append_header(f"Replaces: {replaces}")
        # Without it a device that knows no Replaces would take this for a new call (RFC 3891 §4).
        message.append_header("Require: replaces")
    message.append_header(asserted_identity(attempt.picker_name, f"sip:{attempt.picker}@{attempt.domain}"))
    for route in target.routes:
        message.append_header(f"Route: {route}")
