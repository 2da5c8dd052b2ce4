"""Registrations, in Kamailio's registrar and usrloc; those of all nodes, where there are several (kemi/ksr/bus.py)."""

from __future__ import annotations

from collections.abc import Iterator

import KSR

from kemi.ksr.incoming import flow_of as flow_of_message
from kemi.ksr.incoming import text
from kemi.nodes.flows import claims_a_holder, flow_of, held, holder_of, holds, mark_of
from kemi.nodes.hop import REACH
from kemi.nodes.peer import Peer
from kemi.nodes.peers import Peers
from kemi.settings import Settings
from kemi.sip.ports import ANSWER_NOTE, Callback, device_note
from kemi.sip.uri import hop_of

TABLE = "location"
FETCHED = "devices"
PINGED = 6
"""Branch flag, kamailio.cfg's nat_bflag: the contact is pinged."""
VIA_IS_NOT_SOURCE = 2 | 16
"""nathelper's tests: the topmost Via names another address, or another port."""
RECEIVED = "$avp(received)"
TENANT = "$avp(tenant)"
SLACK_MS = 5_000
"""The other node is to hear of the end of a branch before it ends it itself."""
SEEN = "seen"
"""Profile of registrar's $ulc."""


class KamailioLocation:
    """Implements kemi.sip.ports.Location.

    Of several nodes each knows every contact. One that has a flow says whose it is (kemi/nodes/flows.py): a branch over
    another node's is sent there (send_elsewhere); one over a dead node's is none.
    """

    def __init__(self, settings: Settings, peers: Peers) -> None:
        self._shared = bool(settings.peer)
        self._socket = settings.udp_socket
        self._own = Peer(settings.node, settings.boot, settings.peer)
        self._nowhere_else = ("", mark_of(self._own.name), mark_of(self._own.instance))
        self._longest_ms = settings.ring_max_s * 1000
        self._peers = peers

    def save(self) -> bool:
        if self._shared and any(claims_a_holder(path) for path in _paths()):
            KSR.sl.send_reply(400, "Bad Path")
            return False
        # Behind another proxy the Path leads to the phone (RFC 3327).
        if KSR.siputils.is_first_hop() > 0 and _keep_flow() and self._shared:
            KSR.pv.sets(RECEIVED, held(text(RECEIVED), self._own, flow_of_message(text).socket))
        saved = KSR.registrar.save(TABLE, 0) > 0
        if saved and self._shared:
            self._forget_elsewhere()
        return saved

    def ring(self, number: str, domain: str, *, first: bool) -> int:
        aor = f"sip:{number}@{domain}"
        # The Request-URI is branch 0 of what is relayed: the first contact goes there, all others beside it.
        before = 0 if first else _beside()
        if first:
            if self._shared:
                # Not every contact has a socket of its own: that of the one before is not to stay.
                KSR.pv.unset("$fs")
            if KSR.registrar.lookup_uri(TABLE, aor) <= 0:
                return 0
        elif KSR.registrar.lookup_to_dset(TABLE, aor) <= 0:
            return 0
        if self._shared:
            return self._reachable_branches(domain, before, first=first)
        return _beside() - before + (1 if first else 0)

    def is_registered(self, number: str, domain: str) -> bool:
        aor = f"sip:{number}@{domain}"
        if KSR.registrar.registered_uri(TABLE, aor) <= 0:
            return False
        return not self._shared or any(self._is_reachable(next_hop) for next_hop in _next_hops(aor))

    def devices(self, number: str, domain: str) -> tuple[str, ...]:
        if KSR.registrar.reg_fetch_contacts(TABLE, f"sip:{number}@{domain}", FETCHED) <= 0:
            return ()
        try:
            count = int(KSR.pv.get(f"$ulc({FETCHED}=>count)") or 0)
            return tuple(device for index in range(count) for device in _devices(index))
        finally:
            KSR.registrar.reg_free_contacts(FETCHED)

    def send_elsewhere(self) -> None:
        next_hop = text("$du")
        holder = holder_of(next_hop)
        if holder in self._nowhere_else:
            return
        peer = holder_among(self._peers, holder)
        if peer is None:
            KSR.set_drop()
            return
        uri, flow = text("$ru"), flow_of(next_hop)
        answer_ms = int(text(f"$avp({ANSWER_NOTE})") or self._longest_ms) + SLACK_MS
        self._peers.instruct(peer, REACH, (text(TENANT), uri, str(flow), str(answer_ms)))
        self._peers.aim(peer, uri)
        KSR.pv.sets(f"$avp({device_note(int(KSR.tm.t_get_branch_index()))})", flow.device)

    def _reachable_branches(self, domain: str, before: int, *, first: bool) -> int:
        """What has just been looked up, without what nobody can reach."""
        elsewhere, count = False, 0
        if first:
            next_hop = str(KSR.pv.get("$du") or "")
            if self._is_reachable(next_hop):
                count += 1
                elsewhere = self._is_elsewhere(next_hop)
            else:
                # The Request-URI cannot be taken out: its branch is dropped when it is about to be sent.
                elsewhere = True
            if not elsewhere:
                self._choose_socket("$fs", "$ru", next_hop)
        for index in reversed(range(before, _beside())):
            branch = f"$(branch({{}})[{index}])"
            next_hop = str(KSR.pv.get(branch.format("dst_uri")) or "")
            if not self._is_reachable(next_hop):
                KSR.pv.unset(branch.format("uri"))
                continue
            count += 1
            if self._is_elsewhere(next_hop):
                elsewhere = True
            else:
                self._choose_socket(branch.format("send_socket"), branch.format("uri"), next_hop)
        if elsewhere:
            KSR.pv.sets(TENANT, domain)
            KSR.tm.t_on_branch(Callback.CALL_BRANCH.value)
        return count

    def _is_elsewhere(self, next_hop: str) -> bool:
        return holder_of(next_hop) not in self._nowhere_else

    def _is_reachable(self, next_hop: str) -> bool:
        holder = holder_of(next_hop)
        return holder in self._nowhere_else or holder_among(self._peers, holder) is not None

    def _choose_socket(self, socket: str, uri: str, next_hop: str) -> None:
        """A contact that another node has taken has no socket here; Kamailio would take the first that it has."""
        if KSR.pv.get(socket):
            return
        if next_hop:
            chosen = flow_of(next_hop).socket if holder_of(next_hop) else ""
        else:
            chosen = self._socket if ("[" in self._socket) == ("[" in str(KSR.pv.get(uri))) else ""
        if chosen:
            KSR.pv.sets(socket, chosen)

    def _forget_elsewhere(self) -> None:
        """A phone that has come here from another node is no more where it was.

        By its instance the registrar knows it (RFC 5626 §6.3); without one, its Call-ID is the same (RFC 3261 §10.2.4).
        """
        call_id, aor = str(KSR.pv.get("$ci")), f"sip:{KSR.pv.get('$tU')}@{KSR.pv.get('$td')}"
        for index in range(_fetched(aor)):
            contact = f"$(ulc({SEEN}=>{{}})[{index}])"
            if KSR.pv.get(contact.format("callid")) != call_id or KSR.pv.get(contact.format("instance")):
                continue
            if self._is_elsewhere(str(KSR.pv.get(contact.format("received")) or "")):
                KSR.registrar.unregister_ruid(TABLE, aor, str(KSR.pv.get(contact.format("ruid"))))


