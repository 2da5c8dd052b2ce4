"""Shells complete what `star87 --install-completion` has set up."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.node import STAR87


def completed(line: str) -> list[str]:
    """What bash would offer at the end of a line."""
    environment = {**os.environ, "_STAR87_COMPLETE": "complete_bash", "COMP_WORDS": line}
    environment["COMP_CWORD"] = str(len(line.split(" ")) - 1)
    return subprocess.run([str(STAR87)], capture_output=True, text=True, env=environment, check=True).stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("star87 wa", ["watch"]),
        ("star87 re", ["reload-certificates", "restore"]),
        ("star87 agents lo", ["login", "logout"]),
        ("star87 watch --o", ["--once"]),
        ("star87 nothing-like-it", []),
    ],
)
def test_given_the_beginning_of_a_word_when_completed_then_what_it_can_be_is_offered(
    line: str, offered: list[str]
) -> None:
    assert sorted(completed(line)) == offered


def test_given_a_shell_when_completion_is_installed_then_bash_can_read_it_and_asks_star87(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{STAR87.parent}:{os.environ['PATH']}"}
    # It looks which shell it is called from.
    install = f"'{STAR87}' --install-completion bash && true"
    subprocess.run(["bash", "-c", install], env=environment, check=True, capture_output=True)
    asked = "source ~/.bashrc; COMP_WORDS=(star87 doc); COMP_CWORD=1; _star87_completion star87; echo ${COMPREPLY[@]}"
    done = subprocess.run(["bash", "-c", asked], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("doctor\n", "")
