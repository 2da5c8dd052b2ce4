"""`star87 run`: a node in the foreground, from its state store to its last signal."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Annotated

import typer

from kemi.cli.documents import read_encoded
from kemi.cli.listen import Listen, health_address
from kemi.cli.node import choose_run_dir, lock_node_dir, prepare_node_dir, settings_of
from kemi.cli.options import Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.relays import relay_sockets
from kemi.cli.running_node import RunningNode, StopAsked
from kemi.cli.secrets import has_password
from kemi.cli.supervisor import StopSignal
from kemi.cli.tls import check_certificate
from kemi.settings import Settings

DEFAULT_LISTEN = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]


def run(
    provision: Annotated[
        str, typer.Option(metavar="FILE", help="The provisioning document to put in force first; - is stdin.")
    ] = "",
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROTO:ADDRESS:PORT",
            help="An address to listen on, udp:, tcp:, tls:, ws: or wss:; may be given several times. "
            "Default: udp and tcp 127.0.0.1:5060.",
            show_default=False,
        ),
    ] = None,
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    rtpengine: Annotated[
        str,
        typer.Option(
            envvar="STAR87_RTPENGINE",
            metavar="udp:ADDRESS:PORT",
            show_default=False,
            help="Relay media by this rtpengine; several are separated by commas. Default: media goes past the node.",
        ),
    ] = "",
    health: Annotated[
        str,
        typer.Option(
            envvar="STAR87_HEALTH",
            metavar="ADDRESS:PORT",
            show_default=False,
            help="Answer /healthz and /readyz over HTTP there. Default: nowhere.",
        ),
    ] = "",
    capture: Annotated[
        str, typer.Option(metavar="FILE.pcap", help="Capture what passes through the listen addresses.")
    ] = "",
) -> None:
    """Run a node in the foreground.

    Without --redis it starts a private Redis that lives as long as the node. With --redis it waits for that
    store, and without --provision it keeps the document that is in force there.
    Once the node answers SIP it prints one line: `ready ADDRESS… redis=URL`. Ctrl-C or SIGTERM stops all of it: new
    calls are refused, what rings may be answered for STAR87_DRAIN_S seconds; a second one stops at once.
    """
    settings = settings_of(redis, node, run_dir)
    settings = replace(settings, rtpengine=" ".join(rtpengine.replace(",", " ").split()), health=health)
    if not run_dir:
        settings = replace(settings, run_dir=choose_run_dir())
    try:
        listens = [Listen.parse(text) for text in listen or DEFAULT_LISTEN]
    except ValueError as error:
        raise CommandFailed(f"--listen {error}", Exit.USAGE) from error
    try:
        relay_sockets(settings.rtpengine)
    except ValueError as error:
        raise CommandFailed(f"--rtpengine {error}", Exit.USAGE) from error
    try:
        if health:
            health_address(health)
    except ValueError as error:
        raise CommandFailed(f"--health {error}", Exit.USAGE) from error
    if settings.log_format not in ("text", "json"):
        raise CommandFailed(f"STAR87_LOG_FORMAT: text or json, not {settings.log_format!r}", Exit.USAGE)
    check_certificate(settings, listens)
    if has_password(redis) and redis != Settings.from_environment().redis_url:
        print(
            "everyone on this host sees the password in --redis (ps): "
            "say STAR87_REDIS_URL or STAR87_REDIS_PASSWORD_FILE",
            file=sys.stderr,
        )
    if not provision and not settings.redis_url:
        raise CommandFailed("a node with a private Redis needs a document: --provision FILE", Exit.USAGE)
    document = read_encoded(provision) if provision else None

    prepare_node_dir(settings.node_dir)
    lock = lock_node_dir(settings.node_dir)
    try:
        with StopSignal() as stop:
            RunningNode(settings, listens, document, capture, stop).run()
    except StopAsked:
        pass
    finally:
        os.close(lock)
