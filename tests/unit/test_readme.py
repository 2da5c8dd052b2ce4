"""The front door tells the truth about what can be set."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from kemi.accounts.model import DomainSettings
from kemi.settings import PREFIX, Settings

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_given_the_settings_of_a_node_when_compared_with_the_table_then_each_has_its_row_and_default() -> None:
    rows = dict(re.findall(r"^\| `(STAR87_\w+)` \| `?([^`|]*?)`? \|", README, re.MULTILINE))
    assert set(rows) == {PREFIX + field.name.upper() for field in fields(Settings)}
    for field in fields(Settings):
        if field.default:
            assert rows[PREFIX + field.name.upper()] == str(field.default), field.name


def test_given_the_settings_of_a_domain_when_compared_with_the_table_then_each_is_named() -> None:
    for field in fields(DomainSettings):
        assert f"`{field.name}`" in README, field.name


def test_given_the_map_of_rooms_when_compared_with_the_tree_then_each_room_is_on_it() -> None:
    kemi = Path(__file__).parents[2] / "kemi"
    for room in kemi.iterdir():
        if room.is_dir() and room.name != "__pycache__":
            assert f"  {room.name}/" in README, room.name
