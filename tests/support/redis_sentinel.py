"""A primary, its replicas and three Sentinels: real processes on ports of the loopback address."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import cast

import redis

from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_server import READY_WITHIN_S, TcpRedis, patient_client
from tests.support.until import until

SERVICE = "star87"
QUORUM = 2
DOWN_AFTER_MS = 500
FAILOVER_WITHIN_S = 15.0


class Sentinel:
    """One redis-sentinel process, which keeps what it learns in a file of its own."""

    def __init__(self, primary_port: int, *, redis_password: str = "", password: str = "") -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="s87-"))
        lines = [
            *(f"port {self.port}", f"bind {LOOPBACK}", f"dir {self.folder}"),
            f"sentinel monitor {SERVICE} {LOOPBACK} {primary_port} {QUORUM}",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {SERVICE} 1000",
        ]
        if redis_password:
            lines.append(f"sentinel auth-pass {SERVICE} {redis_password}")
        if password:
            lines += [f"requirepass {password}", f"sentinel sentinel-pass {password}"]
        self._password = password
        (self.folder / "sentinel.conf").write_text("\n".join(lines) + "\n")
        with (self.folder / "sentinel.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", str(self.folder / "sentinel.conf"), "--sentinel"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def place(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def client(self) -> redis.Redis:
        return patient_client(host=LOOPBACK, port=self.port, password=self._password or None)

    def log(self) -> str:
        return (self.folder / "sentinel.log").read_text()

    def state(self) -> dict[bytes, bytes]:
        """What it knows of the primary; {} while it does not answer."""
        try:
            with self.client() as client:
                words = cast(list[bytes], client.execute_command("SENTINEL", "MASTER", SERVICE))
        except redis.RedisError:
            return {}
        return dict(zip(words[::2], words[1::2], strict=True))

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class SentinelSet:
    """A context in which Sentinels watch a primary and its replicas.

    password: of the Redises. sentinel_password: of the Sentinels.
    """

    def __init__(self, *, replicas: int = 1, password: str = "", sentinel_password: str = "") -> None:
        self._replicas, self._password, self._sentinel_password = replicas, password, sentinel_password
        self._ends = ExitStack()
        self.redises: list[TcpRedis] = []
        self.sentinels: list[Sentinel] = []

    def __enter__(self) -> SentinelSet:
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
        places = ",".join(sentinel.place for sentinel in self.sentinels)
        credentials = f":{self._password}@" if self._password else ""
        query = f"?sentinel_password={self._sentinel_password}" if self._sentinel_password else ""
        return f"redis+sentinel://{credentials}{places}/{SERVICE}{query}"

    @property
    def primary(self) -> TcpRedis:
        """The one that says of itself that it is the primary; of several the last that became it."""
        return next(it for it in reversed(self.redises) if it.is_primary())

    def await_failover(self, old: TcpRedis) -> TcpRedis:
        """The new primary, once every Sentinel names it."""

        def named() -> TcpRedis | None:
            ports = {int(sentinel.state().get(b"port", 0)) for sentinel in self.sentinels}
            new = next((it for it in self.redises if {it.port} == ports and it is not old), None)
            return new if new and new.is_primary() else None

        found = until(named, within_s=FAILOVER_WITHIN_S, what=lambda: f"a failover; {self.sentinels[0].log()}")
        assert found is not None
        return found

    def _start(self) -> None:
        words = ["--repl-diskless-sync-delay", "0"]
        if self._password:
            words += ["--requirepass", self._password, "--masterauth", self._password]
        primary = self._ends.enter_context(TcpRedis(*words, password=self._password))
        self.redises.append(primary)
        for _ in range(self._replicas):
            following = [*words, "--replicaof", f"{LOOPBACK} {primary.port}"]
            self.redises.append(self._ends.enter_context(TcpRedis(*following, password=self._password)))
        for replica in self.redises[1:]:
            until(replica.is_replica_in_step, within_s=READY_WITHIN_S, what="a replica in step")
        for _ in range(3):
            sentinel = Sentinel(primary.port, redis_password=self._password, password=self._sentinel_password)
            self._ends.callback(sentinel.close)
            self.sentinels.append(sentinel)
        until(self._is_complete, within_s=READY_WITHIN_S, what=lambda: f"Sentinels; {self.sentinels[0].log()}")

    def _is_complete(self) -> bool:
        states = [sentinel.state() for sentinel in self.sentinels]
        known = {(state.get(b"num-other-sentinels"), state.get(b"num-slaves")) for state in states}
        return known == {(b"2", b"%d" % self._replicas)}
