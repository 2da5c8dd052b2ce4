"""The proxy's own duties towards every message (RFC 3261 §16), carried out by Kamailio's modules."""

from __future__ import annotations

import re
import secrets

import KSR

from kemi.errors import NotReachable
from kemi.ksr.incoming import header
from kemi.ksr.peers import KamailioPeers
from kemi.ksr.seal import Seal
from kemi.sip.dialog import DialogId
from kemi.sip.headers import DEPLOYMENT, EDGE_ROUTE, OWN_ROUTE
from kemi.sip.record_route import split_routes
from kemi.sip.uri import hop_of

MAX_FORWARDS = 70
"""RFC 3261 §16.6 step 3: put on a request that has none."""
PROXY_REQUIRE_CHECK = 512
SANITY_CHECKS = 17895 + PROXY_REQUIRE_CHECK
"""sanity's default checks and that of Proxy-Require (RFC 3261 §16.3 step 5: 420 names what is not supported)."""
URI_CHECKS = 7
SCHEMES = ("sip", "sips", "tel")
NAMES = "names"
DIRECTORY = "directory"
DRAINING = "$shv(draining)"
FOUND = 1
OWN_MARK, EDGE_MARK = f";{OWN_ROUTE}=", f";{EDGE_ROUTE}="
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


class KamailioProxy:
    """Implements kemi.routing.requests.Proxy, initial.Entry and in_dialog.Router."""

    def __init__(self, seal: Seal | None = None, peers: KamailioPeers | None = None) -> None:
        """peers: where there may be other nodes."""
        self._seal = seal or Seal(secrets.token_bytes(32))
        self._peers = peers

    def has_hops_left(self) -> bool:
        """Count Max-Forwards down; False when it was zero."""
        return KSR.maxfwd.process_maxfwd(MAX_FORWARDS) > 0

    def is_sane(self) -> bool:
        """False when the message is malformed; it has been answered then (or may not be)."""
        if KSR.sanity.sanity_check(SANITY_CHECKS, URI_CHECKS) > 0:
            return True
        if _cut_after_body() and KSR.sanity.sanity_check(SANITY_CHECKS, URI_CHECKS) > 0:
            return True
        if KSR.is_ACK():
            return False
        if _is_of_foreign_scheme():
            KSR.sl.send_reply(416, "Unsupported URI Scheme")
        elif KSR.sanity.sanity_check(SANITY_CHECKS - PROXY_REQUIRE_CHECK, URI_CHECKS) > 0:
            # sanity has named the first of them.
            _, _, others = header("Proxy-Require").partition(",")
            if others:
                KSR.hdr.append_to_reply(f"Unsupported:{others}\r\n")
            KSR.sl.send_reply(420, "Bad Extension")
        else:
            KSR.sanity.sanity_reply()
        return False

    def is_retransmission(self) -> bool:
        """The request is known; it has been answered again with what was answered before."""
        if KSR.tmx.t_precheck_trans() > 0:
            KSR.tm.t_check_trans()
            return True
        return KSR.tm.t_check_trans() == 0

    def answer_to_source(self) -> None:
        """RFC 3581: answer to where the request really came from."""
        KSR.force_rport()

    def has_name_of_own(self, caller: str) -> bool:
        """Whether nobody but this caller began a call of the Call-ID and From tag at hand, here, in five minutes."""
        name = DialogId(_call_id(), str(KSR.pv.get("$ft") or "")).key
        known = KSR.htable.sht_get(NAMES, name)
        if known is None:
            KSR.htable.sht_sets(NAMES, name, caller)
        return known in (None, caller)

    def record_route(self, tenant: str, *, edge: bool = False) -> None:
        """Stay on the path of the dialog; the tenant comes back with every request in it (`tenant_of_route`).

        edge: the call is another node's (`is_edge`).
        """
        name = EDGE_ROUTE if edge else OWN_ROUTE
        whose = f";{DEPLOYMENT}={self._peers.mark}" if self._peers else ""
        KSR.rr.record_route_params(f";{name}={self._seal.put(tenant, _call('$ft'))}{whose}")

    def follow_route(self) -> bool:
        """Take this node off the Route set (RFC 3261 §16.4); False when the request names no route through here.

        Other nodes that have died are taken off with it; raises NotReachable (480) where only they could go on.
        """
        # loose_route() follows a Route to anybody. Ours names a socket of this node, whatever its transport,
        # and has nothing before its <, where another URI might be quoted.
        uri, _, _ = header("Route").strip().partition(";")
        if not (uri.startswith("<sip") and KSR.is_myself(uri[1:].rstrip(">")) and KSR.rr.loose_route() > 0):
            return False
        # Where the Route set goes on, the Contact's flow is the next proxy's business.
        if KSR.pv.is_null("$du"):
            _follow_flow()
        elif self._peers and self._is_dead(str(KSR.pv.get("$du"))):
            self._leave_out_the_dead()
        return True

    def leads_to_peer(self) -> bool:
        """Make another node the next hop if the Route set begins there: some phones send all to the one that they know.

        That node knows by its seal whether it is right.
        """
        if self._peers is None:
            return False
        route = _uri_of(header("Route"))
        peer = self._peers.at(hop_of(route)[:2]) if f";{DEPLOYMENT}={self._peers.mark}" in route else None
        if peer is None or peer.instance == self._peers.own:
            return False
        self._peers.aim(peer, str(KSR.pv.get("$ru")))
        return True

    def _is_dead(self, uri: str) -> bool:
        """Whether the URI of a Route leads to a node of this deployment that does not live."""
        assert self._peers is not None
        mark = self._peers.mark
        return bool(mark) and f";{DEPLOYMENT}={mark}" in uri and not self._peers.is_peer(hop_of(uri)[:2])

    def _leave_out_the_dead(self) -> None:
        # This node's own Route is only marked to be taken off.
        KSR.textopsx.msg_apply_changes()
        lines: list[str] = []
        while (line := KSR.hdr.get_idx("Route", len(lines))) is not None:
            lines.append(str(line))
        left = split_routes(lines)
        while left and self._is_dead(_uri_of(left[0])):
            left.pop(0)
        if not left and ";alias=" in str(KSR.pv.get("$ru")):
            raise NotReachable("the node that this phone is at does not live")
        KSR.hdr.remove("Route")
        for route in left:
            KSR.hdr.append(f"Route: {route}\r\n")
        if left:
            KSR.pv.sets("$du", _uri_of(left[0]))
        else:
            KSR.resetdsturi()

    def tenant_of_route(self) -> str:
        """The tenant that this node wrote into the Record-Route of this very call, '' for whatever else is there."""
        return self._tenant("Route")

    def is_edge(self) -> bool:
        """Whether this node is on the path of the request at hand only because it holds the flow of one end."""
        return EDGE_MARK in header("Route").partition(">")[0]

    def tenant_of_record_route(self) -> str:
        """The tenant that this node wrote into the Record-Route of the request at hand, when that was here before."""
        return self._tenant("Record-Route")

    def _tenant(self, name: str) -> str:
        route = header(name).partition(">")[0]
        _, _, own = route.partition(OWN_MARK)
        sealed = (own or route.partition(EDGE_MARK)[2]).partition(";")[0]
        # It was written for who called, which in a later request is either end.
        return self._seal.check(sealed, _call("$ft")) or self._seal.check(sealed, _call("$tt"))

    def apply_changes(self) -> None:
        """Write header changes into the message now, so that what Kamailio copies from it has them."""
        KSR.textopsx.msg_apply_changes()


