"""`star87 reload-certificates`: a new certificate without a restart."""

from __future__ import annotations

from pathlib import Path

from kemi.cli import tls
from kemi.cli.control import ControlFailed, ask
from kemi.cli.node import find_node, run_dirs, settings_of
from kemi.cli.options import Node, RunDir
from kemi.cli.outcome import CommandFailed


def reload_certificates(node: Node = "", run_dir: RunDir = "") -> None:
    """Have the node of this host read its certificate and key anew, from the paths that it was started with.

    The pair is checked first; with any fault the old one stays. New connections see the new one, the others go on.
    """
    settings = settings_of("", node, run_dir)
    found = find_node(settings, (run_dir,) if run_dir else run_dirs())
    if not found.tls_certificate:
        raise CommandFailed(f"node {settings.node!r} has no tls: or wss: address, so no certificate")
    config = Path(tls.config_path(found.node_dir))
    before = config.read_bytes()
    tls.install(found.tls_certificate, found.tls_private_key, found.node_dir)
    try:
        ask(found.node_dir, "tls.reload")
    except ControlFailed:
        tls.write(config, before)
        raise
    finally:
        _remove_unnamed(found.node_dir, config.read_text())
    print(f"new connections see {found.tls_certificate}")


def _remove_unnamed(node_dir: str, config: str) -> None:
    for path in Path(node_dir).glob("tls-*.*"):
        if str(path) not in config:
            path.unlink()
