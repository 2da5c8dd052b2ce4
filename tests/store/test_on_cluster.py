"""The tests of pickup once more, on a Redis Cluster of three primaries: each operation is done by one of them."""

# ruff: noqa: F403

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
import redis

from kemi.settings import Settings
from tests.store.conftest import PATIENT_MS
from tests.store.test_claims import *
from tests.store.test_crossings import *
from tests.store.test_directed import *
from tests.store.test_order import *
from tests.store.test_queue_pickup import *
from tests.store.test_replaced import *
from tests.store.test_reroute import *
from tests.support.redis_cluster import RedisCluster


@pytest.fixture(scope="module")
def _redis_server() -> Iterator[RedisCluster]:
    with RedisCluster(replicas=0) as cluster:
        yield cluster


@pytest.fixture
def redis_server(_redis_server: RedisCluster) -> RedisCluster:
    _redis_server.empty()
    return _redis_server


@pytest.fixture
def settings(redis_server: RedisCluster) -> Settings:
    return replace(Settings(), redis_url=redis_server.url, redis_timeout_ms=PATIENT_MS)


@pytest.fixture
def raw(redis_server: RedisCluster) -> Iterator[redis.Redis]:
    with redis_server.client() as client:
        yield cast(redis.Redis, client)
