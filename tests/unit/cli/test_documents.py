import io
import json
from pathlib import Path

import pytest

from kemi.cli.app import main
from tests.support import documents


@pytest.fixture(autouse=True)
def _no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever runs on this host is none of these tests' business."""
    monkeypatch.setenv("STAR87_RUN_DIR", str(tmp_path / "nodes"))
    monkeypatch.delenv("STAR87_REDIS_URL", raising=False)


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(documents.example())
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "version: 1\ndomains:\n  - name: pbx.example.com\n    extensions:\n"
        '      - {number: "101", name: A, password: hush-hush, colour: red}\n'
        '      - {number: "101", name: B, password: hush-hush}\n'
        '    hunt_groups:\n      - {number: "700", name: Sales, members: ["999"]}\n'
    )
    return str(path)


def test_given_a_valid_document_when_checked_then_what_is_in_it_is_told(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", good]) == 0
    assert capsys.readouterr() == ("valid: 1 domain, 7 accounts, 1 trunk\n", "")


def test_given_a_document_with_faults_when_checked_then_each_is_a_line_with_its_path(
    bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", bad]) == 1
    out, err = capsys.readouterr()
    paths = [line.partition(": ")[0] for line in out.splitlines()]
    assert "domains[0].extensions[0].colour" in paths
    assert any(path.startswith("domains[0].hunt_groups[0]") for path in paths)
    assert err == f"star87: {bad} has {len(paths)} faults; nothing was changed\n"
    assert "hush" not in out + err


def test_given_a_document_with_faults_when_checked_for_a_program_then_they_are_one_json_object(
    bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", bad, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] is False
    assert {fault["path"] for fault in answer["faults"]} >= {"domains[0].extensions[0].colour"}
    assert all(fault["message"] for fault in answer["faults"])


def test_given_a_valid_document_when_checked_for_a_program_then_it_is_counted(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--json", good]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "valid": True,
        "faults": [],
        "domains": 1,
        "accounts": 7,
        "trunks": 1,
    }


def test_given_a_dash_when_checked_then_the_document_comes_from_stdin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"version: 1\n")))
    assert main(["check", "-"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("domains: ")
    assert err == "star87: stdin has 1 fault; nothing was changed\n"


def test_given_a_file_that_is_not_there_when_checked_then_that_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing.yaml")
    assert main(["check", missing]) == 2
    assert capsys.readouterr().err == f"star87: {missing} cannot be read: No such file or directory\n"


def test_given_bytes_that_are_no_text_when_checked_then_the_document_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"version: 1 # caf\xe9\n")
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().err == f"star87: {path} is not UTF-8 text (byte 16); save it as UTF-8\n"


def test_given_no_node_when_a_document_is_applied_then_one_line_says_so(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", good]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("star87: no node 'star87' runs in ")
    assert err.count("\n") == 1


def test_given_faults_when_applied_then_the_store_is_not_even_looked_for(
    bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", bad]) == 1
    assert "nothing was changed" in capsys.readouterr().err


def test_given_a_store_that_is_away_when_applied_then_its_place_is_named_without_the_password(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", good, "--redis", "unix:///nowhere/redis.sock?password=hush-hush"]) == 3
    out, err = capsys.readouterr()
    assert err.startswith("star87: the state store at unix:/nowhere/redis.sock does not answer")
    assert err.count("\n") == 1
    assert "hush" not in out + err


def test_given_faults_when_a_node_is_run_then_they_are_told_and_nothing_is_started(
    bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--provision", bad]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "domains[0].extensions[0].colour: " in err
    assert err.splitlines()[-1].endswith("nothing was started")
    assert not (tmp_path / "nodes").exists()
