"""Who may pick up from whom, as a table."""

from __future__ import annotations

from pathlib import Path

from kemi.web.matrix import COLUMNS_MOST, ROWS_MOST, matrix_of
from tests.support.directories import directory_of, extension, hunt_group
from tests.support.fake_sip import DOMAIN


def test_given_accounts_when_shown_then_each_cell_is_what_permission_says(tmp_path: Path) -> None:
    directory = directory_of(
        tmp_path,
        extension("101", "Reception", monitored_by=("10*",), seen_by=("103",)),
        extension("102", "Alice"),
        extension("103", "Carol"),
        hunt_group("700", name="Sales", monitored_by=("102",)),
    )
    matrix = matrix_of(directory, DOMAIN)
    assert [one.number for one in matrix.columns] == ["101", "102", "103"]
    assert [(row.account.number, row.cells, row.picks, row.sees) for row in matrix.rows] == [
        ("101", ("picks", "picks", "sees"), 2, 1),
        ("102", ("", "", ""), 0, 0),
        ("103", ("", "", ""), 0, 0),
        ("700", ("", "picks", ""), 1, 0),
    ]
    assert (matrix.left_out_rows, matrix.left_out_columns) == (0, 0)


def test_given_words_when_narrowed_down_then_number_or_name_has_to_fit_and_counts_are_of_all(tmp_path: Path) -> None:
    directory = directory_of(
        tmp_path,
        extension("101", "Reception", monitored_by=("*",)),
        extension("102", "Alice"),
        extension("103", "Carol"),
    )
    matrix = matrix_of(directory, DOMAIN, "recep", "102")
    assert [one.number for one in matrix.columns] == ["102"]
    assert [(row.account.number, row.cells, row.picks) for row in matrix.rows] == [("101", ("picks",), 3)]


def test_given_more_than_a_person_reads_when_shown_then_it_is_said_what_is_left_out(tmp_path: Path) -> None:
    directory = directory_of(tmp_path, *(extension(str(number)) for number in range(1000, 1000 + ROWS_MOST + 5)))
    matrix = matrix_of(directory, DOMAIN)
    assert (len(matrix.rows), len(matrix.columns)) == (ROWS_MOST, COLUMNS_MOST)
    assert (matrix.left_out_rows, matrix.left_out_columns) == (5, ROWS_MOST + 5 - COLUMNS_MOST)
