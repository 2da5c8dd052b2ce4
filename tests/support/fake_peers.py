"""Other nodes, as the test wants them."""

from __future__ import annotations

from kemi.nodes.hop import Instruction
from kemi.nodes.peer import Peer
from kemi.sip.flow import Flow
from tests.support.fake_spiral import Aims


class FakePeers:
    """Implements kemi.nodes.peers.Peers. `asks` is what the request at hand says, once."""

    def __init__(self, *others: Peer, own: str = "star87") -> None:
        self.own = own
        self.others = others
        self.asks: Instruction | None = None
        self.aimed: list[tuple[str, str]] = []
        self.transaction: Aims | None = None
        """Where what is aimed is seen as sent."""
        self.mark = "beef"
        self.waits_for: Peer | None = None
        self.instructed: list[tuple[str, str, tuple[str, ...]]] = []

    def is_peer(self, source: tuple[str, int]) -> bool:
        return any(peer.place == source for peer in self.others)

    def arrived(self) -> Instruction | None:
        asks, self.asks = self.asks, None
        return asks

    def find(self, instance: str) -> Peer | None:
        return next((peer for peer in self.others if peer.instance == instance), None)

    def living(self) -> tuple[Peer, ...]:
        return (*self.others, Peer(self.own, "", ""))

    def flow_to(self, peer: Peer) -> Flow:
        return Flow("udp", *peer.place, "udp:192.0.2.1:5060")

    def aim(self, peer: Peer, uri: str) -> None:
        self.aimed.append((peer.instance, uri))
        if self.transaction is not None:
            self.transaction.aim(uri, self.flow_to(peer))

    def expects(self, peer: Peer) -> None:
        assert self.waits_for is None, "one INVITE waits for one node"
        self.waits_for = peer

    def heard(self) -> None:
        self.waits_for = None

    def instruct(self, peer: Peer, kind: str, words: tuple[str, ...]) -> None:
        self.instructed.append((peer.instance, kind, words))


class FakeBus:
    """Implements kemi.nodes.peers.Bus. `trusted`: whether what comes is sealed."""

    def __init__(self) -> None:
        self.trusted = True
        self.taken = 0

    def take(self) -> bool:
        self.taken += self.trusted
        return self.trusted

    def beat(self) -> None: ...

    def join_again(self) -> None: ...

    def seal(self) -> None: ...

    def contact_ended(self) -> None: ...
