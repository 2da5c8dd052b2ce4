from pathlib import Path

import pytest

from kemi.cli import agents
from kemi.cli.app import app, main
from kemi.cli.outcome import EPILOG

COMMANDS = [command.name for command in app.registered_commands if command.name]
GROUPS = [group.name for group in app.registered_groups if group.name]
OF_AGENTS = [f"agents {command.name}" for command in agents.agents.registered_commands]


@pytest.fixture(autouse=True)
def _no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STAR87_RUN_DIR", str(tmp_path / "nodes"))
    monkeypatch.delenv("STAR87_REDIS_URL", raising=False)


def words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPS, *OF_AGENTS])
def test_given_help_when_asked_then_a_command_tells_its_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert words(EPILOG) in words(capsys.readouterr().out)


def test_given_no_argument_when_called_then_every_command_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert [name for name in [*COMMANDS, *GROUPS] if f"│ {name} " not in out] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["check"],
        ["check", "--nosuch", "x"],
        ["events", "--count", "many"],
        ["run"],
        ["run", "--provision", "x", "--listen", "5060"],
        ["run", "--provision", "x", "--rtpengine", "tcp:127.0.0.1:22222"],
        ["run", "--redis", "localhost", "--listen", "udp:localhost:5060"],
        ["calls", "--redis", "localhost"],
        ["calls", "--node", "../elsewhere"],
        ["ladder", "missing.pcap"],
        ["agents"],
        ["agents", "nosuch"],
        ["agents", "login"],
        ["agents", "logout", "--nosuch", "104"],
    ],
)
def test_given_a_wrong_command_line_when_called_then_one_line_on_stderr_and_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("star87: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["calls"],
        ["calls", "--json"],
        ["events"],
        ["events", "--follow"],
        ["explain", "103", "101"],
        ["agents", "list"],
        ["agents", "login", "104"],
        ["agents", "logout", "104"],
    ],
)
def test_given_no_node_when_asked_for_its_calls_then_one_line_says_so_and_code_3(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("star87: no node 'star87' runs in ")
    assert err.count("\n") == 1


def test_given_a_file_that_is_no_capture_when_a_ladder_is_asked_for_then_one_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "text.pcap"
    path.write_bytes(bytes(range(256)))
    assert main(["ladder", str(path)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"star87: {path} cannot be read by tshark")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["alice", "=alice", "127.0.0.1:5070=", "127.0.0.1:5070"])
def test_given_a_name_without_its_address_when_a_ladder_is_asked_for_then_that_is_a_usage_error(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ladder", "any.pcap", "--name", name]) == 2
    assert "ADDRESS:PORT=NAME" in capsys.readouterr().err
