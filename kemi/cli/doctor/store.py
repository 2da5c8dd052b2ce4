"""What is looked at in the state store: that it answers, what Redis it is, its keyspace, its clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from kemi.cli.doctor.finding import Finding, note, ok, wrong
from kemi.cli.redact import without_password
from kemi.errors import KeyspaceRefused, StoreUnavailable
from kemi.store import Store
from kemi.store.functions import LIBRARY
from kemi.store.keyspace import VERSION
from kemi.store.server import Figures

OLDEST_REDIS = (7, 0)
CLOCK_APART_S = 2.0
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def look_at_store(store: Store, url: str) -> Iterator[Finding]:
    """Ends with the first finding that makes the others moot: it is WRONG then."""
    place = without_password(url)
    try:
        store.ping()
    except StoreUnavailable as error:
        yield wrong("store", f"{place} does not answer: {error}", "is it running, and are URL, password and ACL right?")
        return
    yield ok("store", f"{place} answers")
    yield from look_at_url(url)
    try:
        figures = store.server.figures()
    except StoreUnavailable:
        yield note(
            "redis",
            "this user may not ask INFO: version, memory and persistence are not known",
            "ask as an administrator",
        )
    else:
        yield from look_at_redis(figures, is_private=url.startswith("unix:"))
    yield from _keyspace(store)
    yield from _functions(store)
    yield from _clock(store)


def look_at_url(url: str) -> Iterator[Finding]:
    """Whoever reaches a Redis without a password can end calls and read whom people call."""
    parts = urlsplit(url)
    is_near = parts.scheme == "unix" or all(
        host.rpartition(":")[0] in LOOPBACK_HOSTS or host in LOOPBACK_HOSTS
        for host in parts.netloc.rpartition("@")[2].split(",")
    )
    remedy = "give nodes a user and a password: docker/redis/users.acl"
    if "@" not in parts.netloc and "password" not in parts.query and not is_near:
        yield wrong("acl", "the store is reached over the network without a password", remedy)
    elif parts.scheme.startswith("redis") and (parts.username or "default") == "default" and not is_near:
        yield note("acl", "the nodes are the default user, who may do everything", remedy)


def look_at_redis(figures: Figures, *, is_private: bool) -> Iterator[Finding]:
    """is_private: it is reached by a socket of this host; a node's own keeps nothing on purpose."""
    version = ".".join(map(str, figures.version))
    if figures.version < OLDEST_REDIS:
        yield wrong("redis", f"version {version}", "install Redis 7.0 or newer")
    else:
        yield ok("redis", f"version {version}, {figures.role}")
    if figures.role == "slave":
        yield wrong("redis", "this is a replica", "name the primary, or the Sentinels (redis+sentinel://)")
    if figures.evicts and figures.maxmemory:
        yield wrong(
            "memory",
            f"when it is full it drops keys ({figures.evicts}): calls",
            "CONFIG SET maxmemory-policy noeviction",
        )
    elif figures.maxmemory:
        yield ok("memory", f"at most {figures.maxmemory >> 20} MB, and no key is dropped")
    else:
        yield ok("memory", "without a limit of its own")
    if figures.last_save_failed:
        yield wrong("persistence", "the last write to disk failed", "is its disk full, or its folder closed to it?")
    elif figures.persists:
        yield ok("persistence", "what it has is written to disk")
    elif figures.persists is None:
        yield note("persistence", "this user may not know", "ask as an administrator: CONFIG GET save")
    elif is_private:
        yield ok("persistence", "none: the store of one node, which fills it when it starts")
    else:
        yield note(
            "persistence",
            "nothing is written to disk: a restart forgets the document, who is logged in, and the record",
            "CONFIG SET appendonly yes, or star87 backup from time to time",
        )


def _keyspace(store: Store) -> Iterator[Finding]:
    try:
        version = store.keyspace.check()
    except (KeyspaceRefused, StoreUnavailable) as refusal:
        yield wrong("keyspace", str(refusal), "see README, Upgrades")
        return
    if version != VERSION:
        yield note(
            "keyspace", f"{version}, that of this release is {VERSION}", "star87 migrate, once every node is new"
        )
    else:
        yield ok("keyspace", f"version {version}")


def _functions(store: Store) -> Iterator[Finding]:
    try:
        store.server.try_out()
        yield ok("functions", f"{LIBRARY} is loaded and can be run")
    except StoreUnavailable as error:
        yield wrong("functions", f"{LIBRARY} cannot be run: {error}", "the user's ACL: docker/redis/users.acl")


def _clock(store: Store) -> Iterator[Finding]:
    before_us = time.time_ns() // 1000
    try:
        now_us = store.server.now_us()
    except StoreUnavailable as error:
        yield note("clock", f"the store does not tell its own: {error}", "the user's ACL: +time")
        return
    after_us = time.time_ns() // 1000
    apart_s = (max(0, now_us - after_us) - max(0, before_us - now_us)) / 1_000_000
    if abs(apart_s) > CLOCK_APART_S:
        way = "ahead of" if apart_s > 0 else "behind"
        yield wrong("clock", f"the store's is {abs(apart_s):.1f} s {way} this host's", "synchronise both (chrony)")
    else:
        yield ok("clock", "the store's and this host's agree")
