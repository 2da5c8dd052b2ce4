from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.accounts import directory as module
from kemi.accounts import snapshot
from kemi.accounts.directory import Directory, Grants, PermissionChange
from kemi.accounts.document import parse
from kemi.accounts.model import (
    Account,
    Domain,
    DomainSettings,
    Extension,
    HuntGroup,
    Kind,
    Provisioning,
    Stage,
)
from kemi.accounts.permission import Permission
from kemi.errors import NotProvisioned
from tests.support.documents import example
from tests.unit.accounts.provisionings import NUMBERS, PROVISIONINGS

EXAMPLE = parse(example())
ACCOUNTS = {account.number: account for account in EXAMPLE.domains[0].accounts}
PBX = "pbx.example.com"


def id_of(*monitored_by: str, see_only: str = "") -> str:
    return Permission(frozenset(monitored_by), frozenset({see_only} - {""})).id


def directory_of(provisioning: Provisioning, folder: str) -> Directory:
    path = os.path.join(folder, "directory.sqlite")
    snapshot.write(provisioning, 1, path)
    return Directory(path)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return directory_of(EXAMPLE, str(tmp_path))


def test_given_the_example_when_asked_then_each_account_is_what_was_written(directory: Directory) -> None:
    for _ in range(2):  # from the file, then from memory
        assert {number: directory.account(PBX, number) for number in ACCOUNTS} == ACCOUNTS
    assert list(directory.accounts(PBX)) == list(ACCOUNTS.values())
    assert directory.settings(PBX) == DomainSettings()
    assert directory.domains() == (PBX,)
    assert directory.trunks() == EXAMPLE.trunks


def test_given_another_case_of_the_domain_when_asked_then_it_is_the_same_domain(directory: Directory) -> None:
    assert directory.account("PBX.Example.COM", "101") == ACCOUNTS["101"]
    assert directory.settings("PBX.Example.COM") == DomainSettings()
    assert directory.grants("PBX.Example.COM", "103")
    assert len(list(directory.accounts("PBX.Example.COM"))) == 7


def test_given_the_example_when_grants_are_asked_then_lists_patterns_and_see_only_are_obeyed(
    directory: Directory,
) -> None:
    reception, anybody, carol = id_of("102", "10*", see_only="105"), id_of("*"), id_of("103")
    assert directory.grants(PBX, "103") == Grants((carol,), tuple(sorted([reception, anybody, carol])), (carol,))
    assert directory.grants(PBX, "105") == Grants((), (anybody,), ())
    assert directory.permission_ids(PBX) == Grants(
        (carol,), tuple(sorted([reception, anybody, carol, id_of()])), (carol,)
    )


def test_given_a_picker_that_is_no_extension_when_grants_are_asked_then_there_are_none(
    directory: Directory,
) -> None:
    for picker in ("700", "800", "106", "10", "*", ""):
        assert not directory.grants(PBX, picker)
    assert not directory.grants("other.example", "103")


@given(PROVISIONINGS, st.sampled_from(["a.example", "b.example"]))
def test_given_any_provisioning_when_grants_are_asked_then_they_agree_with_the_permissions(
    provisioning: Provisioning, name: str
) -> None:
    accounts = next(domain.accounts for domain in provisioning.domains if domain.name == name)

    def ids(kind: Kind, admitted: Callable[[Permission], bool]) -> tuple[str, ...]:
        return tuple(sorted({a.permission.id for a in accounts if a.kind is kind and admitted(a.permission)}))

    def grants(admitted: Callable[[Permission], bool]) -> Grants:
        return Grants(*(ids(kind, admitted) for kind in (Kind.HUNT_GROUP, Kind.EXTENSION, Kind.AGENT_GROUP)))

    with tempfile.TemporaryDirectory() as folder:
        directory = directory_of(provisioning, folder)
        assert directory.permission_ids(name) == grants(lambda _: True)
        assert {a.number: directory.account(name, a.number) for a in accounts} == {a.number: a for a in accounts}
        for picker in accounts:
            if picker.kind is Kind.EXTENSION:
                expected = grants(lambda permission, number=picker.number: permission.may_pick_up(number))  # type: ignore[misc]
                assert directory.grants(name, picker.number) == expected
                assert bool(directory.grants(name, picker.number)) == any(
                    a.permission.may_pick_up(picker.number) for a in accounts
                )
        directory.close()


ODD = (
    st.text()
    | st.text(st.characters(categories=["Cs", "Cc", "Nd"]))
    | st.sampled_from(
        [
            "",
            "'",
            "' OR 1=1 --",
            "%",
            "101\x00",
            "\ud800",
            "١٠١",
            "1" * 100_000,
            "*",
            "İ",
            "pbx.example.com\n",
        ]
    )
)


def test_given_any_odd_text_when_asked_then_it_is_not_found_and_nothing_breaks(tmp_path: Path) -> None:
    directory = directory_of(EXAMPLE, str(tmp_path))

    @given(ODD.filter(lambda text: text not in ACCOUNTS))
    def ask(text: str) -> None:
        assert directory.account(PBX, text) is None
        assert directory.account(text, "101") is None
        assert directory.settings(text) is None
        assert directory.grants(PBX, text) == directory.grants(text, "101") == Grants()
        assert directory.permission_ids(text) == Grants()
        assert list(directory.accounts(text)) == []

    ask()
    assert directory.domains() == (PBX,)


