"""Waiting for conditions, never for time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.01


def until(condition: Callable[[], T], *, within_s: float = 10.0, what: str | Callable[[], str] = "") -> T:
    """The first true value of condition(), asked again and again for within_s seconds.

    Raises AssertionError that says `what` was waited for and what the condition returned last.
    """
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            wanted = what() if callable(what) else what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"not within {within_s:g} s: {wanted} (last: {value!r})")
        time.sleep(POLL_S)
