"""The pages beside README.md: every command in them is one that there is, and every file that they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from kemi.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "docker/DEVELOPING.md", "docker/README.md", "docker/DIALLING.md")]
COMMANDS = set(getattr(typer.main.get_command(app), "commands", {}))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_given_a_page_when_it_names_a_command_then_there_is_one(page: Path) -> None:
    text = page.read_text()
    named = set(re.findall(r"`(?:\.venv/bin/)?star87 ([a-z][a-z-]*)", text))
    assert named <= COMMANDS, named - COMMANDS
    made = set(re.findall(r"`make ([a-z-]+)", text))
    assert made <= TARGETS, made - TARGETS
    assert COMMANDS
    assert TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_given_a_page_when_it_links_to_a_file_then_it_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link
