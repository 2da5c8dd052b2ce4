"""Every way to take a foreign call that we know of, tried once: `make abuse` as a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.load.abuse.__main__ import run

LEAST = 40


@pytest.mark.timeout(300)  # some 45 of them, one after another: a minute where nothing else runs
def test_given_every_way_to_take_a_foreign_call_when_tried_then_none_succeeds_and_who_has_a_right_gets_it(
    evidence: Path,
) -> None:
    told: list[dict[str, Any]] = []

    last = run(evidence, told.append)

    assert [line for line in told if "expected" in line] == [], "not really tried, or a control that failed"
    assert [line for line in told if line["succeeded"] and "control" not in line] == []
    assert last["tried"] >= LEAST
    assert (last["succeeded"], last["faults"]) == (0, 0)
    assert len({line["way"] for line in told}) == len(told), "a way that is there twice"
    assert all(line["succeeded"] for line in told if "control" in line)
    assert last["controls"] == sum("control" in line for line in told) > 0
