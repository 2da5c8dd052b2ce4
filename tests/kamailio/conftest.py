"""One node for each file of tests that leave it as they found it; each test has a tenant of its own there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import Node
from tests.support.redis_server import RedisServer
from tests.support.tenants import Tenant, Tenants
from tests.support.web import Web

TENANTS = 80


@pytest.fixture(scope="module")
def tenants(request: pytest.FixtureRequest) -> Tenants:
    """A file's CHANGE is what its tenants have different."""
    return Tenants(TENANTS, getattr(request.module, "CHANGE", None))


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A file's ENVIRONMENT is what its node has different."""
    environment = getattr(request.module, "ENVIRONMENT", None)
    with Node(tmp_path_factory.mktemp("node"), tenants.document(), environment=environment) as node:
        yield node


@pytest.fixture(scope="module")
def store() -> Iterator[RedisServer]:
    """For a file whose node has a store that the tests take away: each brings it back."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def web(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The console of that node."""
    with Web(node, tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture
def own_web(node: Node, tmp_path: Path) -> Iterator[Web]:
    """One whose counts of wrong passwords are this test's alone."""
    with Web(node, tmp_path / "web") as web:
        yield web


@pytest.fixture
def tenant(node: Node, tenants: Tenants) -> Iterator[Tenant]:
    """A tenant that no other test uses; while the test lasts, no handler may raise what nobody expected."""
    log = node.folder / node.name / "kamailio.log"
    before = len(log.read_text(errors="replace"))
    taken = tenants.take(node)
    yield taken
    taken.close()
    assert_no_traceback(log, before)


def assert_no_traceback(log: Path, start: int = 0) -> None:
    """What a handler raises that is no SIP answer goes to Kamailio's log."""
    said = log.read_text(errors="replace")[start:]
    found = said.find("Traceback")
    assert found < 0, said[found : found + 3000]
