"""From options to a state store that answers."""

from __future__ import annotations

from dataclasses import replace

from kemi.cli.node import find_node, run_dirs, settings_of
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.redact import without_password
from kemi.errors import StoreUnavailable
from kemi.settings import Settings
from kemi.store import Store, open_store

PATIENCE_MS = 3_000
"""A person waits longer for an answer than a worker may."""


def reach_store(redis: str, node: str, run_dir: str, *, any_keyspace: bool = False) -> Store:
    """The store that a URL names, or else that of the node which runs here, once it has answered.

    Empty texts stand for options that were not given. Raises CommandFailed: no node, or no answer (3);
    a setting that cannot be read (2). Unless any_keyspace, raises KeyspaceRefused.
    """
    settings = settings_of(redis, node, run_dir)
    if not settings.redis_url:
        found = find_node(settings, (run_dir,) if run_dir else run_dirs())
        settings = replace(settings, redis_url=found.redis_url)
    settings = replace(settings, redis_timeout_ms=max(settings.redis_timeout_ms, PATIENCE_MS))
    store = open_named_store(settings)
    try:
        store.ping()
        if not any_keyspace:
            store.keyspace.check()
    except StoreUnavailable as error:
        place = without_password(settings.redis_url)
        raise CommandFailed(
            f"the state store at {place} does not answer ({error}); is it running, and --redis right?",
            Exit.UNREACHABLE,
        ) from error
    return store


def open_named_store(settings: Settings) -> Store:
    """The store of settings.redis_url, not yet asked; raises CommandFailed (2) when that is no such URL."""
    try:
        return open_store(settings)
    except ValueError as error:
        raise CommandFailed(f"--redis or STAR87_REDIS_URL: {error}", Exit.USAGE) from error
