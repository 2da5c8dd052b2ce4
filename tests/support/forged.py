"""A request as only another node may send it, sent by somebody who has even got hold of the secret."""

from __future__ import annotations

import secrets
import time

from kemi.nodes.hop import HEADER, REACH, Envelope, seal
from tests.support.cluster_of_nodes import known
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.sip_text import SipMessage


def forged_reach(stranger: Phone, node: Node, peer: Node, victim: Phone) -> SipMessage:
    """Sealed for `node` in the name of `peer`, to ring the victim's phone; returns the final answer."""
    living = {each.name: each for each in known(node).living}
    call_id, tag, via = secrets.token_hex(8), secrets.token_hex(4), stranger.via()
    value = seal(
        known(node),
        Envelope("INVITE", call_id, tag, "1"),
        REACH,
        (victim.domain, victim.contact, f"udp:{victim.address}/udp:{node.address}", "5000"),
        sender=living[peer.name].instance,
        to=living[node.name].instance,
        now_ms=time.time_ns() // 1_000_000,
        nonce=secrets.token_urlsafe(9),
    )
    stranger.sends(
        stranger.requests(
            "INVITE", f"sip:101@{victim.domain}", call_id=call_id, tag=tag, via=via, headers=[(HEADER, value)]
        )
    )
    return stranger.answer_to(via)
