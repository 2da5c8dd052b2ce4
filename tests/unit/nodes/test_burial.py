"""What dead nodes have left is removed bit by bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.directory import Directory
from kemi.errors import NotProvisioned, StoreUnavailable
from kemi.nodes import burial
from kemi.nodes.burial import Burial
from kemi.nodes.peer import Peer
from tests.support.directories import directory_of, extension

DEAD = Peer("a", "1", "udp:192.0.2.1:5060")
DOMAIN = "pbx.example.com"


class Store:
    def __init__(self, left: int) -> None:
        self.left = left
        self.steps: list[str] = []
        self.away = False

    def bury(self, domain: str, instance: str) -> int:
        assert instance == DEAD.instance
        if self.away:
            raise StoreUnavailable("away")
        self.steps.append(domain)
        self.left = max(0, self.left - 1)
        return self.left

    def buried(self, peer: Peer) -> None:
        assert self.left == 0
        self.steps.append(f"buried {peer.instance}")


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return directory_of(tmp_path, extension("101"))


def test_given_a_dead_node_when_it_is_buried_then_every_tenant_is_gone_through_and_the_registry_told(
    directory: Directory,
) -> None:
    store = Store(3)
    Burial(store, lambda: directory)(DEAD)
    assert store.steps == [DOMAIN] * 3 + ["buried a@1"]


def test_given_much_to_remove_when_time_is_over_then_the_next_beat_goes_on(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burial, "AT_ONCE_S", 0.0)
    store = Store(3)
    bury = Burial(store, lambda: directory)
    bury(DEAD)
    assert store.steps == [DOMAIN]
    for _ in range(3):
        bury(DEAD)
    assert store.steps == [DOMAIN] * 3 + ["buried a@1"]


def test_given_a_store_that_is_away_when_burying_then_it_begins_anew_later(directory: Directory) -> None:
    store = Store(1)
    bury = Burial(store, lambda: directory)
    store.away = True
    with pytest.raises(StoreUnavailable):
        bury(DEAD)
    store.away = False
    bury(DEAD)
    assert store.steps[-1] == "buried a@1"


def test_given_no_document_yet_when_a_node_is_dead_then_it_stays_on_the_registry() -> None:
    def missing() -> Directory:
        raise NotProvisioned

    store = Store(0)
    Burial(store, missing)(DEAD)
    assert store.steps == []
