from __future__ import annotations

import os
import signal
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.document import parse
from kemi.accounts.model import Account, Domain, DomainSettings, Extension, Provisioning
from tests.support.documents import example

EXAMPLE = parse(example())


class Breaks(tuple[Account, ...]):
    """Accounts that cannot be read to their end."""

    def __iter__(self) -> Iterator[Account]:
        yield Extension("1", "", "")
        raise RuntimeError("disk on fire")


class Dies(tuple[Account, ...]):
    """Accounts in the middle of which the writer is killed."""

    def __iter__(self) -> Iterator[Account]:
        yield Extension("1", "", "")
        os.kill(os.getpid(), signal.SIGKILL)


def with_accounts(accounts: tuple[Account, ...]) -> Provisioning:
    return Provisioning((Domain("a.example", DomainSettings(), accounts),))


def test_given_a_provisioning_when_written_then_one_file_is_there_that_only_its_owner_reads(
    tmp_path: Path,
) -> None:
    path = tmp_path / "directory.sqlite"
    snapshot.write(EXAMPLE, 2**62, str(path))
    assert os.listdir(tmp_path) == ["directory.sqlite"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Directory(str(path)).version == 2**62


def test_given_a_snapshot_when_the_next_one_fails_half_way_then_the_old_one_stays_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "directory.sqlite"
    snapshot.write(EXAMPLE, 1, str(path))
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="disk on fire"):
        snapshot.write(with_accounts(Breaks()), 2, str(path))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["directory.sqlite"]


def test_given_a_snapshot_when_the_writer_of_the_next_is_killed_half_way_then_the_old_one_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "directory.sqlite"
    snapshot.write(EXAMPLE, 1, str(path))
    child = os.fork()
    if child == 0:
        try:
            snapshot.write(with_accounts(Dies()), 2, str(path))
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    directory = Directory(str(path))
    assert directory.version == 1
    assert directory.account("pbx.example.com", "101") is not None


def test_given_an_open_snapshot_when_it_is_replaced_then_readers_keep_what_they_have(tmp_path: Path) -> None:
    path = str(tmp_path / "directory.sqlite")
    snapshot.write(EXAMPLE, 1, path)
    old = Directory(path)
    assert old.version == 1
    snapshot.write(with_accounts(()), 2, path)
    assert old.account("pbx.example.com", "101") == EXAMPLE.domains[0].accounts[0]
    assert Directory(path).account("pbx.example.com", "101") is None


def test_given_a_folder_that_is_not_there_when_written_then_it_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        snapshot.write(EXAMPLE, 1, str(tmp_path / "gone" / "directory.sqlite"))


def test_given_a_number_twice_when_written_then_it_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    twice = with_accounts((Extension("1", "", ""), Extension("1", "", "")))
    with pytest.raises(ValueError, match="names something twice"):
        snapshot.write(twice, 1, str(tmp_path / "directory.sqlite"))
    assert os.listdir(tmp_path) == []


def test_given_a_relative_path_when_written_then_it_is_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    snapshot.write(EXAMPLE, 3, "here.sqlite")
    with sqlite3.connect(tmp_path / "here.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
