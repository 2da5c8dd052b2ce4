"""The mark by which a node knows its own Record-Route again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.fake_ksr import install

with install():
    from kemi.ksr.seal import Seal

TENANT, CALL = "pbx.example.com", "a84b4c"


def test_given_what_was_sealed_for_a_call_when_checked_for_it_then_it_is_the_tenant() -> None:
    seal = Seal(b"k" * 32)
    sealed = seal.put(TENANT, CALL)
    assert seal.check(sealed, CALL) == TENANT
    assert re.fullmatch(r"[a-z0-9.-]+", sealed)


@pytest.mark.parametrize(
    "sealed", ["", TENANT, f"{TENANT}.", ".", "other.example.com.0", f"{TENANT}.\u00e9", "\udcff.1", "a.\udcff"]
)
def test_given_anything_else_when_checked_then_it_is_nothing(sealed: str) -> None:
    assert Seal(b"k" * 32).check(sealed, CALL) == ""


def test_given_another_call_tenant_or_key_when_checked_then_it_is_nothing() -> None:
    seal = Seal(b"k" * 32)
    sealed = seal.put(TENANT, CALL)
    assert seal.check(sealed, CALL + "x") == ""
    assert seal.check(sealed.replace("pbx", "pby"), CALL) == ""
    assert Seal(b"l" * 32).check(sealed, CALL) == ""


def test_given_a_node_that_restarts_then_it_knows_what_it_sealed_before(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    sealed = Seal.kept_in(str(path)).put(TENANT, CALL)
    assert Seal.kept_in(str(path)).check(sealed, CALL) == TENANT
    assert (path.stat().st_mode & 0o777, [file.name for file in tmp_path.iterdir()]) == (0o600, ["seal.key"])


def test_given_no_place_for_a_key_then_it_seals_with_one_that_nobody_can_guess(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "seal.key", tmp_path / "short"):
        (tmp_path / "short").write_bytes(b"short")
        first, second = Seal.kept_in(str(path)), Seal.kept_in(str(path))
        assert first.check(first.put(TENANT, CALL), CALL) == TENANT
        assert second.check(first.put(TENANT, CALL), CALL) == ""