def _uri_of(route: str) -> str:
    return route.partition("<")[2].partition(">")[0]


def _cut_after_body() -> bool:
    """RFC 3261 §18.3: what follows the body in a datagram is discarded. Whether there was anything.

    What is no text is left as it came.
    """
    length = KSR.pv.get("$cl")
    extra = 0 if length is None else int(KSR.pv.get("$bs") or 0) - int(length)
    if extra <= 0:
        return False
    try:
        kept = str(KSR.pv.get("$mb")).encode()[:-extra].decode()
    except UnicodeDecodeError:
        return False
    if "\0" in kept:
        return False
    return KSR.textopsx.msg_set_buffer(kept) > 0 and bool(KSR.force_rport())


def _is_of_foreign_scheme() -> bool:
    """RFC 3261 §8.2.2.1; Kamailio takes a scheme that it does not know for no URI."""
    scheme = _SCHEME.match(str(KSR.pv.get("$(mb{s.select,1, })") or ""))
    return scheme is not None and scheme[1].lower() not in SCHEMES


def _call_id() -> str:
    return str(KSR.pv.get("$ci") or "")


def _call(tag: str) -> str:
    """The call at hand as the seal names it, if this is its caller's tag. Whoever takes a Call-ID for a call of his own
    gets no seal for the other's."""
    return f"{_call_id()} {KSR.pv.get(tag) or ''}"


def _follow_flow() -> None:
    """Send the request over the flow that its target was kept with (Incoming.keep_flow), if it was."""
    if KSR.nathelper.handle_ruri_alias() == FOUND and "transport=" in str(KSR.pv.get("$du") or ""):
        KSR.set_forward_no_connect()


def log_error(text: str) -> None:
    KSR.err(text + "\n")


def log_notice(text: str) -> None:
    KSR.notice(text + "\n")


def draining() -> int:
    """How far this node is on its way out (kemi.routing.draining.Drain)."""
    return int(KSR.pv.get(DRAINING) or 0)


def publish_directory(path: str) -> None:
    """Tell every worker of the node which snapshot is in force."""
    KSR.pvx.shv_sets(DIRECTORY, path)


def published_directory() -> str:
    """Path of the snapshot in force, '' when there is none yet."""
    return str(KSR.pv.get(f"$shv({DIRECTORY})") or "")
