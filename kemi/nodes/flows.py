"""Which node holds a registered phone's flow: it stands in the next hop that is kept with the contact.

`sip:203.0.113.5:31207;transport=tcp;s87-node=5f3c1a09;by=tcp:192.0.2.1:5060`: the flow, a mark of who holds it, and the
listen socket. A contact without it leads somewhere by itself, and any node may send there.

Over UDP the mark is that of the node's name: when it is started anew it still reaches its phones behind a NAT. A stream
has ended by then, so its mark is that of the node's instance.
"""

from __future__ import annotations

import hashlib
from functools import cache

from kemi.nodes.peer import Peer
from kemi.sip.flow import Flow
from kemi.sip.uri import hop_of

_NODE, _BY = ";s87-node=", ";by="


def number_of(name: str) -> int:
    """A node as Kamailio's `server_id`: 31 bits of its name's hash, never 0. Two of 100 nodes meet once in 400,000."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) & 0x7FFFFFFF or 1


def held(next_hop: str, holder: Peer, socket: str) -> str:
    """A next hop that says who holds the flow. socket: as Kamailio names it, transport first."""
    holder_mark = mark_of(holder.name if socket.startswith("udp:") else holder.instance)
    return f"{next_hop}{_NODE}{holder_mark}{_BY}{socket}"


@cache
def mark_of(name: str) -> str:
    """Of the name of a node, or of an instance."""
    return f"{number_of(name):x}"


def holds(peer: Peer, mark: str) -> bool:
    """Whether a node holds the flows with this mark."""
    return mark in (mark_of(peer.name), mark_of(peer.instance))


def claims_a_holder(uri: str) -> bool:
    """Only nodes write such a thing."""
    return _NODE in uri


def holder_of(next_hop: str) -> str:
    """The mark of the node that holds this flow, '' when it is no node's."""
    return next_hop.partition(_NODE)[2].partition(";")[0]


def flow_of(next_hop: str) -> Flow:
    """The flow itself, as its holder knows it."""
    host, port, transport = hop_of(next_hop)
    socket = next_hop.partition(_BY)[2].partition(";")[0]
    if transport == "ws" and socket.startswith("tls:"):
        transport = "wss"
    return Flow(transport, host, port, socket)
