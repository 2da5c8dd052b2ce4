"""What failed tests leave behind: a folder of logs, named in the report."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

FAILED = pytest.StashKey[bool]()
EVIDENCE = pytest.StashKey[Path]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        folder = item.stash.get(EVIDENCE, None)
        if folder is not None:
            report.sections.append(("evidence", f"logs and capture: {folder}"))
    return report


@pytest.fixture
def evidence(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder for logs and captures: removed when the test passes, named in the report when it fails."""
    node: pytest.Item = request.node
    node.stash[EVIDENCE] = tmp_path
    yield tmp_path
    if not node.stash.get(FAILED, False):
        shutil.rmtree(tmp_path, ignore_errors=True)
