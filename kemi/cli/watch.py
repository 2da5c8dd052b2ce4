"""`star87 watch`: what rings and waits, live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from kemi.accounts.directory import Directory
from kemi.cli.calls import found_calls
from kemi.cli.options import Domain, Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.provisioned import chosen_domains, directory_in_force
from kemi.cli.reach import reach_store
from kemi.cli.supervisor import StopSignal
from kemi.cli.view import Picture, Shown
from kemi.errors import StoreUnavailable
from kemi.pickup.event import PickupEvent
from kemi.queueing.duty import EVENT_KIND
from kemi.store import Store

PICKUPS_MOST = 20
HEIGHT_OF_ONCE = 1000


def watch(
    domain: Domain = "",
    every: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How often to look.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print what there is now and end, for scripts.")] = False,
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
) -> None:
    """Show the calls that ring and wait, oldest first, who may pick each up, and the last pickups; until Ctrl-C.

    While the state store is away the last picture stays, and says so.
    """
    console = Console(highlight=False)
    if not once and not console.is_terminal:
        raise CommandFailed("stdout is no terminal: say --once", Exit.USAGE)
    with Watcher(reach_store(redis, node, run_dir), domain) as watcher:
        if once:
            console.print(watcher.look().drawn(datetime.now(), HEIGHT_OF_ONCE, with_domain=watcher.has_several))
            return
        with StopSignal() as stop, Live(console=console, screen=True, auto_refresh=False) as live:
            while not stop.asked:
                picture = watcher.look()
                height = console.size.height
                live.update(picture.drawn(datetime.now(), height, with_domain=watcher.has_several), refresh=True)
                stop.wait(every)


class Watcher:
    """Looks at the store again and again. A context, which holds the provisioning that is in force."""

    def __init__(self, store: Store, domain: str) -> None:
        self._store, self._domain = store, domain
        self._open = ExitStack()
        self._directory: Directory | None = None
        self._stamp = ""
        self._domains: tuple[str, ...] = ()
        self._last = Picture()
        self._seen_s = time.monotonic()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def has_several(self) -> bool:
        return len(self._domains) > 1

    def look(self) -> Picture:
        """What there is now, or the last that was seen. Raises CommandFailed when nothing is in force (3)."""
        try:
            directory = self._in_force()
            calls = sorted(self._calls(directory), key=lambda shown: -shown.age_ms)
            self._last = Picture(tuple(calls), self._pickups())
            self._seen_s = time.monotonic()
            return self._last
        except (StoreUnavailable, CommandFailed) as error:
            # A store that came up empty has no document for a moment; one that never had one is told so.
            if not self._stamp and isinstance(error, CommandFailed):
                raise
            away_s = time.monotonic() - self._seen_s
            return Picture(self._last.calls, self._last.pickups, str(error) or "it does not answer", away_s)

    def _in_force(self) -> Directory:
        stamp = self._store.provisioning.stamp()
        if self._directory is None or stamp != self._stamp:
            self._open.close()
            self._directory = None
            self._directory = self._open.enter_context(directory_in_force(self._store))
            self._stamp, self._domains = stamp, chosen_domains(self._directory, self._domain)
        return self._directory

    def _calls(self, directory: Directory) -> Iterator[Shown]:
        for call, age_ms, permission, position in found_calls(self._store, directory, self._domain):
            account = directory.account(call.domain, call.number)
            yield Shown(call, age_ms, permission, position, account.name if account else "")

    def _pickups(self) -> tuple[PickupEvent, ...]:
        """The newest at the end; what agents do is left out."""
        found = [
            event
            for domain in self._domains
            for event in self._store.events.latest(domain, count=PICKUPS_MOST)
            if event.kind != EVENT_KIND
        ]
        return tuple(sorted(found, key=lambda event: event.at_ms)[-PICKUPS_MOST:])
