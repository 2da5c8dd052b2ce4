"""`star87 backup` and `star87 restore` on real stores: the same comes back, or nothing is changed."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kemi.pickup.event import PickupEvent
from kemi.queueing.queue import Duty
from kemi.settings import Settings
from kemi.store import Store, open_store
from tests.support import documents
from tests.support.node import STAR87
from tests.support.redis_server import RedisServer

DOMAIN = "pbx.example.com"
ODD = b"\xff\xfe".decode("utf-8", "surrogateescape")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def another() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def ran(*words: str, server: RedisServer) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(STAR87), *words, "--redis", server.url], capture_output=True, text=True, timeout=20, env={}
    )


def opened(server: RedisServer) -> Store:
    return open_store(Settings(redis_url=server.url, redis_timeout_ms=5000))


def lived(server: RedisServer, folder: Path) -> Store:
    """A store with a document, an agent who is logged out, statistics, and a record."""
    document = folder / "document.yaml"
    document.write_text(documents.example())
    assert ran("apply", str(document), server=server).returncode == 0
    store = opened(server)
    store.queues.set_duty(DOMAIN, "104", Duty.OUT)
    with server.client() as client:
        client.hset(f"s87:{{{DOMAIN}}}:stats:800", mapping={"served": 7, "abandoned": 2})
    for n in range(3):
        store.events.write(PickupEvent(DOMAIN, "103", f"10{n}", "picked_up", 200, caller=f"{ODD} Zoë {n}"))
    store.settle()
    return store


def state(store: Store) -> tuple[Any, ...]:
    agents, groups = ["104", "105"], ["800"]
    kept = store.backups.read(DOMAIN, agents, groups)
    return store.provisioning.fetch()[1], kept


def test_given_a_backup_when_restored_into_an_empty_store_then_all_of_it_is_back(
    evidence: Path, server: RedisServer, another: RedisServer
) -> None:
    before = lived(server, evidence)
    file = evidence / "backup.json"

    done = ran("backup", str(file), server=server)
    assert (done.returncode, done.stdout) == (0, f"{file}: provisioning version 1, 3 records of pickups\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    restored = ran("restore", str(file), server=another)

    assert (restored.returncode, restored.stdout) == (0, "in force: version 1, 3 records of pickups\n")
    after = opened(another)
    assert state(after) == state(before)
    assert after.events.read(DOMAIN) == before.events.read(DOMAIN)
    assert state(after)[1].logged_in == {"104": False, "105": True}
    assert state(after)[1].statistics == {"800": {"served": 7, "abandoned": 2}}


def test_given_a_store_that_went_on_when_a_backup_is_restored_then_its_record_is_not_touched(
    evidence: Path, server: RedisServer
) -> None:
    store = lived(server, evidence)
    file = evidence / "backup.json"
    assert ran("backup", str(file), server=server).returncode == 0
    store.events.write(PickupEvent(DOMAIN, "103", "109", "no_such_account", 404))
    store.queues.set_duty(DOMAIN, "104", Duty.IN)
    record = store.events.read(DOMAIN)
    assert len(record) == 4

    restored = ran("restore", str(file), server=server)

    assert restored.stdout == "in force: version 2, 0 records of pickups\n"
    assert store.events.read(DOMAIN) == record
    assert state(store)[1].logged_in["104"] is False


def no_domain(backup: dict[str, Any]) -> None:
    del backup["document"]["domains"][0]["name"]


def dangling(backup: dict[str, Any]) -> None:
    backup["document"]["domains"][0]["hunt_groups"][0]["stages"][0]["members"] = ["999"]


def other_format(backup: dict[str, Any]) -> None:
    backup["star87_backup"] = 99


def no_document(backup: dict[str, Any]) -> None:
    del backup["document"]


def torn_record(backup: dict[str, Any]) -> None:
    backup["state"][DOMAIN]["record"][0].pop()


def unordered_record(backup: dict[str, Any]) -> None:
    backup["state"][DOMAIN]["record"].reverse()


def odd_state(backup: dict[str, Any]) -> None:
    backup["state"][DOMAIN]["logged_in"] = ["104"]


def odd_statistics(backup: dict[str, Any]) -> None:
    backup["state"][DOMAIN]["statistics"] = {"800": {"served": "many"}}


@pytest.mark.parametrize(
    "fault",
    [no_domain, dangling, other_format, no_document, torn_record, unordered_record, odd_state, odd_statistics],
)
def test_given_a_backup_with_a_fault_when_restored_then_it_is_told_and_nothing_is_changed(
    evidence: Path, server: RedisServer, fault: Callable[[dict[str, Any]], None]
) -> None:
    store = lived(server, evidence)
    file = evidence / "backup.json"
    assert ran("backup", str(file), server=server).returncode == 0
    backup = json.loads(file.read_text())
    fault(backup)
    file.write_text(json.dumps(backup))
    before, version = state(store), store.provisioning.version()

    done = ran("restore", str(file), server=server)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
    assert (state(store), store.provisioning.version()) == (before, version)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"version: 1", b"\xff"])
def test_given_a_file_that_is_no_backup_when_restored_then_it_is_refused(
    tmp_path: Path, server: RedisServer, content: bytes
) -> None:
    file = tmp_path / "backup.json"
    file.write_bytes(content)
    done = ran("restore", str(file), server=server)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is no backup" in done.stderr
    with server.client() as client:
        assert client.keys("*") == []


def test_given_no_document_or_no_place_when_backed_up_then_no_file_is_left(tmp_path: Path, server: RedisServer) -> None:
    file = tmp_path / "backup.json"
    assert ran("backup", str(file), server=server).returncode == 3
    lived(server, tmp_path)
    assert ran("backup", str(tmp_path / "none" / "backup.json"), server=server).returncode == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["document.yaml"]
