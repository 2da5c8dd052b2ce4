"""Long work says at a terminal, and only there, that it goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.node import STAR87
from tests.support.terminal import Terminal

MANY = 20_000


def document(folder: Path) -> Path:
    numbers = (f'      - {{number: "{100_000 + n}", password: change-me, monitored_by: ["*"]}}' for n in range(MANY))
    path = folder / "many.yaml"
    path.write_text("\n".join(["version: 1", "domains:", "  - name: a.example.com", "    extensions:", *numbers]))
    return path


def test_given_a_large_document_when_checked_at_a_terminal_then_what_is_done_is_shown_and_gone_at_the_end(
    tmp_path: Path,
) -> None:
    with Terminal([str(STAR87), "check", str(document(tmp_path))]) as terminal:
        terminal.shows("validating 0:00:0")
        assert terminal.ends() == 0
        assert terminal.screen().split("\n")[0] == f"valid: 1 domain, {MANY} accounts, 0 trunks"
        assert "validating" not in terminal.screen()
        assert terminal.is_as_before
        assert terminal.shows_cursor


def test_given_no_terminal_when_checked_then_nothing_but_the_result_is_written(tmp_path: Path) -> None:
    done = subprocess.run([str(STAR87), "check", str(document(tmp_path))], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"valid: 1 domain, {MANY} accounts, 0 trunks\n", "")


SLOW = """
import time
from kemi.cli.output import progress
for item in progress(range(12), "looking"):
    time.sleep(0.1)
print("all seen")
"""


def test_given_items_that_take_long_when_gone_through_then_a_bar_comes_after_a_moment_and_goes() -> None:
    with Terminal([sys.executable, "-c", SLOW]) as terminal:
        terminal.shows("looking")
        assert terminal.ends() == 0
        assert terminal.screen().strip() == "all seen"
