"""The Redis functions: one Lua file an operation, loaded as one library."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from kemi.store import keys

PREFIX = "star87_"
FOLDER = Path(__file__).parent / "lua"
SHARED = ("_base", "_lamps", "_line", "_caller", "_place", "_queue", "_talk", "_minute", "_shown")
"""Files of what the operations share, in the order in which they build on one another."""
READ_ONLY = frozenset({"clock", "replaced", "rerouted", "roster", "stamp", "standings", "survey", "tally"})
ALLOWED_WHEN_FULL = frozenset(
    {"answered", "branch_failed", "buried", "bury", "depart", "disclaim", "ended", "over", "picked", "release"}
)
"""What ends something is done in a store that is full, too: it frees memory, and nothing is left that rings no more."""


def _digest() -> str:
    texts = [keys.lua_table(), *(path.read_text() for path in sorted(FOLDER.glob("*.lua")))]
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:8]


LIBRARY = PREFIX + _digest()
"""Nodes of two releases share a store while they are upgraded one by one: each calls the functions of its own."""


@cache
def name_of(operation: str) -> str:
    """The name by which FCALL finds an operation."""
    return f"{LIBRARY}_{operation}"


def operation_of(function: str) -> str:
    """The inverse of `name_of`."""
    return function.removeprefix(f"{LIBRARY}_")


def operations() -> tuple[str, ...]:
    """Every operation: the Lua files that do not begin with an underscore."""
    return tuple(sorted(path.stem for path in FOLDER.glob("[!_]*.lua")))


def library() -> str:
    """The library's source, as FUNCTION LOAD takes it. Each file keeps its locals to itself."""
    parts = [f"#!lua name={LIBRARY}\n", keys.lua_table(), *((FOLDER / f"{name}.lua").read_text() for name in SHARED)]
    for operation in operations():
        flag = "no-writes" if operation in READ_ONLY else "allow-oom" if operation in ALLOWED_WHEN_FULL else ""
        flags = f", flags = {{ '{flag}' }}" if flag else ""
        parts.append(
            f"do\n{(FOLDER / f'{operation}.lua').read_text()}\n"
            f"redis.register_function{{ function_name = '{name_of(operation)}', callback = {operation}{flags} }}\nend\n"
        )
    return "".join(parts)
