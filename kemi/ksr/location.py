"""Registrations, in Kamailio's registrar and usrloc."""

from __future__ import annotations

import KSR

TABLE = "location"


class KamailioLocation:
    """Implements kemi.sip.ports.Location."""

    def save(self) -> bool:
        return KSR.registrar.save(TABLE, 0) > 0

    def ring(self, number: str, domain: str, *, first: bool) -> bool:
        aor = f"sip:{number}@{domain}"
        # The Request-URI is branch 0 of what is relayed: the first contact goes there, all others beside it.
        if first:
            return KSR.registrar.lookup_uri(TABLE, aor) > 0
        return KSR.registrar.lookup_to_dset(TABLE, aor) > 0
