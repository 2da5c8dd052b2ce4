"""`star87 doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from kemi.cli.doctor.accounts import look_at_accounts
from kemi.cli.doctor.finding import Finding, State, note, wrong
from kemi.cli.doctor.host import look_at_addresses, look_at_certificate, look_at_gateways, look_at_programs
from kemi.cli.doctor.store import look_at_store
from kemi.cli.listen import Listen
from kemi.cli.node import NodeFile, find_node, run_dirs, settings_of
from kemi.cli.options import AsJson, Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.output import printable
from kemi.cli.provisioned import directory_in_force
from kemi.cli.reach import PATIENCE_MS, open_named_store
from kemi.cli.run import DEFAULT_LISTEN
from kemi.errors import StoreUnavailable
from kemi.settings import Settings

MARKS = {State.OK: ("✓", "green"), State.NOTE: ("!", "yellow"), State.WRONG: ("✗", "bold red")}


def doctor(
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROTO:ADDRESS:PORT",
            help="Where a node is to listen, when none runs here yet. Default: as for star87 run.",
            show_default=False,
        ),
    ] = None,
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    as_json: AsJson = False,
) -> None:
    """Check a deployment, and say for each finding how to mend it; changes nothing.

    Programs, Kamailio's modules, addresses, the state store (version, memory, persistence, rights, functions,
    keyspace, clock), certificates, permissions, agents and trunks; of the node that runs here, or of one that is to be
    started. Ends with 1 when something is wrong; what is only worth a look (!) is not.
    """
    settings = settings_of(redis, node, run_dir)
    try:
        running: NodeFile | None = find_node(settings, (run_dir,) if run_dir else run_dirs())
    except CommandFailed:
        running = None
    try:
        listens = [Listen.parse(text) for text in listen or DEFAULT_LISTEN]
    except ValueError as error:
        raise CommandFailed(f"--listen {error}", Exit.USAGE) from error
    findings = []
    for finding in _findings(settings, running, listens):
        findings.append(finding)
        if not as_json:
            _print(finding)
    bad = sum(finding.state is State.WRONG for finding in findings)
    if as_json:
        print(json.dumps([finding.as_json() for finding in findings], indent=2))
    else:
        notes = sum(finding.state is State.NOTE for finding in findings)
        print(f"{bad} wrong, {notes} worth a look, {len(findings) - bad - notes} well")
    if bad:
        raise typer.Exit(Exit.NO)


def _findings(settings: Settings, running: NodeFile | None, listens: Sequence[Listen]) -> Iterator[Finding]:
    url = settings.redis_url or (running.redis_url if running else "")
    yield from look_at_programs(private_redis=not settings.redis_url)
    yield from look_at_addresses(running, listens)
    yield from look_at_certificate(settings, running, datetime.now(UTC))
    yield from look_at_gateways(running)
    if not url:
        yield note("store", "none is named: a node would start one of its own", "--redis, where nodes are to share one")
        return
    # Nothing is to be left out because the operation before it was refused.
    store = open_named_store(replace(settings, redis_url=url, redis_retry_ms=0, redis_timeout_ms=PATIENCE_MS))
    for finding in look_at_store(store, url):
        yield finding
        if finding.check == "store" and finding.state is State.WRONG:
            return
    try:
        with directory_in_force(store) as directory:
            yield from look_at_accounts(store, directory)
    except (CommandFailed, StoreUnavailable) as failure:
        yield wrong("provisioning", str(failure), "star87 apply FILE")


def _print(finding: Finding) -> None:
    mark, style = MARKS[finding.state]
    line = Text()
    line.append(f"{mark} ", style=style)
    line.append(f"{finding.check}: {printable(finding.said)}")
    if finding.remedy:
        line.append(f"\n    → {printable(finding.remedy)}", style="dim")
    Console(highlight=False, soft_wrap=True).print(line)
