"""The certificate of a node: looked at before anything starts, so that a fault is told with its remedy."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence

from kemi.cli.listen import Listen
from kemi.cli.outcome import CommandFailed, Exit
from kemi.settings import PREFIX, Settings


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
    certificate, key = settings.tls_certificate, settings.tls_private_key
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_passphrase)
    except _PassphraseAsked as asked:
        raise CommandFailed(f"{key} has a passphrase: give the node a key without one", Exit.USAGE) from asked
    except ssl.SSLError as error:
        raise CommandFailed(
            f"{certificate} and {key} are no certificate chain and its private key in PEM ({error.reason})", Exit.USAGE
        ) from error


def defines(settings: Settings) -> tuple[str, str]:
    """What kamailio.cfg is told of them."""
    # Kamailio looks for a relative path beside its configuration.
    certificate, key = os.path.abspath(settings.tls_certificate), os.path.abspath(settings.tls_private_key)
    return f'TLS_CERTIFICATE="{certificate}"', f'TLS_PRIVATE_KEY="{key}"'


class _PassphraseAsked(Exception):
    pass


def _no_passphrase() -> str:
    raise _PassphraseAsked
