"""Draining: new calls are refused, those that are here end in peace. `star87 drain`, and the end of `star87 run`."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from kemi.cli.control import ControlFailed, ask
from kemi.cli.node import find_node, run_dirs, settings_of
from kemi.cli.options import Node, RunDir
from kemi.routing.draining import Drain

LIST_WITHIN_S = 10.0


def drain(
    node: Node = "",
    run_dir: RunDir = "",
    off: Annotated[bool, typer.Option("--off", help="Take new calls again.")] = False,
) -> None:
    """Have the node of this host take no new calls, or take them again; it runs on.

    INVITE and OPTIONS get 503 with Retry-After, /readyz says 503; callers who wait in a queue get 503. What rings rings
    on, answered calls and pickups go on.
    """
    settings = settings_of("", node, run_dir)
    found = find_node(settings, (run_dir,) if run_dir else run_dirs())
    set_drain(found.node_dir, Drain.NO if off else Drain.YES)
    open_calls = unfinished(found.node_dir)
    print("new calls are taken" if off else f"new calls are refused; requests under way: {open_calls}")


def set_drain(node_dir: str, drain: Drain) -> None:
    """Tell every worker of a node; raises ControlFailed."""
    ask(node_dir, "pv.shvSet", "draining", "int", int(drain))
    # A destination that is silent would else be asked, and waited for, on and on.
    ask(node_dir, "dispatcher.ping_active", 1 if drain is Drain.NO else 0)


def unfinished(node_dir: str) -> int:
    """How many transactions have no final answer yet: calls that ring and wait. Raises ControlFailed."""
    (figures,) = ask(node_dir, "tm.stats")
    assert isinstance(figures, dict)
    return int(str(figures["current"])) - int(str(figures["waiting"]))


def end_what_rings(node_dir: str) -> None:
    """Cancel every branch of every call without an answer; its caller then gets 503 (Calls.failed).

    tm.list (5.6.3) shows one transaction of each of its table's 65,536 slots: of 500 calls some two are left out, and
    end with the node. Raises ControlFailed.
    """
    for transaction in ask(node_dir, "tm.list", within_s=LIST_WITHIN_S):
        if isinstance(transaction, dict) and transaction.get("method") == "INVITE":
            call_id, cseq = (str(transaction[name]).partition(":")[2].strip() for name in ("callid", "cseq"))
            # It may have ended just now.
            with contextlib.suppress(ControlFailed):
                ask(node_dir, "tm.cancel", call_id, cseq)
