"""What the proxy's rules ask of the other nodes; `kemi.ksr` answers. All of it is about the message at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kemi.nodes.hop import Instruction
from kemi.nodes.peer import Peer
from kemi.sip.flow import Flow
from kemi.sip.ports import Message

FromPeer = Callable[[Message, Instruction], None]
"""Carries out what another node asked by the request at hand; raises RequestRefused with the answer."""


class Peers(Protocol):
    @property
    def own(self) -> str:
        """Instance of this node (Peer.instance)."""
        ...

    def is_peer(self, source: tuple[str, int]) -> bool:
        """Whether a living node sends from there. It is no proof: `arrived` is."""
        ...

    def arrived(self) -> Instruction | None:
        """What another node asks by the request at hand; None: it asks nothing, was not made by a node, was made for
        another node or message, or was heard before. Once for each request that is no retransmission."""
        ...

    def find(self, instance: str) -> Peer | None:
        """A living node that can be reached; None for one that is dead, unknown or started anew since."""
        ...

    def living(self) -> tuple[Peer, ...]:
        """All that live, this one too."""
        ...

    def flow_to(self, peer: Peer) -> Flow:
        """By which requests go to another node."""
        ...

    def aim(self, peer: Peer, uri: str) -> None:
        """Make a URI the next target, by way of another node."""
        ...

    def expects(self, peer: Peer) -> None:
        """The INVITE at hand waits for that node: should it die, the INVITE ends with 480."""
        ...

    def heard(self) -> None:
        """It waits no more."""
        ...

    def instruct(self, peer: Peer, kind: str, words: tuple[str, ...]) -> None:
        """Say to another node, in the request at hand (in a branch callback: in this branch), what it is to do."""
        ...


class Bus(Protocol):
    """What nodes tell one another of their contacts (Kamailio's DMQ), sealed as the peer hop is."""

    def beat(self) -> None:
        """In a process of its own, every second: take in nodes that have come, and leave out those that have gone."""
        ...

    def join_again(self) -> None:
        """With the next beat, as if it had only just come: it was taken for dead and told nothing meanwhile."""
        ...

    def seal(self) -> None:
        """Seal the request of the stack's own that is at hand, if it is one of the bus."""
        ...

    def take(self) -> bool:
        """Carry out what another node, or this one, says by the request at hand; False: that is not who sent it."""
        ...

    def contact_ended(self) -> None:
        """A contact has ended by itself: other nodes are told when only this one can know."""
        ...
