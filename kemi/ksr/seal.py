"""What this node writes into its Record-Route, so that it knows its own word when it comes back."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

KEY_BYTES = 32
SEAL_BYTES = 12


class Seal:
    """Binds a tenant to the name of a call: `pbx.example.com.9f86d081884c7d659a2feaa0`, a token (RFC 3261 §25.1)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def kept_in(cls, path: str) -> Seal:
        """The key of this file, which is made when there is none: the calls of a node outlive its restart."""
        file = Path(path)
        try:
            # Before the file has a name it is whole, and nobody else may read it.
            part = file.with_suffix(f".{os.getpid()}")
            part.touch(0o600)
            part.write_bytes(secrets.token_bytes(KEY_BYTES))
            try:
                os.link(part, file)
            except FileExistsError:
                pass
            finally:
                part.unlink()
            key = file.read_bytes()
        except OSError:
            key = b""
        # Without a key that is kept, one for this run.
        return cls(key if len(key) == KEY_BYTES else secrets.token_bytes(KEY_BYTES))

    def put(self, tenant: str, call: str) -> str:
        return f"{tenant}.{self._mark(tenant, call)}"

    def check(self, sealed: str, call: str) -> str:
        """The tenant, '' when this is not what `put` made of it for this call."""
        tenant, _, mark = sealed.rpartition(".")
        said = mark.encode("utf-8", "surrogateescape")
        return tenant if tenant and hmac.compare_digest(said, self._mark(tenant, call).encode()) else ""

    def _mark(self, tenant: str, call: str) -> str:
        said = f"{tenant} {call}".encode("utf-8", "surrogateescape")
        return hashlib.blake2b(said, key=self._key, digest_size=SEAL_BYTES).hexdigest()