def test_given_more_questions_than_are_remembered_when_asked_then_memory_stays_bounded_and_answers_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CACHED", 10)
    accounts = tuple(Extension(str(n), f"Person {n}", "") for n in range(100))
    directory = directory_of(Provisioning((Domain("a.example", DomainSettings(), accounts),)), str(tmp_path))
    for _ in range(2):
        for account in accounts:
            assert directory.account("a.example", account.number) == account
            assert directory.account("a.example", "5") == accounts[5]
            assert directory.account("a.example", "x" + account.number) is None
    remembered = directory._accounts
    assert len(remembered._now) + len(remembered._before) <= 20


def test_given_a_known_account_when_asked_again_then_the_file_is_not_read(
    directory: Directory,
) -> None:
    assert directory.account(PBX, "101")
    assert directory.grants(PBX, "103")
    connection, directory._connection = directory._connection, None
    try:
        assert directory.account(PBX, "101") == ACCOUNTS["101"]
        assert directory.grants(PBX, "103")
    finally:
        directory._connection = connection


@pytest.mark.parametrize("content", [None, b"", b"no database at all, but longer than its header" * 10])
def test_given_no_snapshot_when_asked_then_it_is_not_provisioned(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a?b%20#c.sqlite"
    if content is not None:
        path.write_bytes(content)
    directory = Directory(str(path))
    with pytest.raises(NotProvisioned):
        directory.account(PBX, "101")
    snapshot.write(EXAMPLE, 4, str(path))
    assert directory.account(PBX, "101") == ACCOUNTS["101"]


def test_given_a_snapshot_of_another_release_when_asked_then_it_is_not_provisioned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = directory_of(EXAMPLE, str(tmp_path))
    monkeypatch.setattr(snapshot, "FORMAT", snapshot.FORMAT + 1)
    with pytest.raises(NotProvisioned, match="format"):
        _ = directory.version


def test_given_a_directory_in_use_when_the_process_forks_then_the_child_opens_its_own(
    directory: Directory,
) -> None:
    assert directory.account(PBX, "101")
    inherited = directory._connection
    child = os.fork()
    if child == 0:
        right = False
        try:
            right = directory.account(PBX, "102") == ACCOUNTS["102"] and directory._connection is not inherited
        finally:
            os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert directory.account(PBX, "103") == ACCOUNTS["103"]
    assert directory._connection is inherited


def one(*accounts: Account, name: str = "a.example") -> Provisioning:
    return Provisioning((Domain(name, DomainSettings(), accounts),))


def test_given_a_newer_version_when_compared_then_accounts_of_both_with_another_permission_are_named(
    tmp_path: Path,
) -> None:
    alice, bob = Permission(frozenset({"1"})), Permission(frozenset({"2"}))
    stages = (Stage(("1",)),)
    path = str(tmp_path / "directory.sqlite")
    snapshot.write(
        one(
            Extension("1", "", "", alice),
            Extension("2", "", "", alice),
            Extension("3", "gone", "", alice),
            HuntGroup("4", "", stages, bob),
            HuntGroup("5", "another kind", stages, bob),
        ),
        1,
        path,
    )
    older = Directory(path)
    assert older.version == 1
    snapshot.write(
        one(
            Extension("1", "another name", "", alice),
            Extension("10", "new", "", bob),
            Extension("2", "", "", bob),
            HuntGroup("4", "", stages, alice),
            Extension("5", "", "", alice),
        ),
        2,
        path,
    )
    changes = list(Directory(path).changed_permissions(older))
    assert changes == [
        PermissionChange("a.example", Kind.EXTENSION, "2", bob.id),
        PermissionChange("a.example", Kind.HUNT_GROUP, "4", alice.id),
    ]


@given(PROVISIONINGS, PROVISIONINGS)
def test_given_any_two_versions_when_compared_then_the_changes_are_those_of_the_documents(
    old: Provisioning, new: Provisioning
) -> None:
    def permissions(provisioning: Provisioning) -> dict[tuple[str, str, Kind], str]:
        return {(d.name, a.number, a.kind): a.permission.id for d in provisioning.domains for a in d.accounts}

    before, after = permissions(old), permissions(new)
    expected = [
        PermissionChange(domain, kind, number, after[domain, number, kind])
        for domain, number, kind in sorted(after)
        if before.get((domain, number, kind), after[domain, number, kind]) != after[domain, number, kind]
    ]
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        older, newer = directory_of(old, a), directory_of(new, b)
        assert list(newer.changed_permissions(older)) == expected
        older.close()
        newer.close()


@given(NUMBERS)
def test_given_no_grant_at_all_when_tested_then_it_is_false(permission_id: str) -> None:
    assert not Grants()
    assert Grants(hunt_groups=(permission_id,))
    assert Grants(extensions=(permission_id,))
    assert Grants(agent_groups=(permission_id,))
