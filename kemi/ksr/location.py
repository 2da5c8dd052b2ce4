"""Registrations, in Kamailio's registrar and usrloc."""

from __future__ import annotations

import KSR

TABLE = "location"


class KamailioLocation:
    """Implements kemi.sip.ports.Location."""

    def save(self) -> bool:
        return KSR.registrar.save(TABLE, 0) > 0

    def ring(self, number: str, domain: str, *, first: bool) -> int:
        aor = f"sip:{number}@{domain}"
        # The Request-URI is branch 0 of what is relayed: the first contact goes there, all others beside it.
        if first:
            return 1 + _beside() if KSR.registrar.lookup_uri(TABLE, aor) > 0 else 0
        before = _beside()
        return _beside() - before if KSR.registrar.lookup_to_dset(TABLE, aor) > 0 else 0

    def is_registered(self, number: str, domain: str) -> bool:
        return KSR.registrar.registered_uri(TABLE, f"sip:{number}@{domain}") > 0


def _beside() -> int:
    """Branches that were added beside the Request-URI."""
    return int(KSR.pv.get("$branch(count)") or 0)
