"""The certificate of a node: looked at before anything starts, so that a fault is told with its remedy."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from kemi.cli.listen import Listen
from kemi.cli.outcome import CommandFailed, Exit
from kemi.settings import PREFIX, Settings

CONFIG = """\
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
certificate = "{certificate}"
private_key = "{key}"

[client:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
"""


def check_certificate(settings: Settings, listens: Sequence[Listen]) -> None:
    """Raises CommandFailed (2) when an address is to be encrypted and there is no certificate and key for it."""
    wanted = next((listen for listen in listens if listen.is_encrypted), None)
    if wanted is None:
        return
    for name in ("tls_certificate", "tls_private_key"):
        variable, path = PREFIX + name.upper(), getattr(settings, name)
        if not path:
            raise CommandFailed(f"{wanted} needs a certificate: set {variable} to the path of a PEM file", Exit.USAGE)
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise CommandFailed(f"{variable}: {path} cannot be read: {error.strerror}", Exit.USAGE) from error
    check_pair(settings.tls_certificate, settings.tls_private_key)


def check_pair(certificate: str, key: str) -> None:
    """Raises CommandFailed (2) when they are no certificate chain and its key, OSError when one cannot be read."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_passphrase)
    except _PassphraseAsked as asked:
        raise CommandFailed(f"{key} has a passphrase: give the node a key without one", Exit.USAGE) from asked
    except ssl.SSLError as error:
        raise CommandFailed(
            f"{certificate} and {key} are no certificate chain and its private key in PEM ({error.reason})", Exit.USAGE
        ) from error


def install(certificate: str, key: str, node_dir: str) -> None:
    """Copy a certificate chain and its key into the node's folder and name them in its TLS file, all at once.

    What the node reads, then and whenever it starts a process anew, is what was checked. Raises CommandFailed (2) when
    they are no pair; then nothing has changed.
    """
    chain, secret = (_content(path) for path in (certificate, key))
    name = hashlib.sha256(chain + secret).hexdigest()[:16]
    own_chain, own_key = Path(node_dir, f"tls-{name}.crt"), Path(node_dir, f"tls-{name}.key")
    write(own_chain, chain)
    write(own_key, secret)
    try:
        check_pair(str(own_chain), str(own_key))
    except CommandFailed as fault:
        own_chain.unlink()
        own_key.unlink()
        raise CommandFailed(
            fault.message.replace(str(own_chain), certificate).replace(str(own_key), key), fault.code
        ) from fault
    config = Path(config_path(node_dir))
    write(config.with_suffix(".new"), CONFIG.format(certificate=own_chain, key=own_key).encode())
    config.with_suffix(".new").replace(config)


def config_path(node_dir: str) -> str:
    return f"{node_dir}/tls.cfg"


def defines(settings: Settings) -> tuple[str]:
    """What kamailio.cfg is told of them."""
    return (f'TLS_CONFIG="{config_path(settings.node_dir)}"',)


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}", Exit.USAGE) from error


def write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)


class _PassphraseAsked(Exception):
    pass


def _no_passphrase() -> str:
    raise _PassphraseAsked
