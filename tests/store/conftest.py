"""One Redis for all tests of the state, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import Store, open_store
from tests.store.queue_scene import QueueScene
from tests.store.scene import Scene
from tests.support.redis_acl import as_node, users_with_default
from tests.support.redis_server import RedisServer

PATIENT_MS = 5_000
"""A machine that is busy with other things must fail no test that is not about time."""


@pytest.fixture(scope="session")
def _redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The store works as the user of docker/redis/users.acl, so that it may do what it does, and nothing else."""
    with RedisServer("--aclfile", str(users_with_default(tmp_path_factory.mktemp("acl")))) as server:
        yield server


@pytest.fixture
def redis_server(_redis_server: RedisServer) -> RedisServer:
    """A running Redis without keys."""
    with _redis_server.client() as client:
        client.flushall()
    return _redis_server


@pytest.fixture
def settings(redis_server: RedisServer) -> Settings:
    return replace(Settings(), redis_url=as_node(redis_server), redis_timeout_ms=PATIENT_MS)


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """The keys past the store."""
    with redis_server.client() as client:
        yield client


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    store.load_functions()
    yield store
    store.close()


@pytest.fixture
def scene(store: Store, raw: redis.Redis) -> Scene:
    return Scene(store, raw)


@pytest.fixture
def claimed(scene: Scene) -> DialogId:
    """A call at 101 that PICKER has claimed."""
    call = scene.ring("101")
    assert scene.picked_up("101") == call
    return call


@pytest.fixture
def impatient(settings: Settings, raw: redis.Redis) -> Iterator[Scene]:
    """The same tenant, with claims that a dead node keeps for 50 ms only."""
    store = open_store(replace(settings, claim_ttl_ms=50))
    yield Scene(store, raw)
    store.close()


@pytest.fixture
def queue(store: Store, raw: redis.Redis) -> QueueScene:
    return QueueScene(store, raw)


@pytest.fixture
def other_node(settings: Settings, raw: redis.Redis, queue: QueueScene) -> Iterator[QueueScene]:
    """The same queues, as another node sees them."""
    store = open_store(replace(settings, node="other"))
    yield QueueScene(store, raw, names=queue.names, node="other", _serial=queue._serial)
    store.close()


@pytest.fixture
def hurried(settings: Settings, raw: redis.Redis, queue: QueueScene) -> Iterator[QueueScene]:
    """Another node, whose calls are ghosts 450 ms after its last look."""
    store = open_store(replace(settings, node="hurried", queue_sign_ms=150))
    yield QueueScene(store, raw, names=queue.names, node="hurried", _serial=queue._serial)
    store.close()
