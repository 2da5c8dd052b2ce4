"""`make demo-web`, as whoever tries it sees it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.demo_web import ATTENDANT, DOMAIN
from tests.support.sipp import PASSWORD
from tests.support.until import until

KINDS = {"extension", "hunt_group", "agent_group"}
UP_WITHIN_S = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """pytest's own has too long a path for a node's sockets."""
    with tempfile.TemporaryDirectory(prefix="s87-") as folder:
        yield Path(folder)


def test_given_the_demo_when_started_then_calls_come_and_go_and_one_is_picked_up_and_ctrl_c_ends_all_of_it(
    folder: Path,
) -> None:
    out = folder / "out"
    with out.open("wb") as to:
        demo = subprocess.Popen(
            [sys.executable, "-m", "tests.support.demo_web"],
            stdout=to,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder)},
            cwd=Path(__file__).parents[3],
        )
    try:
        until(lambda: "Ctrl-C ends" in out.read_text() or demo.poll() is not None, within_s=UP_WITHIN_S)
        url = re.search(r"http://\S+?(?=/)", out.read_text())
        assert url is not None, out.read_text()
        auth = httpx.BasicAuth(f"{ATTENDANT}@{DOMAIN}", PASSWORD)
        with httpx.Client(base_url=url[0] + "/api/v1", auth=auth, trust_env=False) as at:

            def calls() -> list[dict[str, object]]:
                found: list[dict[str, object]] = at.get("/calls").json()["calls"]
                return found

            until(lambda: {one["account"]["kind"] for one in calls()} == KINDS, within_s=30, what="calls of each kind")  # type: ignore[index]
            [call, *_] = [one for one in calls() if one["can_pick_up"]]
            assert at.post(f"/calls/{call['id']}/pickup").status_code == 202
            until(lambda: [one["outcome"] for one in at.get("/record").json()] == ["picked_up"], within_s=20)
            # Its callers give up after a while: the list does not grow for ever.
            first = {one["id"] for one in calls()}
            until(lambda: not first & {one["id"] for one in calls()}, within_s=45, what="the first callers to give up")
    finally:
        demo.send_signal(signal.SIGINT)
        status = demo.wait(30)
    assert (status, list(folder.glob("star87-demo-web-*"))) == (0, [])
