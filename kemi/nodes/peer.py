"""Nodes as they know one another: small values, and the text by which a node's workers share them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from kemi.sip import packed

MARK_BYTES = 4
MARK = "@"
"""Between the name of a node and the boot id; no name has it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One node between its start and its end: a node that is started again is another peer of the same name."""

    name: str
    boot: str
    """Made anew at each start; empty: unknown."""
    address: str
    """`udp:192.0.2.1:5060`, where other nodes reach it; empty: they do not."""

    @property
    def instance(self) -> str:
        """As it stands with whatever a node holds."""
        return instance_of(self.name, self.boot)

    @property
    def place(self) -> tuple[str, int]:
        """Address and port that its requests come from; ('', 0): none can come."""
        host, _, port = self.address.partition(":")[2].rpartition(":")
        return (host.strip("[]"), int(port)) if host else ("", 0)

    @property
    def hop(self) -> str:
        """The next hop towards it."""
        return f"sip:{self.address.partition(':')[2]};transport=udp"


def instance_of(name: str, boot: str) -> str:
    return f"{name}{MARK}{boot}" if boot else name


@dataclass(frozen=True, slots=True)
class Known:
    """What a node knows of the others, as its workers share it."""

    secret: str = ""
    """Shared by all nodes of the deployment; empty: nothing is known yet, and nobody is trusted."""
    ahead_ms: int = 0
    """The store's clock less this host's: by it all nodes say when something was sent."""
    living: tuple[Peer, ...] = ()
    """This node is among them."""
    by_instance: Mapping[str, Peer] = field(init=False, repr=False, compare=False)
    places: frozenset[tuple[str, int]] = field(init=False, repr=False, compare=False)
    """Where requests of nodes may come from."""

    mark: str = field(init=False, repr=False, compare=False)
    """Of the deployment, which others may see; '' while nothing is known."""

    def __post_init__(self) -> None:
        mark = hashlib.blake2b(self.secret.encode(), digest_size=MARK_BYTES).hexdigest() if self.secret else ""
        object.__setattr__(self, "mark", mark)
        object.__setattr__(self, "by_instance", {peer.instance: peer for peer in self.living})
        object.__setattr__(self, "places", frozenset(peer.place for peer in self.living if peer.address))

    def at(self, place: tuple[str, int]) -> Peer | None:
        """The living node that is reached there."""
        return next((peer for peer in self.living if peer.address and peer.place == place), None)

    def pack(self) -> str:
        return packed.pack(
            [self.secret, self.ahead_ms, *([peer.name, peer.boot, peer.address] for peer in self.living)]
        )

    @classmethod
    def unpack(cls, text: str) -> Known:
        """The inverse of `pack`; of '' nothing is known."""
        if not text:
            return cls()
        secret, ahead_ms, *living = packed.unpack(text)
        return cls(secret, ahead_ms, tuple(Peer(*words) for words in living))