def holder_among(peers: Peers, mark: str) -> Peer | None:
    """The living node of this mark, if others reach it."""
    return next((peer for peer in peers.living() if peer.address and holds(peer, mark)), None)


def _paths() -> Iterator[str]:
    index = 0
    while (path := KSR.hdr.get_idx("Path", index)) is not None:
        yield str(path)
        index += 1


def _next_hops(aor: str) -> Iterator[str]:
    for index in range(_fetched(aor)):
        contact = f"$(ulc({SEEN}=>{{}})[{index}])"
        # With a Path the flow is another proxy's business.
        yield "" if KSR.pv.get(contact.format("path")) else str(KSR.pv.get(contact.format("received")) or "")


def _fetched(aor: str) -> int:
    """How many contacts $ulc has now."""
    return int(KSR.pv.get(f"$ulc({SEEN}=>count)") or 0) if KSR.registrar.reg_fetch_contacts(TABLE, aor, SEEN) > 0 else 0


def _devices(index: int) -> tuple[str, ...]:
    """Where a fetched contact is reached: over the flow that it was kept with, else where it leads by itself."""
    uri = KSR.pv.get(f"$(ulc({FETCHED}=>received)[{index}])") or KSR.pv.get(f"$(ulc({FETCHED}=>addr)[{index}])")
    ip, port, transport = hop_of(str(uri or ""))
    # RFC 7118 §5.2: a URI says ws for wss, too.
    return tuple(f"{one}:{ip}:{port}" for one in (("ws", "wss") if transport == "ws" else (transport,)))


def _beside() -> int:
    """Branches that were added beside the Request-URI."""
    return int(KSR.pv.get("$branch(count)") or 0)


def _keep_flow() -> bool:
    """Bind the contact to the flow that the REGISTER came by (RFC 5626 §6.3), if it leads nowhere without it.

    A stream is the phone's own to open. Over UDP a phone that no NAT hides may register whatever address it likes.
    """
    if str(KSR.pv.get("$proto")).lower() != "udp":
        KSR.nathelper.fix_nated_register()
        return True
    if KSR.nathelper.nat_uac_test(VIA_IS_NOT_SOURCE) > 0 or ";reg-id=" in str(KSR.pv.get("$ct")):
        KSR.nathelper.fix_nated_register()
        KSR.setbflag(PINGED)
        return True
    return False
