from __future__ import annotations

import pytest
from hypothesis import given

from kemi.accounts.permission import Permission, matches
from tests.unit.accounts.provisionings import NUMBERS, PATTERNS, PERMISSIONS


@pytest.mark.parametrize(
    ("pattern", "number", "covered"),
    [
        ("101", "101", True),
        ("101", "1010", False),
        ("101", "10", False),
        ("10*", "10", True),
        ("10*", "1099", True),
        ("10*", "110", False),
        ("*", "7", True),
    ],
)
def test_given_an_entry_when_matched_then_it_covers_its_number_or_all_that_begin_so(
    pattern: str, number: str, covered: bool
) -> None:
    assert matches(pattern, number) is covered


@given(NUMBERS, NUMBERS)
def test_given_any_prefix_when_matched_then_it_covers_what_begins_with_it_and_nothing_else(a: str, b: str) -> None:
    assert matches(a + "*", a + b)
    assert matches(a + "*", b) is (b[: len(a)] == a)
    assert matches(a, b) is (a == b)


def test_given_empty_lists_when_asked_then_nobody_is_admitted() -> None:
    assert not Permission().may_see("101")
    assert not Permission().may_pick_up("101")


@given(PERMISSIONS, NUMBERS, PATTERNS)
def test_given_an_entry_to_see_only_when_it_covers_a_picker_then_it_wins(
    permission: Permission, picker: str, pattern: str
) -> None:
    see_only = Permission(permission.monitored_by, permission.monitored_without_pickup | {pattern})
    if matches(pattern, picker):
        assert not see_only.may_pick_up(picker)
        assert see_only.may_see(picker)
    else:
        assert see_only.may_pick_up(picker) is permission.may_pick_up(picker)


@given(PERMISSIONS, NUMBERS)
def test_given_any_permission_when_a_picker_may_pick_up_then_the_picker_may_see(
    permission: Permission, picker: str
) -> None:
    assert permission.may_see(picker) or not permission.may_pick_up(picker)


def test_given_the_same_lists_in_another_process_or_release_when_identified_then_the_id_is_the_same() -> None:
    # Ringing calls are indexed by it on every node: a change needs a plan for rolling upgrades.
    assert Permission(frozenset({"102", "10*"}), frozenset({"105"})).id == "OewsvXKo"


@given(PERMISSIONS)
def test_given_any_permission_when_identified_then_the_id_has_eight_characters(
    permission: Permission,
) -> None:
    assert len(permission.id) == 8


@given(PERMISSIONS, PERMISSIONS)
def test_given_two_permissions_when_identified_then_ids_are_equal_only_for_equal_lists(
    a: Permission, b: Permission
) -> None:
    assert (a.id == b.id) is (a == b)


def test_given_one_entry_in_either_list_when_identified_then_the_ids_differ() -> None:
    assert Permission(frozenset({"101"})).id != Permission(frozenset(), frozenset({"101"})).id
