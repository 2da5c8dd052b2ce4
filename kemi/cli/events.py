"""`star87 events`: the pickup record."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from kemi.cli.options import AsJson, Node, Redis, RunDir
from kemi.cli.output import moment, print_table, printable, seconds
from kemi.cli.provisioned import chosen_domains, directory_in_force
from kemi.cli.reach import reach_store
from kemi.pickup.event import PickupEvent
from kemi.queueing.duty import EVENT_KIND
from kemi.store import Store

COLUMNS = ("when", "picker", "dialled", "outcome", "status", "account", "caller", "waited", "took", "how")
FOLLOW_PAUSE_S = 0.25


def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    domain: Annotated[str, typer.Option(metavar="NAME", help="Only this domain.", show_default=False)] = "",
    count: Annotated[int, typer.Option(min=0, help="How many of the newest to begin with, for each domain.")] = 100,
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    as_json: AsJson = False,
) -> None:
    """Show the pickup record: who, which call, for which account, how, and what came of it; refusals too.

    Agents who were logged in or out are in it as well, each as an entry of kind "agent": the agent stands
    where the picker does, and the account is the group whose calls were missed.
    With --json it is one array; with --json --follow each entry is one line of JSON.
    """
    store = reach_store(redis, node, run_dir)
    with directory_in_force(store) as directory:
        domains = chosen_domains(directory, domain)
    newest = {name: store.events.latest(name, count=max(count, 1)) for name in domains}
    # A record that is empty now is followed from its first entry on.
    last = {name: entries[-1].id if entries else "-" for name, entries in newest.items()}
    if count:
        first = _by_time(entry for entries in newest.values() for entry in entries)
        if as_json and not follow:
            print(json.dumps([entry.as_json() for entry in first], indent=2))
        else:
            _print(first, as_json, heading=True)
    while follow:
        _print(_by_time(_after(store, last)), as_json, heading=False)
        time.sleep(FOLLOW_PAUSE_S)


def _after(store: Store, last: dict[str, str]) -> Iterator[PickupEvent]:
    """What was written since; moves `last` on to it."""
    for domain, after in list(last.items()):
        for entry in store.events.read(domain, after=after):
            last[domain] = entry.id
            yield entry


def _by_time(entries: Iterable[PickupEvent]) -> list[PickupEvent]:
    return sorted(entries, key=lambda entry: entry.at_ms)


def _print(entries: list[PickupEvent], as_json: bool, *, heading: bool) -> None:
    if as_json:
        for entry in entries:
            print(json.dumps(entry.as_json()))
    elif heading and entries:
        print_table(COLUMNS, [row_of(entry) for entry in entries])
    elif heading:
        print("no pickup was tried yet")
    else:
        for entry in entries:
            print(printable("  ".join(row_of(entry))))
    sys.stdout.flush()


def row_of(entry: PickupEvent) -> tuple[str, ...]:
    """An entry as a person reads it, in the order of COLUMNS."""
    if entry.kind == EVENT_KIND:
        # The picker is the agent; nothing was dialled, answered or waited for.
        group = f"{entry.account} (agent group)" if entry.account else "-"
        outcome = f"agent {entry.outcome.replace('_', ' ')}"
        return moment(entry.at_ms), f"{entry.picker}@{entry.domain}", "-", outcome, "-", group, "-", "-", "-", "-"
    return (
        moment(entry.at_ms),
        f"{entry.picker}@{entry.domain}",
        entry.dialled or "any",
        entry.outcome.replace("_", " "),
        str(entry.status),
        f"{entry.account} ({entry.kind.replace('_', ' ')})" if entry.account else "-",
        entry.caller or "-",
        seconds(entry.waited_ms) if entry.account else "-",
        seconds(entry.took_ms),
        entry.mode or "-",
    )
