"""The document in force."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from kemi.settings import Settings
from kemi.store import Store, open_store


@pytest.fixture
def another(settings: Settings) -> Iterator[Store]:
    """Another process's store on the same Redis."""
    store = open_store(settings)
    yield store
    store.close()


def test_given_no_document_when_it_is_asked_for_then_there_is_none(store: Store) -> None:
    assert store.provisioning.version() == 0
    assert store.provisioning.stamp() == ""
    assert store.provisioning.fetch() == (0, "")


def test_given_a_document_when_it_is_published_then_every_node_fetches_it_whole(store: Store, another: Store) -> None:
    document = '{"name": "Zoë\\n\\u0001", "many": "' + "x" * 2_000_000 + '"}'
    assert store.provisioning.publish(document) == 1
    assert another.provisioning.version() == 1
    assert another.provisioning.fetch() == (1, document)


def test_given_a_document_in_force_when_another_is_published_then_version_and_stamp_change(
    store: Store, another: Store
) -> None:
    stamps = {store.provisioning.stamp()}
    for version in (1, 2, 3):
        assert (store if version % 2 else another).provisioning.publish(f"{version}") == version
        assert another.provisioning.fetch() == (version, f"{version}")
        stamps.add(another.provisioning.stamp())
    assert len(stamps) == 4


def test_given_a_store_that_lost_everything_when_it_gets_a_first_document_again_then_the_stamp_tells_them_apart(
    store: Store, another: Store, raw: redis.Redis
) -> None:
    store.provisioning.publish("before")
    stamp = store.provisioning.stamp()
    raw.flushall()
    assert store.provisioning.publish("after") == 1
    assert another.provisioning.stamp() != stamp
