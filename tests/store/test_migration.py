"""The keyspace has a version: what a release refuses, and the way from an older one, broken off or done twice."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import redis

from kemi.errors import KeyspaceRefused, StoreUnavailable
from kemi.settings import Settings
from kemi.store import Store, functions, keys, open_store
from kemi.store.commands import Commands
from kemi.store.keyspace import OLDEST, STEPS, VERSION, Keyspace, Step
from tests.support import documents
from tests.support.node import STAR87
from tests.support.redis_acl import as_node
from tests.support.redis_server import RedisServer

DOMAINS = [f"t{n}.example.com" for n in range(3)]


@dataclass
class Renaming:
    """A step as a later release may have one: a key of each tenant gets another name."""

    raw: redis.Redis
    breaks_off_after: int = len(DOMAINS)
    done: list[str] = field(default_factory=list)

    def __call__(self, redis: Commands) -> None:
        for domain in DOMAINS:
            if len(self.done) >= self.breaks_off_after:
                raise StoreUnavailable("gone")
            old, new = keys.tenant(domain) + "old", keys.tenant(domain) + "agent:new"
            value = redis.call("HGET", old, "v")
            if value is not None:
                redis.call("HSET", new, "v", value)
                self.done.append(domain)
                self.raw.delete(old)


@pytest.fixture
def connection(store: Store) -> Commands:
    return store._connection


def later(connection: Commands, step: Renaming, *, oldest: int = 1) -> Keyspace:
    """The keyspace as the next release but one knows it."""
    steps = [*STEPS, Step(2, "rename", step), Step(3, "nothing", lambda _redis: None)]
    return Keyspace(connection, steps=steps, newest=3, oldest=oldest)


def test_given_the_steps_when_counted_then_they_lead_from_the_oldest_to_this_release_without_a_gap() -> None:
    assert [step.to for step in STEPS] == list(range(1, VERSION + 1))
    assert OLDEST <= VERSION


def test_given_an_empty_store_when_a_node_begins_then_it_has_this_release_s_keyspace(
    store: Store, raw: redis.Redis
) -> None:
    assert store.keyspace.version() is None
    assert store.keyspace.pending() == ()
    assert store.keyspace.begin() == VERSION
    assert raw.get(keys.VERSION) == str(VERSION).encode()
    assert store.keyspace.begin() == store.keyspace.check() == VERSION


def test_given_a_store_from_before_there_were_versions_when_a_node_begins_then_it_works_on_it_and_leaves_it_as_it_is(
    store: Store, raw: redis.Redis
) -> None:
    store.provisioning.publish("{}")
    assert store.keyspace.begin() == 0
    assert raw.get(keys.VERSION) is None
    assert [step.to for step in store.keyspace.pending()] == [1]


def test_given_an_unversioned_store_when_migrated_then_it_has_a_version_and_a_second_time_does_nothing(
    store: Store, raw: redis.Redis
) -> None:
    store.provisioning.publish("document")
    (step,) = store.keyspace.pending()
    assert store.keyspace.migrate(step) == 1
    assert (store.keyspace.version(), store.keyspace.pending()) == (1, ())
    assert store.keyspace.migrate(step) == 1, "another was faster"
    assert raw.get(keys.VERSION) == b"1"
    assert store.provisioning.fetch() == (1, "document")


def test_given_a_store_of_a_newer_release_when_looked_at_then_it_is_refused_with_what_to_do(
    store: Store, raw: redis.Redis
) -> None:
    raw.set(keys.VERSION, VERSION + 1)
    for act in (store.keyspace.begin, store.keyspace.check, store.keyspace.pending):
        with pytest.raises(KeyspaceRefused, match="run a newer release"):
            act()
    assert raw.get(keys.VERSION) == str(VERSION + 1).encode()


def test_given_a_store_that_is_too_old_when_a_node_begins_then_it_is_refused_and_can_be_migrated(
    store: Store, connection: Commands, raw: redis.Redis
) -> None:
    store.provisioning.publish("{}")
    keyspace = later(connection, Renaming(raw), oldest=2)
    with pytest.raises(KeyspaceRefused, match="star87 migrate"):
        keyspace.begin()
    assert [keyspace.migrate(step) for step in keyspace.pending()] == [1, 2, 3]
    assert keyspace.begin() == 3


def test_given_a_migration_that_is_broken_off_when_it_is_begun_anew_then_it_goes_on_where_it_was(
    connection: Commands, raw: redis.Redis
) -> None:
    raw.set(keys.VERSION, 1)
    for domain in DOMAINS:
        raw.hset(keys.tenant(domain) + "old", "v", domain)
    broken = later(connection, Renaming(raw, breaks_off_after=2))
    with pytest.raises(StoreUnavailable):
        broken.migrate(broken.pending()[0])
    assert raw.get(keys.VERSION) == b"1"

    step = Renaming(raw)
    whole = later(connection, step)
    assert [whole.migrate(pending) for pending in whole.pending()] == [2, 3]

    assert step.done == DOMAINS[2:]
    for domain in DOMAINS:
        assert cast(object, raw.hget(keys.tenant(domain) + "agent:new", "v")) == domain.encode()
        assert not raw.exists(keys.tenant(domain) + "old")


def test_given_functions_of_another_release_when_a_node_loads_its_own_then_both_work_until_they_are_removed(
    store: Store, settings: Settings, raw: redis.Redis, redis_server: RedisServer
) -> None:
    assert functions.LIBRARY.startswith(functions.PREFIX)
    theirs = functions.library().replace(functions.LIBRARY, f"{functions.PREFIX}00000000")
    raw.function_load(theirs)
    raw.function_load("#!lua name=star87\nredis.register_function('star87_over', function() return 0 end)")
    raw.function_load("#!lua name=star87x\nredis.register_function('others', function() return 0 end)")
    store.load_functions()
    assert cast(int, raw.fcall(f"{functions.PREFIX}00000000_publish", 1, keys.PROVISION, "theirs")) == 1
    assert store.provisioning.publish("ours") == 2

    # Whom the store refuses something asks it nothing for a moment.
    another = open_store(settings)
    with pytest.raises(StoreUnavailable, match="no permissions"):
        another.keyspace.drop_other_functions()
    another.close()
    admin = open_store(Settings(redis_url=as_node(redis_server, "star87-admin"), redis_timeout_ms=5000))
    assert admin.keyspace.drop_other_functions() == ("star87", f"{functions.PREFIX}00000000")
    assert admin.keyspace.drop_other_functions() == ()
    admin.close()

    assert store.provisioning.publish("ours") == 3
    with pytest.raises(redis.exceptions.ResponseError, match="Function not found"):
        raw.fcall(f"{functions.PREFIX}00000000_publish", 1, keys.PROVISION, "theirs")


def test_given_a_changed_lua_file_when_the_library_is_named_then_its_name_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in functions.FOLDER.glob("*.lua"):
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.setattr(functions, "FOLDER", tmp_path)
    assert functions.PREFIX + functions._digest() == functions.LIBRARY
    (tmp_path / "over.lua").write_text("-- changed\n" + (tmp_path / "over.lua").read_text())
    assert functions.PREFIX + functions._digest() != functions.LIBRARY


def test_given_an_empty_store_when_a_document_is_applied_before_any_node_starts_then_it_has_this_release_s_keyspace(
    store: Store, raw: redis.Redis, settings: Settings, tmp_path: Path
) -> None:
    raw.flushall()
    document = tmp_path / "provision.yaml"
    document.write_text(documents.example())

    command = [str(STAR87), "apply", str(document), "--redis", settings.redis_url]
    subprocess.run(command, check=True, capture_output=True, timeout=40)

    assert store.keyspace.version() == VERSION
