"""Nodes and commands on stores of other releases: what is refused, and how an operator gets on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kemi.store import keys
from kemi.store.keyspace import VERSION
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.run import STOP_WITHIN_S, Run


@pytest.fixture
def store() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_given_a_store_of_a_newer_release_when_a_node_or_a_command_comes_then_it_is_refused_with_what_to_do(
    evidence: Path, store: RedisServer
) -> None:
    with store.client() as client:
        client.set(keys.VERSION, VERSION + 1)
        run = Run(evidence, free_port(), "--redis", store.url)
        assert run.process.wait(STOP_WITHIN_S) == 1
        refusal = (
            f"star87: the state store has keyspace {VERSION + 1}, this release knows none after {VERSION}: "
            "run a newer release of star87\n"
        )
        assert (run.said(), run.complained()) == ("", refusal)
        for words in (["apply", str(evidence / "provision.yaml")], ["calls"], ["migrate"], ["migrate", "--dry-run"]):
            done = run.star87(*words, "--redis", store.url)
            assert (done.returncode, done.stdout, done.stderr) == (1, "", refusal)
        assert client.keys("*") == [keys.VERSION.encode()], "nothing was written"


def test_given_an_unversioned_store_when_a_node_comes_then_it_works_says_so_and_migrates_while_it_runs(
    evidence: Path, store: RedisServer
) -> None:
    with store.client() as client:
        client.hset(keys.PROVISION, mapping={"version": 7, "document": "{}", "stamp": "7-1"})
        run = Run(evidence, free_port(), "--redis", store.url)
        try:
            run.await_ready()
            assert run.complained() == (
                f"the state store has keyspace 0, that of this release is {VERSION}: "
                "when every node runs this release, `star87 migrate`\n"
            )
            would = run.star87("migrate", "--dry-run")
            assert (would.returncode, client.get(keys.VERSION)) == (0, None)
            assert would.stdout == "keyspace 1: write down the version; no other key changes\n"
            done = run.star87("migrate")
            assert (done.returncode, done.stdout) == (0, would.stdout)
            assert client.get(keys.VERSION) == str(VERSION).encode()
            again = run.star87("migrate")
            assert (again.returncode, again.stdout) == (0, f"keyspace {VERSION}: nothing to migrate\n")
            assert run.star87("apply", str(evidence / "provision.yaml")).returncode == 0
        finally:
            run.clean_up()
