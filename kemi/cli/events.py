"""`star87 events`: the pickup record."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
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
    number: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="NUMBER",
            help="Only what this extension did, and the calls that rang it and were answered by another.",
            show_default=False,
        ),
    ] = "",
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
    With --for, a call that rang the extension and that another one picked up is told as "answered by 103".
    With --json it is one array; with --json --follow each entry is one line of JSON.
    """
    store = reach_store(redis, node, run_dir)
    with directory_in_force(store) as directory:
        domains = chosen_domains(directory, domain)
    first, last = _newest(store, domains, number, count)
    if count:
        if as_json and not follow:
            print(json.dumps([entry.as_json() for entry in first], indent=2))
        else:
            _print(first, as_json, heading=True, number=number)
    while follow:
        later = _by_time(entry for entry in _after(store, last) if not number or entry.concerns(number))
        _print(later, as_json, heading=False, number=number)
        time.sleep(FOLLOW_PAUSE_S)


def _newest(store: Store, domains: Iterable[str], number: str, count: int) -> tuple[list[PickupEvent], dict[str, str]]:
    """The newest `count` entries of each domain (that concern the extension), and the last id of each.

    A record that is empty now is followed from its first entry on.
    """
    found: list[PickupEvent] = []
    last: dict[str, str] = {}
    for domain in domains:
        if number:
            newest, last[domain] = _newest_concerning(store, domain, number, count)
        else:
            newest = store.events.latest(domain, count=max(count, 1))
            last[domain] = newest[-1].id if newest else "-"
        found += newest
    return _by_time(found), last


def _newest_concerning(store: Store, domain: str, number: str, count: int) -> tuple[list[PickupEvent], str]:
    """Looks through the whole record, which is bounded: an extension's last entry may stand far back."""
    kept: deque[PickupEvent] = deque(maxlen=count)
    last = "-"
    while page := store.events.read(domain, after=last):
        last = page[-1].id
        kept.extend(entry for entry in page if entry.concerns(number))
    return list(kept), last


def _after(store: Store, last: dict[str, str]) -> Iterator[PickupEvent]:
    """What was written since; moves `last` on to it."""
    for domain, after in list(last.items()):
        for entry in store.events.read(domain, after=after):
            last[domain] = entry.id
            yield entry


def _by_time(entries: Iterable[PickupEvent]) -> list[PickupEvent]:
    return sorted(entries, key=lambda entry: entry.at_ms)


def _print(entries: list[PickupEvent], as_json: bool, *, heading: bool, number: str) -> None:
    if as_json:
        for entry in entries:
            print(json.dumps(entry.as_json()))
    elif heading and entries:
        print_table(COLUMNS, [row_of(entry, number) for entry in entries])
    elif heading:
        print(f"nothing is kept of {number}" if number else "no pickup was tried yet")
    else:
        for entry in entries:
            print(printable("  ".join(row_of(entry, number))))
    sys.stdout.flush()


def row_of(entry: PickupEvent, number: str = "") -> tuple[str, ...]:
    """An entry as a person reads it, in the order of COLUMNS. number: the extension in whose eyes it is told."""
    if entry.kind == EVENT_KIND:
        # The picker is the agent; nothing was dialled, answered or waited for.
        group = f"{entry.account} (agent group)" if entry.account else "-"
        outcome = f"agent {entry.outcome.replace('_', ' ')}"
        return moment(entry.at_ms), f"{entry.picker}@{entry.domain}", "-", outcome, "-", group, "-", "-", "-", "-"
    return (
        moment(entry.at_ms),
        f"{entry.picker}@{entry.domain}",
        entry.dialled or entry.by or "any",
        _outcome(entry, number),
        str(entry.status),
        _account(entry),
        entry.caller or "-",
        seconds(entry.waited_ms) if entry.account else "-",
        seconds(entry.took_ms),
        entry.mode or "-",
    )


def _outcome(entry: PickupEvent, number: str) -> str:
    if number and entry.picker != number and entry.answered_by:
        return f"answered by {entry.answered_by}"
    return entry.outcome.replace("_", " ")


def _account(entry: PickupEvent) -> str:
    kind = f" ({entry.kind.replace('_', ' ')})" if entry.kind else ""
    return entry.account + kind or "-"
