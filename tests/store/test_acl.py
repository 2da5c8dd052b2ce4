"""docker/redis/users.acl: a node may do all that it does, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import redis

from kemi.errors import StoreUnavailable
from kemi.nodes.peer import Peer
from kemi.settings import Settings
from kemi.store import Store, functions, keys, open_store
from tests.store.queue_scene import QueueScene
from tests.store.test_keyspace import walk
from tests.support.redis_acl import USERS, as_node, users_with_default
from tests.support.redis_server import RedisServer
from tests.support.until import until

HANDSHAKE = {"hello", "select", "function|load"}
"""What the client library, or a test with a fresh server, may or may not need: allowed without being in use here."""


def allowed(user: str) -> set[str]:
    """The commands that the file allows a user, in lower case."""
    (line,) = (line for line in USERS.read_text().splitlines() if line.startswith(f"user {user} "))
    return {word[1:] for word in line.split() if word.startswith("+")}


def test_given_the_administrator_when_compared_with_a_node_s_user_then_he_may_tidy_up_functions_and_no_more() -> None:
    assert allowed("star87-admin") - allowed("star87") == {"function|list", "function|delete"}
    assert allowed("star87") <= allowed("star87-admin")


@pytest.fixture
def node(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(as_node(redis_server)) as client:
        yield client


@pytest.mark.parametrize(
    "words",
    [
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("CONFIG", "GET", "*"),
        ("CONFIG", "SET", "dir", "/tmp"),
        ("SHUTDOWN",),
        ("SAVE",),
        ("BGREWRITEAOF",),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("MONITOR",),
        ("ACL", "LIST"),
        ("ACL", "SETUSER", "star87", "allcommands"),
        ("EVAL", "return 1", "0"),
        ("SCRIPT", "FLUSH"),
        ("FUNCTION", "FLUSH"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("PUBLISH", "a", "b"),
        ("GET", "another:key"),
        ("HSET", "another:key", "a", "b"),
        ("DEL", "another:key"),
    ],
    ids=" ".join,
)
def test_given_a_node_s_user_when_it_asks_for_more_then_it_is_refused(
    node: redis.Redis, words: tuple[str, ...]
) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        node.execute_command(*words)  # type: ignore[no-untyped-call]


def test_given_a_function_of_a_node_s_when_it_reaches_for_more_then_it_is_refused(node: redis.Redis) -> None:
    """Who may load functions may do by them what he may do himself."""
    for number, what in enumerate(("'FLUSHALL'", "'SET', 'another:key', 'x'")):
        body = f"redis.register_function('reach{number}', function() return redis.call({what}) end)"
        node.execute_command("FUNCTION", "LOAD", "REPLACE", f"#!lua name=reach{number}\n{body}")  # type: ignore[no-untyped-call]
        with pytest.raises(redis.exceptions.ResponseError, match="executing the script can't"):
            node.execute_command("FCALL", f"reach{number}", 0)  # type: ignore[no-untyped-call]


def test_given_the_default_user_when_the_file_is_in_force_then_nobody_comes_in_without_a_name(tmp_path: Path) -> None:
    path = users_with_default(tmp_path)
    with RedisServer("--aclfile", str(path)) as server:
        with server.client() as client:
            # As the file is shipped.
            path.write_text(USERS.read_text())
            client.acl_load()
        with pytest.raises(redis.exceptions.AuthenticationError), server.client() as client:
            client.ping()
        store = open_store(Settings(redis_url=as_node(server), redis_timeout_ms=5000))
        store.load_functions()
        assert store.provisioning.publish("{}") == 1
        store.close()


def test_given_every_operation_when_done_then_what_was_asked_of_redis_is_what_the_file_allows(
    queue: QueueScene, raw: redis.Redis
) -> None:
    """Measured: what Redis counted while every operation was done, on a server that is this test's alone."""
    lua = {
        command.lower()
        for path in functions.FOLDER.glob("*.lua")
        for command in re.findall(r"redis\.call\('([A-Z]+)'", path.read_text())
    }
    raw.config_resetstat()
    raw.acl_log_reset()
    for _ in walk(queue, "a"):
        pass
    queue.store.provisioning.publish("{}")
    queue.store.provisioning.stamp()
    queue.store.provisioning.fetch()
    queue.store.provisioning.version()
    queue.store.queues.domains()
    queue.store.events.latest(queue.domain)
    queue.store.ping()
    counted = {name.removeprefix("cmdstat_") for name in cast(dict[str, object], raw.info("commandstats"))}
    used = (counted & allowed("star87")) | lua
    assert allowed("star87") - HANDSHAKE == used - HANDSHAKE
    log = cast(list[dict[str, str]], raw.acl_log())
    assert not [entry for entry in log if entry["username"] == "star87"]
    assert all(name.startswith(keys.tenant("")[:4]) for name in map(bytes.decode, cast(list[bytes], raw.keys("*"))))


def test_given_an_append_only_file_when_the_store_is_started_again_then_what_functions_wrote_is_there(
    tmp_path: Path,
) -> None:
    """Redis reads it back as the default user, and asks at each EXEC what he may: if he may nothing, that is lost."""
    path = users_with_default(tmp_path)
    with RedisServer("--aclfile", str(path), "--appendonly", "yes") as server:
        path.write_text(USERS.read_text())
        with server.client() as client:
            client.acl_load()
        store = open_store(Settings(redis_url=as_node(server), redis_timeout_ms=5000))
        store.load_functions()
        peer = Peer("a", "1", "udp:192.0.2.1:5060")
        secret = store.nodes.announce(peer, "kept").secret
        assert secret == "kept"
        store.close()

        server.kill()
        server.start(awaits=False)

        store = open_store(Settings(redis_url=as_node(server), redis_timeout_ms=5000, redis_retry_ms=0))
        until(lambda: answers(store), what="the store to be back")
        told = store.nodes.announce(peer, "another")
        store.close()
        assert (told.accepted, told.secret) == (True, "kept")


def answers(store: Store) -> bool:
    try:
        store.ping()
    except StoreUnavailable:
        return False
    return True
