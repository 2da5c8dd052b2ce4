import os
import stat
from pathlib import Path

import pytest

from kemi.cli import node
from kemi.cli.node import NodeFile, find_node, is_locked, lock_node_dir, prepare_node_dir, settings_of
from kemi.cli.outcome import CommandFailed, Exit
from kemi.settings import Settings


def written(node_dir: Path) -> NodeFile:
    prepare_node_dir(str(node_dir))
    file = NodeFile(1, 2, "redis://:secret@localhost/0", ("udp:127.0.0.1:5060",), str(node_dir))
    file.write()
    return file


def test_given_a_node_file_when_written_then_it_reads_the_same_and_is_for_its_owner_alone(
    tmp_path: Path,
) -> None:
    file = written(tmp_path / "star87")
    assert NodeFile.read(str(tmp_path / "star87")) == file
    assert stat.S_IMODE((tmp_path / "star87").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "star87" / node.NODE_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1}', '{"listen": 1}'])
def test_given_a_file_that_makes_no_sense_when_read_then_there_is_no_node(tmp_path: Path, content: str) -> None:
    (tmp_path / node.NODE_FILE).write_text(content)
    assert NodeFile.read(str(tmp_path)) is None


def test_given_a_running_node_when_looked_for_then_the_first_folder_that_has_it_wins(tmp_path: Path) -> None:
    file = written(tmp_path / "second" / "star87")
    lock = lock_node_dir(file.node_dir)
    try:
        assert find_node(Settings(), (str(tmp_path / "first"), str(tmp_path / "second"))) == file
    finally:
        os.close(lock)


def test_given_a_node_that_died_when_looked_for_then_its_file_does_not_count(tmp_path: Path) -> None:
    file = written(tmp_path / "star87")
    os.close(lock_node_dir(file.node_dir))
    assert not is_locked(file.node_dir)
    with pytest.raises(CommandFailed, match="no node 'star87' runs in") as raised:
        find_node(Settings(), (str(tmp_path),))
    assert raised.value.code is Exit.UNREACHABLE


def test_given_a_running_node_when_a_second_takes_its_folder_then_it_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "star87")
    lock = lock_node_dir(file.node_dir)
    try:
        with pytest.raises(CommandFailed, match=r"'star87' already runs .*process 1.*--node"):
            lock_node_dir(file.node_dir)
    finally:
        os.close(lock)


def test_given_a_folder_open_to_others_when_prepared_then_it_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "star87").mkdir(mode=0o755)
    prepare_node_dir(str(tmp_path / "star87"))
    assert stat.S_IMODE((tmp_path / "star87").stat().st_mode) == 0o700


def test_given_a_link_in_place_of_the_folder_when_prepared_then_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "star87").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CommandFailed, match="--run-dir"):
        prepare_node_dir(str(tmp_path / "star87"))


def test_given_a_folder_too_deep_for_a_socket_when_prepared_then_a_shorter_one_is_asked_for(
    tmp_path: Path,
) -> None:
    with pytest.raises(CommandFailed, match="too long") as raised:
        prepare_node_dir(str(tmp_path / ("x" * 100) / "star87"))
    assert raised.value.code is Exit.USAGE
    assert not (tmp_path / ("x" * 100)).exists()


@pytest.mark.parametrize("name", ["../other", "a/b", ".hidden", "a b", "x" * 64])
def test_given_a_node_name_that_is_no_folder_name_when_set_then_it_is_refused(name: str) -> None:
    with pytest.raises(CommandFailed, match="node name") as raised:
        settings_of("", name, "")
    assert raised.value.code is Exit.USAGE


def test_given_options_when_settings_are_made_then_they_win_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAR87_NODE", "north")
    monkeypatch.setenv("STAR87_REDIS_URL", "redis://north/0")
    settings = settings_of("redis://south/0", "", "")
    assert (settings.node, settings.redis_url) == ("north", "redis://south/0")


def test_given_a_setting_that_is_no_number_when_read_then_its_variable_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STAR87_REDIS_TIMEOUT_MS", "soon")
    with pytest.raises(CommandFailed, match="STAR87_REDIS_TIMEOUT_MS") as raised:
        settings_of("", "", "")
    assert raised.value.code is Exit.USAGE
