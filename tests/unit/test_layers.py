"""Rooms are entered from above, adapters keep to themselves: the contracts of pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from importlinter.api import read_configuration
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {
    "Rooms are entered from above",
    "KSR only in kemi.ksr",
    "redis only in kemi.store",
    "The adapters do not know each other",
    "The console stands beside the command, above the rules",
    "A worker imports the standard library and redis alone",
}


def test_given_the_contracts_when_linted_then_every_import_keeps_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    said = capsys.readouterr().out
    assert status == EXIT_STATUS_SUCCESS, said


def test_given_the_rules_of_the_house_when_configured_then_none_is_missing() -> None:
    contracts = read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    assert {contract["name"] for contract in contracts} >= EXPECTED


def test_given_the_rooms_when_listed_then_each_stands_in_the_layers_or_is_an_adapter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = set(next(contract["layers"] for contract in contracts if contract["type"] == "layers"))
    rooms = {f"kemi.{path.stem}" for path in (ROOT / "kemi").iterdir() if path.stem.isidentifier()}
    beside = {"kemi.__init__", "kemi.__pycache__", "kemi.cli", "kemi.ksr", "kemi.store", "kemi.settings", "kemi.web"}
    assert {room for room in rooms if room not in layers} <= beside


@pytest.mark.parametrize(("word", "places"), [("os.environ", {"settings.py"}), ("s87:", {"store/keys.py"})])
def test_given_a_word_of_one_room_when_searched_then_no_other_file_says_it(word: str, places: set[str]) -> None:
    """The environment only in settings.py, key strings only in store/keys.py."""
    kemi = ROOT / "kemi"
    found = {str(path.relative_to(kemi)) for path in kemi.rglob("*.py") if word in path.read_text()}
    assert {path for path in found if not path.startswith("cli/")} <= places
