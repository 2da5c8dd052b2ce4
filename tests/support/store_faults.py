"""Every way in which a Redis fails while its address stays the same, and how it is put right again."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import redis

from tests.support.ports import LOOPBACK
from tests.support.redis_server import TcpRedis
from tests.support.until import until

ADMIN = "admin"
NOBODY = 1
"""A port on which nobody listens."""
LOADING_KEYS = 12
LOADS_FOR_S = 3.0


def faulty_redis() -> TcpRedis:
    """A Redis whose user `default`, without a password, is the node's; an administrator is let in whatever happens."""
    arguments = ("--user", *f"{ADMIN} on >{ADMIN} ~* &* +@all".split(), "--busy-reply-threshold", "30")
    return TcpRedis(*arguments, user=ADMIN, password=ADMIN)


@dataclass(frozen=True)
class Fault:
    """begin, end: of the fault. told: a word of the report about it."""

    name: str
    told: str
    begin: Callable[[TcpRedis], None]
    end: Callable[[TcpRedis], None]

    def __str__(self) -> str:
        return self.name


def _say(*commands: str) -> Callable[[TcpRedis], None]:
    def say(server: TcpRedis) -> None:
        with server.client() as client:
            for command in commands:
                client.execute_command(*command.split())

    return say


def _start(server: TcpRedis) -> None:
    server.start()


def _begin_loading(server: TcpRedis) -> None:
    with server.client() as client:
        for number in range(LOADING_KEYS):
            client.set(f"in-the-way-{number}", "x" * 5000)
        client.config_set("rdbcompression", "no")
        client.save()
        # Those of the calls are loaded, too, and under load they are many.
        delay_us = round(LOADS_FOR_S * 1_000_000 / cast(int, client.dbsize()))
    server.kill()
    slowly = ["--key-load-delay", str(delay_us), "--loading-process-events-interval-bytes", "1024"]
    server.start(*slowly, awaits=False)
    until(lambda: _says_loading(server), what="a Redis that is loading")


def _says_loading(server: TcpRedis) -> bool:
    try:
        with server.client() as client:
            client.ping()
    except redis.BusyLoadingError:
        return True
    except redis.ConnectionError:
        return False
    return False


def _end_loading(server: TcpRedis) -> None:
    server.await_ready()
    (server.folder / "dump.rdb").unlink()
    with server.client() as client:
        client.delete(*(f"in-the-way-{number}" for number in range(LOADING_KEYS)))


def _begin_script(server: TcpRedis) -> None:
    with socket.socket(socket.AF_UNIX) as endless:
        endless.connect(str(server.socket))
        endless.sendall(f"AUTH {ADMIN} {ADMIN}\r\nEVAL 'while true do end' 0\r\n".encode())

        until(lambda: _says_busy(server), what="a script that hangs")


def _end_script(server: TcpRedis) -> None:
    _say("SCRIPT KILL")(server)
    until(lambda: not _says_busy(server), what="an end of the script")


def _says_busy(server: TcpRedis) -> bool:
    try:
        with server.client() as client:
            client.ping()
    except redis.ResponseError as error:
        return "BUSY" in str(error)
    return False


def _fill(server: TcpRedis) -> None:
    with server.client() as client:
        used = cast(dict[str, int], client.info("memory"))["used_memory"]
        client.config_set("maxmemory", used // 2)
        client.config_set("maxmemory-policy", "noeviction")


FAULTS = (
    Fault("killed", "does not answer", lambda server: server.kill(), _start),
    Fault("hangs", "does not answer", lambda server: server.freeze(), lambda server: server.thaw()),
    Fault("full", "OOM|raise its maxmemory|used memory", _fill, _say("CONFIG SET maxmemory 0")),
    Fault("read-only", "it is a replica", _say(f"REPLICAOF {LOOPBACK} {NOBODY}"), _say("REPLICAOF NO ONE")),
    Fault(
        "primary-of-it-down",
        "it is a replica",
        _say("CONFIG SET replica-serve-stale-data no", f"REPLICAOF {LOOPBACK} {NOBODY}"),
        _say("REPLICAOF NO ONE", "CONFIG SET replica-serve-stale-data yes"),
    ),
    Fault(
        "password-changed",
        "password",
        _say("ACL SETUSER default resetpass >other", "CLIENT KILL TYPE normal SKIPME yes"),
        _say("ACL SETUSER default nopass"),
    ),
    Fault("acl-changed", "ACL", _say("ACL SETUSER default -fcall"), _say("ACL SETUSER default +@all")),
    # Between two keys it may be too slow to say so.
    Fault("loading", "loading|Timeout reading", _begin_loading, _end_loading),
    Fault("script-hangs", "BUSY", _begin_script, _end_script),
    Fault(
        "no-replica",
        "NOREPLICAS",
        _say("CONFIG SET min-replicas-to-write 1"),
        _say("CONFIG SET min-replicas-to-write 0"),
    ),
)
