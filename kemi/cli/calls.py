"""`star87 calls`: what rings now, and who may pick it up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from kemi.accounts.directory import Directory
from kemi.accounts.permission import Permission
from kemi.cli.options import AsJson, Node, Redis, RunDir
from kemi.cli.output import print_table, seconds
from kemi.cli.provisioned import chosen_domains, directory_in_force
from kemi.cli.reach import reach_store
from kemi.dialogs.line import positions
from kemi.dialogs.record import CallRecord
from kemi.store import Store

COLUMNS = ("waits", "account", "caller", "rings", "may be picked up by", "state")


def calls(
    domain: Annotated[str, typer.Option(metavar="NAME", help="Only this domain.", show_default=False)] = "",
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    as_json: AsJson = False,
) -> None:
    """Show the calls that ring and wait, oldest first, and who may pick each up.

    A call that waits in an agent group's queue has a position in it: 1 is offered to an agent next.
    """
    store = reach_store(redis, node, run_dir)
    with directory_in_force(store) as directory:
        found = sorted(found_calls(store, directory, domain), key=lambda entry: -entry[1])
    if as_json:
        print(json.dumps([json_of(*entry) for entry in found], indent=2))
    elif found:
        print_table(COLUMNS, [row_of(*entry) for entry in found])
    else:
        print("no call rings")


def found_calls(
    store: Store, directory: Directory, domain: str
) -> Iterator[tuple[CallRecord, int, Permission, int | None]]:
    """Each call with its wait in ms, the permission that a pickup is judged by, and its position in a queue."""
    for name in chosen_domains(directory, domain):
        survey = store.calls.survey(name, directory.permission_ids(name))
        position = positions(survey.calls)
        for call in survey.calls:
            account = directory.account(name, call.number)
            permission = account.permission if account else Permission()
            yield call, call.waited_ms(survey.now_us), permission, position.get(call.key)


def json_of(call: CallRecord, waited_ms: int, permission: Permission, position: int | None) -> dict[str, Any]:
    """A call as a program reads it; the lists are those of the account that it was routed to.

    position: in the queue, 1 is next; null when it rings, or is claimed.
    """
    return {
        **call.as_json(call.routed_at_us + waited_ms * 1000),
        "position": position,
        "monitored_by": sorted(permission.monitored_by),
        "monitored_without_pickup": sorted(permission.monitored_without_pickup),
    }


def row_of(call: CallRecord, waited_ms: int, permission: Permission, position: int | None) -> tuple[str, ...]:
    """A call as a person reads it, in the order of COLUMNS."""
    return (
        seconds(waited_ms),
        f"{call.number}@{call.domain} ({call.kind.value.replace('_', ' ')})",
        caller_of(call),
        ", ".join(call.ringing),
        may_pick_up(permission),
        state_of(call, position),
    )


def state_of(call: CallRecord, position: int | None) -> str:
    """`rings`, `waiting, position 2`, `claimed by 103`, or `is routed` when no phone has begun to ring."""
    if call.claimed_by:
        return f"claimed by {call.claimed_by}"
    if call.waiting:
        return f"waiting, position {position}"
    return "rings" if call.early_tags else "is routed"


def caller_of(call: CallRecord) -> str:
    """The caller as a person reads it: `Alice <sip:101@pbx.example.com>`, or the URI alone."""
    return f"{call.caller.display} <{call.caller.uri}>" if call.caller.display else call.caller.uri


def may_pick_up(permission: Permission) -> str:
    """The two lists in one line: `10*, 102, not 105`; `nobody` when they admit nobody."""
    if not permission.monitored_by or "*" in permission.monitored_without_pickup:
        return "nobody"
    refused = [f"not {entry}" for entry in sorted(permission.monitored_without_pickup)]
    return ", ".join([*sorted(permission.monitored_by), *refused])
