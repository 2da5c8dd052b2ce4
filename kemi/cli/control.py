"""Commands to a running Kamailio, by its control socket."""

from __future__ import annotations

import subprocess

from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.processes import program
from kemi.cli.supervisor import CHILD_PATH

ANSWER_WITHIN_S = 3.0


class ControlFailed(CommandFailed):
    """Kamailio refused a command, or did not answer it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.UNREACHABLE)


def ask(node_dir: str, *words: str, within_s: float = ANSWER_WITHIN_S) -> str:
    """What Kamailio answers to a command; raises ControlFailed when it refuses it or says nothing in time."""
    command = [program("kamcmd", "kamailio"), "-s", f"unix:{node_dir}/ctl.sock", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=within_s, env={"PATH": CHILD_PATH}
        )
    except subprocess.TimeoutExpired as slow:
        raise ControlFailed(f"Kamailio did not answer {words[0]} within {within_s:g} s") from slow
    said = done.stdout.strip()
    if done.returncode or said.startswith("error:"):
        why = (said or done.stderr.strip()).splitlines()
        raise ControlFailed(f"Kamailio refused {words[0]}: {why[-1] if why else f'exit status {done.returncode}'}")
    return said


def numbers(answer: str) -> dict[str, int]:
    """The `name: number` lines of an answer."""
    pairs = (line.strip().partition(": ") for line in answer.splitlines())
    return {name: int(value) for name, _, value in pairs if value.isdigit()}
