"""A real Redis of one's own: on a Unix socket, in a folder that goes with it, ended by its process id."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

READY_WITHIN_S = 10.0
REPLICATED_WITHIN_S = 10.0
"""A replica says once a second how far it is."""


def patient_client(**options: Any) -> redis.Redis:
    """A client that waits for a busy machine, and does not try again."""
    return redis.Redis(**options, socket_timeout=READY_WITHIN_S, retry=Retry(NoBackoff(), 0))


class RedisServer:
    """A context in which one redis-server runs; nothing is written to disk but its log.

    arguments: further words of its command line. The folder is a new one under the system's temporary folder,
    because a Unix socket's path may have no more than 107 bytes.
    """

    def __init__(self, *arguments: str) -> None:
        self._arguments: Sequence[str] = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="s87-"))
        self.socket = self.folder / "redis.sock"
        self.log = self.folder / "redis.log"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self) -> redis.Redis:
        """A connection that looks at the server's keys past the store."""
        return patient_client(unix_socket_path=str(self.socket))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *more: str, awaits: bool = True) -> None:
        """Start it, empty; returns when it answers. Raises AssertionError with its log when it does not.

        more: words of its command line, this time. awaits: else it returns at once.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", "-", *self._arguments, *more],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        assert self._process.stdin is not None
        with self._process.stdin as lines:
            lines.write(b"port 0\nunixsocket redis.sock\nsave ''\nappendonly no\n")
        if awaits:
            self.await_ready()

    def await_ready(self) -> None:
        until(
            self._answers,
            within_s=READY_WITHIN_S,
            what=lambda: f"redis-server; its log: {self.log.read_text()}",
        )

    def kill(self) -> None:
        """End it at once, as a crash would: what it held is lost."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self.socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it hang: it takes connections and answers nothing, until `thaw`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def replication(self) -> dict[str, Any]:
        """What it says of its part; {} when it does not answer."""
        if not self.is_there():
            return {}
        with self.client() as client:
            return cast(dict[str, Any], client.info("replication"))

    def is_primary(self) -> bool:
        return self.replication().get("role") == "master"

    def is_replica_in_step(self) -> bool:
        return self.replication().get("master_link_status") == "up"

    def await_replica(self) -> None:
        """Return when its replica has all that it has been told so far.

        WAIT is no word for it: that waits for what its own connection has written.
        """
        told = int(self.replication()["master_repl_offset"])

        def has_all() -> bool:
            replica = self.replication().get("slave0")
            return isinstance(replica, dict) and replica["state"] == "online" and int(replica["offset"]) >= told

        until(has_all, within_s=REPLICATED_WITHIN_S, what="a replica that has all")

    def is_there(self) -> bool:
        """Whether its process runs; it may be frozen all the same."""
        return self._process is not None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


class TcpRedis(RedisServer):
    """The same on a port of the loopback address, which it keeps when it is started again."""

    def __init__(self, *arguments: str, user: str = "default", password: str = "", tls: Sequence[str] = ()) -> None:
        """user, password: what `client` says. tls: words that make it listen with TLS on its port instead."""
        self.port = free_port()
        ports = ("--tls-port", str(self.port), "--port", "0", *tls) if tls else ("--port", str(self.port))
        self._user, self._password = user, password
        super().__init__(*ports, "--bind", LOOPBACK, *arguments)

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}"

    def client(self) -> redis.Redis:
        who = {"username": self._user, "password": self._password} if self._password else {}
        return patient_client(unix_socket_path=str(self.socket), **who)
