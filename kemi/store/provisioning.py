"""The provisioning document in force, and its version."""

from __future__ import annotations

from kemi.store import keys
from kemi.store.commands import Commands


class ProvisioningStore:
    """All operations are awaited and raise StoreUnavailable."""

    def __init__(self, connection: Commands) -> None:
        self._redis = connection

    def publish(self, document: str) -> int:
        """Bring a (valid, encoded) document into force, whole; returns its version."""
        return int(self._redis.fcall("publish", keys.PROVISION, document))

    def version(self) -> int:
        """Version in force; 0: none yet."""
        return int(self._redis.call("HGET", keys.PROVISION, "version") or 0)

    def stamp(self) -> str:
        """Changes with every document that comes into force, even in an emptied store; '' when there is none.

        A node asks so all the time: what its workers could not record is made good here.
        """
        stamp = str(self._redis.fcall("stamp", keys.PROVISION).decode())
        self._redis.pay()
        return stamp

    def fetch(self) -> tuple[int, str]:
        """Version and document in force; (0, '') when there is none yet."""
        version, document = self._redis.call("HMGET", keys.PROVISION, "version", "document")
        return (int(version), document.decode()) if version and document else (0, "")
