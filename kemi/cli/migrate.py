"""`star87 migrate`: on to this release's keyspace, once every node runs this release."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kemi.cli.options import Node, Redis, RunDir
from kemi.cli.reach import reach_store
from kemi.errors import StoreUnavailable


def migrate(
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Bring the state store to this release's keyspace, step by step; calls go on.

    Nodes of the release before are refused from then on: upgrade them all first. What was broken off goes on where it
    was, and a second time does nothing.
    """
    store = reach_store(redis, node, run_dir, any_keyspace=True)
    steps = store.keyspace.pending()
    if not steps:
        print(f"keyspace {store.keyspace.check()}: nothing to migrate")
    for step in steps:
        print(f"keyspace {step.to}: {step.what}", flush=True)
        if not dry_run:
            store.keyspace.migrate(step)
    if dry_run:
        return
    try:
        for name in store.keyspace.drop_other_functions():
            print(f"removed the functions of another release: {name}")
    except StoreUnavailable as refusal:
        print(f"functions of other releases were not looked for: {refusal}", file=sys.stderr)
