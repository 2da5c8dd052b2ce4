"""Registrations, in Kamailio's registrar and usrloc."""

from __future__ import annotations

import KSR

from kemi.sip.uri import hop_of

TABLE = "location"
FETCHED = "devices"
PINGED = 6
"""Branch flag, kamailio.cfg's nat_bflag: the contact is pinged."""
VIA_IS_NOT_SOURCE = 2 | 16
"""nathelper's tests: the topmost Via names another address, or another port."""


class KamailioLocation:
    """Implements kemi.sip.ports.Location."""

    def save(self) -> bool:
        # Behind another proxy the Path leads to the phone (RFC 3327).
        if KSR.siputils.is_first_hop() > 0:
            _keep_flow()
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

    def devices(self, number: str, domain: str) -> tuple[str, ...]:
        if KSR.registrar.reg_fetch_contacts(TABLE, f"sip:{number}@{domain}", FETCHED) <= 0:
            return ()
        try:
            count = int(KSR.pv.get(f"$ulc({FETCHED}=>count)") or 0)
            return tuple(device for index in range(count) for device in _devices(index))
        finally:
            KSR.registrar.reg_free_contacts(FETCHED)


def _devices(index: int) -> tuple[str, ...]:
    """Where a fetched contact is reached: over the flow that it was kept with, else where it leads by itself."""
    uri = KSR.pv.get(f"$(ulc({FETCHED}=>received)[{index}])") or KSR.pv.get(f"$(ulc({FETCHED}=>addr)[{index}])")
    ip, port, transport = hop_of(str(uri or ""))
    # RFC 7118 §5.2: a URI says ws for wss, too.
    return tuple(f"{one}:{ip}:{port}" for one in (("ws", "wss") if transport == "ws" else (transport,)))


def _beside() -> int:
    """Branches that were added beside the Request-URI."""
    return int(KSR.pv.get("$branch(count)") or 0)


def _keep_flow() -> None:
    """Bind the contact to the flow that the REGISTER came by (RFC 5626 §6.3), if it leads nowhere without it.

    A stream is the phone's own to open. Over UDP a phone that no NAT hides may register whatever address it likes.
    """
    if str(KSR.pv.get("$proto")).lower() != "udp":
        KSR.nathelper.fix_nated_register()
    elif KSR.nathelper.nat_uac_test(VIA_IS_NOT_SOURCE) > 0 or ";reg-id=" in str(KSR.pv.get("$ct")):
        KSR.nathelper.fix_nated_register()
        KSR.setbflag(PINGED)
