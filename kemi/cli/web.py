"""`star87 web`: the attendant's console and the HTTP API, in the foreground."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kemi.accounts.directory import Directory
from kemi.cli.explain import judge
from kemi.cli.listen import Listen, health_address
from kemi.cli.node import find_node, run_dirs, settings_of
from kemi.cli.options import Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.reach import open_named_store, reach_store
from kemi.dialogs.record import CallRecord
from kemi.settings import Settings
from kemi.sip.aor import Aor

if TYPE_CHECKING:
    from kemi.web.console import Console

ANSWER_WITHIN_MS = 500
"""Who looks at a page, or presses a button, is told by then that the store is away."""
BACKLOG = 128
PASSWORD_LEAST = 8


def web(
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where HTTP is served; port 0 is any that is free.")
    ] = "127.0.0.1:8088",
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
    certificate: Annotated[
        str, typer.Option(metavar="FILE", show_default=False, help="Certificate chain (PEM): HTTPS.")
    ] = "",
    private_key: Annotated[str, typer.Option(metavar="FILE", show_default=False, help="Its private key (PEM).")] = "",
    behind_proxy: Annotated[
        bool, typer.Option(help="Believe X-Forwarded-For and -Proto of a proxy on this host.")
    ] = False,
) -> None:
    """Serve the attendant's console, and an HTTP API for CTI clients, until Ctrl-C.

    An extension signs in as number@domain with its SIP password, sees the calls of the accounts that it may monitor,
    and picks up where it may: its own phones ring. The administrator (`admin`) sees who may pick up from whom and
    changes the document, if STAR87_WEB_ADMIN_PASSWORD_FILE names a file with a password. Once it serves it prints one
    line: `ready URL`.
    """
    try:
        import uvicorn

        from kemi.web.app import build
    except ImportError as missing:
        raise CommandFailed(f"{missing.name} is not installed: pip install 'star87[web]'", Exit.USAGE) from missing
    settings = settings_of(redis, node, run_dir)
    password = _admin_password(settings.web_admin_password_file)
    if bool(certificate) != bool(private_key):
        raise CommandFailed("--certificate and --private-key go together", Exit.USAGE)
    address = _address(listen)
    reach_store(redis, node, run_dir).close()
    if not settings.redis_url:
        found = find_node(settings, (run_dir,) if run_dir else run_dirs())
        settings = replace(settings, redis_url=found.redis_url)
    settings = replace(settings, redis_timeout_ms=max(settings.redis_timeout_ms, ANSWER_WITHIN_MS))
    with _bound(address, listen) as serving, TemporaryDirectory(prefix="star87-web-") as folder:
        place = "{}:{}".format(*serving.getsockname()[:2]) if serving.family == socket.AF_INET else listen
        url = f"{'https' if certificate else 'http'}://{place}"
        if not certificate and not behind_proxy and not address.host.startswith("127.") and address.host != "::1":
            print("star87: passwords pass in clear: say --certificate, or put a TLS proxy in front", file=sys.stderr)
        app = build(_console(settings, password, Path(folder)), lambda: print(f"ready {url}", flush=True))
        config = uvicorn.Config(
            app,
            ssl_certfile=certificate or None,
            ssl_keyfile=private_key or None,
            proxy_headers=behind_proxy,
            server_header=False,
            access_log=False,
            log_level="warning",
            # Who watches events would keep it for ever.
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        # uvicorn raises the signal that has ended it once more: it must not end this process in the middle.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        server.run([serving])


def _console(settings: Settings, password: str, folder: Path) -> Console:
    from kemi.web.access import Access
    from kemi.web.asking import Asking
    from kemi.web.console import Console
    from kemi.web.in_force import InForce
    from kemi.web.live import Live

    # Nobody who presses a button waits for who only looks.
    looking, asking = (Asking(open_named_store(settings)) for _ in range(2))
    in_force = InForce(looking, folder)

    def report(line: str) -> None:
        print(f"star87: {line}", file=sys.stderr, flush=True)

    access = Access(lambda: in_force.directory, password, settings, report)
    return Console(asking, in_force, Live(looking, in_force), access, _explained)


def _explained(
    directory: Directory, picker: Aor, number: str, calls: Iterable[CallRecord], now_us: int
) -> dict[str, Any]:
    return judge(directory, picker, number, calls, now_us).as_json()


def _admin_password(path: str) -> str:
    """Raises CommandFailed (2): it cannot be read, or is too short to be one."""
    if not path:
        return ""
    try:
        password = Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CommandFailed(f"STAR87_WEB_ADMIN_PASSWORD_FILE: {path} cannot be read: {why}", Exit.USAGE) from error
    if len(password) < PASSWORD_LEAST:
        raise CommandFailed(
            f"STAR87_WEB_ADMIN_PASSWORD_FILE: {path}: a password of {PASSWORD_LEAST} characters at least", Exit.USAGE
        )
    return password


def _address(text: str) -> Listen:
    try:
        return health_address(text.removesuffix(":0") + ":1" if text.endswith(":0") else text)
    except ValueError as error:
        raise CommandFailed(f"--listen {error}", Exit.USAGE) from error


def _bound(address: Listen, text: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    port = 0 if text.endswith(":0") else address.port
    serving = socket.socket(family, socket.SOCK_STREAM)
    try:
        serving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        serving.bind((address.host.strip("[]"), port))
        serving.listen(BACKLOG)
    except OSError as error:
        serving.close()
        raise CommandFailed(f"--listen {text}: {error.strerror}", Exit.NO) from error
    return serving
