"""What is wrong with a provisioning document: every fault, each named by its path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kemi.errors import Star87Error

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Fault:
    """path: `domains[0].extensions[3].ha1`, `line 3, column 7` for a syntax error, `document` for the whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class DocumentInvalid(Star87Error):
    """The document is refused as a whole; `faults` has every reason, in the order of their paths."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults), key=_natural_order))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def path_of(steps: Iterable[int | str]) -> str:
    """`("domains", 0, "name")` → `domains[0].name`; no step at all → `document`."""
    return "".join(step_of(step) for step in steps).removeprefix(".") or "document"


def step_of(step: int | str) -> str:
    """One step of a path with what joins it to the steps before: `[0]`, `.name`, `["+15550100"]`."""
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _WORD.fullmatch(step) else f"[{shown(step)}]"


def shown(text: str) -> str:
    """A value as a message may print it: quoted, ASCII, short."""
    return json.dumps(text if len(text) <= 60 else text[:57] + "...")


def _natural_order(fault: Fault) -> tuple[list[int | str], str]:
    # split() alternates text and digits, so that [9] comes before [10] and types always meet their like.
    parts = re.split(r"([0-9]+)", fault.path)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], fault.message
