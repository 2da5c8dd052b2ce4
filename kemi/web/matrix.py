"""Who may pick up from whom, as one table of a domain."""

from __future__ import annotations

from dataclasses import dataclass

from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, Extension

ROWS_MOST, COLUMNS_MOST = 200, 60
"""More is no table that a person reads at a glance: they are filtered."""


@dataclass(frozen=True, slots=True)
class Row:
    account: Account
    cells: tuple[str, ...]
    """For each column `picks`, `sees` or ''."""
    picks: int
    sees: int
    """How many extensions of the whole domain may pick up, may only see."""

    @property
    def kind(self) -> str:
        return self.account.kind.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Matrix:
    columns: tuple[Extension, ...]
    rows: tuple[Row, ...]
    left_out_rows: int
    left_out_columns: int


def matrix_of(directory: Directory, domain: str, account: str = "", picker: str = "") -> Matrix:
    """account, picker: what number or name has to begin with, or contain; '' any."""
    accounts = list(directory.accounts(domain))
    extensions = [one for one in accounts if isinstance(one, Extension)]
    columns = [one for one in extensions if _fits(one, picker)]
    rows = [one for one in accounts if _fits(one, account)]
    shown = tuple(columns[:COLUMNS_MOST])
    return Matrix(
        shown,
        tuple(_row(one, shown, extensions) for one in rows[:ROWS_MOST]),
        max(0, len(rows) - ROWS_MOST),
        max(0, len(columns) - COLUMNS_MOST),
    )


def _row(account: Account, columns: tuple[Extension, ...], extensions: list[Extension]) -> Row:
    of = {one.number: _cell(account, one) for one in extensions}
    cells = tuple(of.get(one.number, "") for one in columns)
    every = list(of.values())
    return Row(account, cells, every.count("picks"), every.count("sees"))


def _cell(account: Account, extension: Extension) -> str:
    permission = account.permission
    if permission.may_pick_up(extension.number):
        return "picks"
    return "sees" if permission.may_see(extension.number) else ""


def _fits(account: Account, words: str) -> bool:
    return account.number.startswith(words) or words.lower() in account.name.lower()
