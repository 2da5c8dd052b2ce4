"""A node's certificate is replaced while it runs: `star87 reload-certificates`."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess

from tests.support.certificate import make_certificate
from tests.support.node import STAR87, Node
from tests.support.wire import unverified


def shown(node: Node, transport: str) -> str:
    """The certificate that a new connection sees, in PEM."""
    host, _, port = node.reached_by(transport).rpartition(":")
    with socket.create_connection((host, int(port)), 4) as plain, unverified().wrap_socket(plain) as client:
        certificate = client.getpeercert(binary_form=True)
    assert certificate
    return ssl.DER_cert_to_PEM_cert(certificate)


def renew(node: Node) -> str:
    """Another pair in the place of the node's; returns the certificate."""
    certificate, key = make_certificate(node.folder / "renewed")
    shutil.copy(certificate, node.folder / "node.crt")
    shutil.copy(key, node.folder / "node.key")
    return certificate.read_text()


def reload(node: Node) -> subprocess.CompletedProcess[str]:
    command = [str(STAR87), "reload-certificates", "--run-dir", str(node.folder), "--node", node.name]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)
