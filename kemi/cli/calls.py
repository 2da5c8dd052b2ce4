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
    """Show the calls that ring and wait, oldest first, and who may pick each up."""
    store = reach_store(redis, node, run_dir)
    with directory_in_force(store) as directory:
        found = sorted(_found(store, directory, domain), key=lambda entry: -entry[1])
    if as_json:
        print(json.dumps([json_of(*entry) for entry in found], indent=2))
    elif found:
        print_table(COLUMNS, [row_of(*entry) for entry in found])
    else:
        print("no call rings")


def _found(store: Store, directory: Directory, domain: str) -> Iterator[tuple[CallRecord, int, Permission]]:
    """Each call with the moment of the survey (µs since 1970) and the permission that a pickup is judged by."""
    for name in chosen_domains(directory, domain):
        survey = store.calls.survey(name, directory.permission_ids(name))
        for call in survey.calls:
            account = directory.account(name, call.number)
            yield call, call.waited_ms(survey.now_us), account.permission if account else Permission()


def json_of(call: CallRecord, waited_ms: int, permission: Permission) -> dict[str, Any]:
    """A call as a program reads it; the lists are those of the account that it was routed to."""
    return {
        **call.as_json(call.routed_at_us + waited_ms * 1000),
        "monitored_by": sorted(permission.monitored_by),
        "monitored_without_pickup": sorted(permission.monitored_without_pickup),
    }


def row_of(call: CallRecord, waited_ms: int, permission: Permission) -> tuple[str, ...]:
    """A call as a person reads it, in the order of COLUMNS."""
    state = f"claimed by {call.claimed_by}" if call.claimed_by else "rings" if call.early_tags else "is routed"
    account = f"{call.number}@{call.domain} ({call.kind.value.replace('_', ' ')})"
    return seconds(waited_ms), account, caller_of(call), ", ".join(call.ringing), may_pick_up(permission), state


def caller_of(call: CallRecord) -> str:
    """The caller as a person reads it: `Alice <sip:101@pbx.example.com>`, or the URI alone."""
    return f"{call.caller.display} <{call.caller.uri}>" if call.caller.display else call.caller.uri


def may_pick_up(permission: Permission) -> str:
    """The two lists in one line: `10*, 102, not 105`; `nobody` when they admit nobody."""
    if not permission.monitored_by or "*" in permission.monitored_without_pickup:
        return "nobody"
    refused = [f"not {entry}" for entry in sorted(permission.monitored_without_pickup)]
    return ", ".join([*sorted(permission.monitored_by), *refused])
