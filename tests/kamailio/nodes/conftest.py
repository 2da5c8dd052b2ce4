"""Two nodes for each file of tests: phones register at `node`, unless they do elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kamailio.conftest import assert_no_traceback
from tests.support.node import Node
from tests.support.several_nodes import SeveralNodes
from tests.support.tenants import Tenant, Tenants


@pytest.fixture(scope="module")
def pair(
    request: pytest.FixtureRequest, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SeveralNodes]:
    """A file's ENVIRONMENT is what its nodes have different."""
    environment = getattr(request.module, "ENVIRONMENT", None)
    with SeveralNodes(tmp_path_factory.mktemp("nodes"), tenants, environment=environment) as pair:
        yield pair


@pytest.fixture
def node(pair: SeveralNodes) -> Node:
    return pair.nodes["a"]


@pytest.fixture
def other(pair: SeveralNodes) -> Node:
    return pair.nodes["b"]


@pytest.fixture
def tenant(node: Node, other: Node, tenants: Tenants) -> Iterator[Tenant]:
    """A tenant that no other test uses; while the test lasts, no handler of either node may raise."""
    logs = [one.folder / one.name / "kamailio.log" for one in (node, other)]
    before = [len(log.read_text(errors="replace")) for log in logs]
    taken = tenants.take(node)
    yield taken
    taken.close()
    for log, length in zip(logs, before, strict=True):
        assert_no_traceback(log, length)
