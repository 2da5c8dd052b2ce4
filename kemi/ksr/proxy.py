"""The proxy's own duties towards every message (RFC 3261 §16), carried out by Kamailio's modules."""

from __future__ import annotations

import KSR

MAX_FORWARDS = 70
"""RFC 3261 §16.6 step 3: put on a request that has none."""
SANITY_CHECKS = 17895 + 512
"""sanity's default checks and that of Proxy-Require (RFC 3261 §16.3 step 5: 420 names what is not supported)."""
URI_CHECKS = 7
DIRECTORY = "directory"


class KamailioProxy:
    """Implements kemi.routing.requests.Proxy."""

    def has_hops_left(self) -> bool:
        """Count Max-Forwards down; False when it was zero."""
        return KSR.maxfwd.process_maxfwd(MAX_FORWARDS) > 0

    def is_sane(self) -> bool:
        """False when the message is malformed; it has been answered then (or may not be)."""
        return KSR.sanity.sanity_check(SANITY_CHECKS, URI_CHECKS) > 0

    def is_retransmission(self) -> bool:
        """The request is known; it has been answered again with what was answered before."""
        if KSR.tmx.t_precheck_trans() > 0:
            KSR.tm.t_check_trans()
            return True
        return KSR.tm.t_check_trans() == 0

    def answer_to_source(self) -> None:
        """RFC 3581: answer to where the request really came from."""
        KSR.force_rport()

    def record_route(self) -> None:
        KSR.rr.record_route()

    def follow_route(self) -> bool:
        """Take this node off the Route set (RFC 3261 §16.4); False when the request names no route through here."""
        # loose_route() follows a Route to anybody; only one that was ours leaves its parameters behind.
        return KSR.rr.loose_route() > 0 and KSR.rr.check_route_param("(^|;)lr") > 0

    def relay_stateless(self) -> None:
        KSR.forward()

    def apply_changes(self) -> None:
        """Write header changes into the message now, so that what Kamailio copies from it has them."""
        KSR.textopsx.msg_apply_changes()


def log_error(text: str) -> None:
    KSR.err(text + "\n")


def log_notice(text: str) -> None:
    KSR.notice(text + "\n")


def publish_directory(path: str) -> None:
    """Tell every worker of the node which snapshot is in force."""
    KSR.pvx.shv_sets(DIRECTORY, path)


def published_directory() -> str:
    """Path of the snapshot in force, '' when there is none yet."""
    return str(KSR.pv.get(f"$shv({DIRECTORY})") or "")
