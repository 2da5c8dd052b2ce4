"""`make fuzz` as a test: a few thousand damaged messages, always the same, while calls and pickups go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.fuzz.__main__ import MUSTS, RSS_MOST_KB, SHM_MOST_BYTES, is_sound, run

COUNT, SEED = 3000, 4475
SOUND = {**dict.fromkeys(MUSTS, 0), "calls": 9, "pickups": 9, "shm_growth_bytes": 0, "rss_growth_kb": 0}


def test_given_damaged_messages_when_thrown_at_a_node_then_calls_go_on_and_nothing_is_left(
    evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests play beside it: a node that gets no processor is not to drop what it cannot read in time.
    monkeypatch.setenv("RATE", "500")
    line = run(evidence, COUNT, SEED, measures_memory=False)
    assert is_sound(line), line
    assert line["sent"] >= COUNT
    # They were read, some to the end: refused, relayed and answered.
    assert line["answers"]["4xx"] > COUNT // 20
    assert line["answers"]["requests"] > 20
    assert line["answers"]["2xx"] > 5


@pytest.mark.parametrize("must", MUSTS)
def test_given_one_fault_when_a_line_is_judged_then_it_is_not_sound(must: str) -> None:
    assert is_sound(SOUND)
    assert not is_sound({**SOUND, must: 1})
    assert is_sound({**SOUND, must: 1, "lost_datagrams": 1}) is must.startswith("failed")
    assert not is_sound({**SOUND, must: 2, "lost_datagrams": 1})


@pytest.mark.parametrize(
    "change",
    [
        {"calls": 0},
        {"pickups": 0},
        {"shm_growth_bytes": SHM_MOST_BYTES + 1},
        {"rss_growth_kb": RSS_MOST_KB + 1},
    ],
)
def test_given_memory_that_grew_or_no_calls_at_all_when_a_line_is_judged_then_it_is_not_sound(
    change: dict[str, int],
) -> None:
    assert not is_sound({**SOUND, **change})
