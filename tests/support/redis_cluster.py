"""A Redis Cluster of real processes: three primaries, and a replica for each that may die."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, cast

import redis

from kemi.store.slots import slot_of
from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_server import READY_WITHIN_S, TcpRedis
from tests.support.until import until

NODE_TIMEOUT_MS = 1200
BOUNDS = (0, 5461, 10923, 16384)
FAILOVER_WITHIN_S = 15.0


class ClusterNode(TcpRedis):
    """One process of a cluster."""

    def __init__(self, *arguments: str) -> None:
        self.bus_port = free_port()
        super().__init__(
            *("--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)),
            *("--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--cluster-replica-validity-factor", "0"),
            *("--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"),
            *arguments,
        )

    @property
    def identity(self) -> str:
        return str(self.asked("CLUSTER MYID").decode())

    def asked(self, *words: str | int) -> Any:
        """What it answers to a command."""
        with self.client() as client:
            return cast(Any, client.execute_command(*words))


class RedisCluster:
    """A context in which a cluster is whole.

    replicas: how many of the three primaries have one.
    """

    def __init__(self, *arguments: str, replicas: int = 1) -> None:
        self._arguments, self._replicas = arguments, replicas
        self._ends = ExitStack()
        self.nodes: list[ClusterNode] = []

    def __enter__(self) -> RedisCluster:
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes)

    @property
    def primaries(self) -> list[ClusterNode]:
        return [node for node in self.nodes if node.is_primary()]

    def client(self) -> redis.RedisCluster:
        """A connection to the keys past the store."""
        return redis.RedisCluster(host=LOOPBACK, port=self.nodes[0].port)

    def owner_of(self, key: str) -> ClusterNode:
        """The primary that has a key's slot, as all agree that live."""
        slot = slot_of(key)
        for first, last, (_, port, *_), *_ in cast(Any, self._live().asked("CLUSTER SLOTS")):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f"nobody has slot {slot}")

    def logs(self) -> str:
        """The last that each node has logged."""
        return "\n".join(f"{node.port}: {node.log.read_text()[-1500:]}" for node in self.nodes)

    def empty(self) -> None:
        for node in self.primaries:
            node.asked("FLUSHALL")

    def demand_whole(self, word: str) -> None:
        """Whether nobody is served while some slots have no primary: `yes` or `no`."""
        for node in self.nodes:
            if node.is_there():
                node.asked("CONFIG SET", "cluster-require-full-coverage", word)

    def restore(self) -> None:
        """Whatever a test has done to it: return when it is whole again."""
        for node in self.nodes:
            if node.is_there():
                node.thaw()
            else:
                node.start()
        self.await_whole()

    def await_whole(self) -> None:
        """Return when every node says that the cluster is whole, and every replica is in step."""
        until(self._is_whole, within_s=FAILOVER_WITHIN_S, what=lambda: f"a whole cluster; {self.logs()}")

    def await_failover(self, old: ClusterNode, key: str) -> ClusterNode:
        """The new owner of a key, once all that live name it."""

        def owners() -> ClusterNode | None:
            seen = {self._owner_as_seen_by(node, key) for node in self.nodes if node.is_there() and node is not old}
            new = next(iter(seen)) if len(seen) == 1 else None
            return next((node for node in self.nodes if node.port == new and node is not old), None)

        found = until(owners, within_s=FAILOVER_WITHIN_S, what=lambda: self.logs())
        assert found is not None
        return found

    def change_over(self, key: str) -> ClusterNode:
        """A planned failover of the primary that has a key; returns the new one."""
        old = self.owner_of(key)
        # Without a vote: the others vote but once in a while.
        next(node for node in self.nodes if not node.is_primary()).asked("CLUSTER FAILOVER", "TAKEOVER")
        return self.await_failover(old, key)

    def begin_move(self, key: str, to: ClusterNode) -> ClusterNode:
        """Begin to move the slot of a key; returns the node that has it still."""
        slot, source = slot_of(key), self.owner_of(key)
        to.asked("CLUSTER SETSLOT", slot, "IMPORTING", source.identity)
        source.asked("CLUSTER SETSLOT", slot, "MIGRATING", to.identity)
        return source

    def move_keys(self, key: str, source: ClusterNode, to: ClusterNode) -> int:
        """Move the keys of a slot that is being moved; returns how many."""
        keys = source.asked("CLUSTER GETKEYSINSLOT", slot_of(key), 1000)
        if keys:
            source.asked("MIGRATE", LOOPBACK, to.port, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def end_move(self, key: str, source: ClusterNode, to: ClusterNode) -> None:
        for node in (to, source, *self.primaries):
            node.asked("CLUSTER SETSLOT", slot_of(key), "NODE", to.identity)

    def _live(self) -> ClusterNode:
        return next(node for node in self.nodes if node.is_there())

    def _owner_as_seen_by(self, node: ClusterNode, key: str) -> int:
        slot = slot_of(key)
        found = [port for first, last, (_, port, *_), *_ in node.asked("CLUSTER SLOTS") if first <= slot <= last]
        return int(found[0]) if found else 0

    def _start(self) -> None:
        for _ in range(3 + self._replicas):
            self.nodes.append(self._ends.enter_context(ClusterNode(*self._arguments)))
        first = self.nodes[0]
        for node in self.nodes[1:]:
            first.asked("CLUSTER MEET", LOOPBACK, node.port, node.bus_port)
        for node, low, high in zip(self.nodes, BOUNDS, BOUNDS[1:], strict=False):
            node.asked("CLUSTER ADDSLOTSRANGE", low, high - 1)
        until(self._all_know_all, within_s=READY_WITHIN_S, what="nodes that know one another")
        for replica, primary in zip(self.nodes[3:], self.nodes, strict=False):
            replica.asked("CLUSTER REPLICATE", primary.identity)
        self.await_whole()

    def _all_know_all(self) -> bool:
        def knows(node: ClusterNode) -> bool:
            lines = [line for line in _text(node.asked("CLUSTER NODES")).splitlines() if "handshake" not in line]
            return len(lines) == len(self.nodes)

        return all(knows(node) for node in self.nodes)

    def _is_whole(self) -> bool:
        def is_well(node: ClusterNode) -> bool:
            state = _text(node.asked("CLUSTER INFO"))
            return "cluster_state:ok" in state and (node.is_primary() or node.is_replica_in_step())

        views = {str(sorted(slots[:3] for slots in node.asked("CLUSTER SLOTS"))) for node in self.nodes}
        return len(self.primaries) == 3 and len(views) == 1 and all(is_well(node) for node in self.nodes)


def _text(answer: Any) -> str:
    """redis-py makes a dict of some answers, unless asked for the words."""
    if isinstance(answer, dict):
        return "\n".join(f"{name}:{value}" for name, value in answer.items())
    return str(answer.decode())
