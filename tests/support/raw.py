"""The keys of a state store past Star87, whatever its URL."""

from __future__ import annotations

from typing import Any, cast

import redis
from redis.sentinel import Sentinel

from kemi.store.urls import Topology, target_of


def raw_client(url: str) -> redis.Redis:
    """redis-py's own client for a URL of one Redis, of Sentinels or of a Cluster, without TLS."""
    target = target_of(url)
    if target.topology is Topology.SENTINEL:
        found = cast(Any, Sentinel)(list(target.places), sentinel_kwargs=target.sentinel_options, **target.options)
        return cast(redis.Redis, found.master_for(target.service))
    if target.topology is Topology.CLUSTER:
        host, port = target.places[0]
        return cast(redis.Redis, redis.RedisCluster(host=host, port=port, **target.options))
    return redis.Redis.from_url(url)
