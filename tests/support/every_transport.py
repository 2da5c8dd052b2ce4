"""A node that listens on every transport, with a certificate of its own."""

from __future__ import annotations

from pathlib import Path

from tests.support.certificate import make_certificate
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port
from tests.support.tenants import Tenants


def every_transport(folder: Path, tenants: Tenants) -> Node:
    """Not started yet. It serves udp, tcp, tls, ws and wss: Node.reached_by."""
    certificate, key = make_certificate(folder)
    environment = {"STAR87_TLS_CERTIFICATE": str(certificate), "STAR87_TLS_PRIVATE_KEY": str(key)}
    listen = [f"{transport}:{LOOPBACK}:{free_port()}" for transport in ("tls", "ws", "wss")]
    return Node(folder, tenants.document(), environment=environment, listen=listen)
