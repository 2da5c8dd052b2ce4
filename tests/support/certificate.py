"""A certificate that a test makes for itself."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_certificate(folder: Path, *, passphrase: str = "", name: str = "node") -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its private key, valid for a day."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    protection = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *protection),
            *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def make_signed_certificate(folder: Path, *, names: str = "IP:127.0.0.1,DNS:localhost") -> tuple[Path, Path, Path]:
    """An authority of one's own, a certificate that it signed for these names, and the key of that: three paths."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, own = (folder / "ca.crt", folder / "ca.key"), (folder / "own.crt", folder / "own.key")
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    signed = ["-CA", str(authority[0]), "-CAkey", str(authority[1]), "-addext", f"subjectAltName={names}"]
    not_an_authority = ["-addext", "basicConstraints=critical,CA:FALSE"]
    for (certificate, key), subject, more in (
        (authority, "/CN=Authority", []),
        (own, "/CN=redis", [*signed, *not_an_authority]),
    ):
        words = [*new, "-subj", subject, "-keyout", str(key), "-out", str(certificate), *more]
        subprocess.run(words, check=True, capture_output=True)
    return authority[0], *own
