"""What a pickup would come to, in sentences for whoever dials it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kemi.accounts.directory import Directory
from kemi.accounts.model import Kind
from kemi.cli.output import seconds
from kemi.dialogs.record import CallRecord
from kemi.pickup.policy import Candidate
from kemi.pickup.way import Way

if TYPE_CHECKING:
    from kemi.cli.explain import Verdict

Named = Callable[[str], str]
"""A number with the name of its account."""
HOW = {
    Way.REPLACES: "{caller}'s phone hands the call over to {picker}'s by itself.",
    Way.REROUTE: "{picker}'s phone shows `Call Is Being Sent To You` and rings once more: with {caller}'s call.",
}
ORDER_OF_KINDS = {
    Kind.HUNT_GROUP: "calls to a hunt group go first",
    Kind.EXTENSION: "calls to an extension go before those to an agent group",
    Kind.AGENT_GROUP: "the agent group was dialled",
}


def told(verdict: Verdict, directory: Directory) -> Iterator[str]:
    """What happens, how, and then a line for each other call: why not that one."""
    domain = verdict.picker.domain

    def named(number: str) -> str:
        account = directory.account(domain, number)
        return f"{account.name} ({number})" if account is not None and account.name else number

    settings = directory.settings(domain)
    code = settings.pickup_code if settings else "*87"
    picker, chosen = named(verdict.picker.number), verdict.chosen
    begin = f"If {picker} dials {code}{verdict.number} now, "
    if chosen is None:
        yield f"{begin}no call is picked up. The phone shows `{verdict.reason}`: {verdict.warning}."
        yield from _remedy(verdict, named(verdict.number) if verdict.number else "")
    else:
        caller = _caller(chosen, named)
        yield f"{begin}{picker} is connected with {caller}, {_whose(chosen, verdict.now_us, named)}."
        way = verdict.ways.get(chosen.key)
        if way is not None:
            yield HOW[way].format(caller=caller, picker=picker)
        if settings is not None and settings.require_hold:
            yield f"If {picker} is in another call at that moment, it must be put on hold first."
    others = [candidate for candidate in verdict.candidates if candidate.call is not chosen]
    if others:
        yield ""
        yield "Another call is there:" if len(others) == 1 else f"{len(others)} other calls are there:"
    for candidate in others:
        call = candidate.call
        yield f"- {_caller(call, named)}, {_whose(call, verdict.now_us, named)}: {_why(candidate, verdict)}."


def _caller(call: CallRecord, named: Named) -> str:
    if call.caller.number:
        return named(call.caller.number)
    return call.caller.shown


def _whose(call: CallRecord, now_us: int, named: Named) -> str:
    """`whose call for Sales (700) has rung for 3.2 s`"""
    age = seconds(call.waited_ms(now_us))
    if call.waiting:
        return f"who has waited for {named(call.number)} for {age}"
    if not call.early_tags:
        return f"whose call for {named(call.number)} began {age} ago, and no phone rings yet"
    at = [named(number) for number in call.ringing if number != call.number]
    where = f" at {', '.join(at)}" if at else ""
    return f"whose call for {named(call.number)} has rung{where} for {age}"


def _why(candidate: Candidate, verdict: Verdict) -> str:
    if candidate.obstacle:
        return f"not this one, because {candidate.obstacle}"
    chosen, call = verdict.chosen, candidate.call
    if chosen is None:
        return "this one could be had"
    if chosen.kind is not call.kind:
        return f"it comes later, because {ORDER_OF_KINDS[chosen.kind]}"
    if call.waiting and not chosen.waiting:
        return "it comes later, because a call that rings an agent goes before one that waits"
    return "it comes later, because it came in later"


def _remedy(verdict: Verdict, account: str) -> Iterator[str]:
    """What whoever looks after the telephones can do about it."""
    if verdict.status == 403:
        whose = f"of {account}" if account else "of each account that is meant"
        yield f"Who looks after the telephones can allow it: `monitored_by` {whose} must name {verdict.picker.number}."
    elif verdict.status == 404:
        yield "Is the number right?"
