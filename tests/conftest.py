"""What failed tests leave behind: a folder of logs, which the report names, and the end of each server's log."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.node import Node
from tests.support.redis_server import RedisServer
from tests.support.rtpengine import RtpEngine
from tests.support.tenants import Tenant

FAILED = pytest.StashKey[bool]()
EVIDENCE = pytest.StashKey[Path]()
LAST_LINES = 40

# What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts in its turn.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Whether a property holds is no question of time, and what is tried is the same in every run: a run tells of the change
# that it is made for. `--hypothesis-profile=explore` tries something else each time.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("explore"), derandomize=True)
settings.load_profile("same")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        folder = item.stash.get(EVIDENCE, None)
        if folder is not None:
            report.sections.append(("evidence", f"logs and capture: {folder}"))
        for log in _logs(item):
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            report.sections.append((f"end of {log}", "\n".join(lines)))
    return report


def _logs(item: pytest.Item) -> Iterator[Path]:
    """Of the servers that the test's fixtures have brought, and that it has started in its folder."""
    folders: list[Path] = []
    for value in getattr(item, "funcargs", {}).values():
        server = value.node if isinstance(value, Tenant) else value
        if isinstance(server, Node):
            folders.append(server.folder / server.name)
        elif isinstance(server, RedisServer | RtpEngine):
            folders.append(server.folder)
    for folder in dict.fromkeys(folders):
        yield from sorted(folder.glob("*.log"))
    if evidence := item.stash.get(EVIDENCE, None):
        yield from sorted(evidence.glob("*/kamailio.log"))
        yield from sorted(evidence.glob("*/*/kamailio.log"))


@pytest.fixture
def evidence(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder for logs and captures: removed when the test passes, named in the report when it fails."""
    node: pytest.Item = request.node
    node.stash[EVIDENCE] = tmp_path
    yield tmp_path
    if not node.stash.get(FAILED, False):
        shutil.rmtree(tmp_path, ignore_errors=True)
