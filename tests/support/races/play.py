"""Playing crossings many times, on many lanes at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import yaml

from tests.support.node import Node
from tests.support.races.crossings import MODES, Crossing
from tests.support.races.lane import Lane, tenant
from tests.support.races.moments import Moments, moments
from tests.support.races.verdict import LOST_CALL, Line, judge

TOLD_MOST = 3
"""Faulty runs of a crossing whose messages are told."""
FAULTS_MOST = 40
"""After so many faulty runs of a crossing the others are left out: each waits long."""
KEYS_GO_WITHIN_S = 12.0
"""Marks of calls that are over live for 5 s."""
ENVIRONMENT = {
    "STAR87_ALREADY_ANSWERED_MS": "100",
    # An agent is found about as fast as a picker dials.
    "STAR87_QUEUE_LOOK_MS": "5",
    # A machine that is busy elsewhere is no absent store.
    "STAR87_REDIS_TIMEOUT_MS": "3000",
    # All phones are one source, and crossings no flood.
    "STAR87_FLOOD_REQUESTS_PER_S": "0",
}
"""Of a node on which crossings are played."""
PICKER_GETS = {200, 410, 480, 487}
"""What a picker may hear who has permission and holds no call."""


def document(crossings: Sequence[Crossing], lanes: int) -> str:
    """What the node needs for these crossings in every mode."""
    tenants = [tenant(d, mode) for c in crossings for mode in MODES for d in domains(c, mode, lanes)]
    return str(yaml.safe_dump({"version": 1, "domains": tenants}))


async def play_all(
    node: Node, crossings: Sequence[Crossing], *, runs: int, lanes: int, done: Callable[[Line], None]
) -> list[Line]:
    """Play each crossing so many times in each mode. done: called with each line once its keys have been counted."""
    lines: list[Line] = []
    counts: list[asyncio.Task[None]] = []

    async def count(line: Line) -> None:
        await count_left_keys(node, line, lanes)
        done(line)

    for crossing in crossings:
        for mode in MODES:
            lines.append(await play(node, crossing, mode, runs=runs, lanes=lanes))
            # The next may begin meanwhile: its tenants are others.
            counts.append(asyncio.create_task(count(lines[-1])))
    await asyncio.gather(*counts)
    return lines


def domains(crossing: Crossing, mode: str, lanes: int) -> list[str]:
    """The tenants of its lanes."""
    return [f"{crossing.name}-{mode}-{lane}.example.com" for lane in range(lanes)]


async def play(node: Node, crossing: Crossing, mode: str, *, runs: int, lanes: int) -> Line:
    """All runs of one line; its keys are counted later (`count_left_keys`)."""
    line = Line(crossing, mode)
    left = iter(range(runs))
    started = time.monotonic()
    at_once = [Lane(node, domain) for domain in domains(crossing, mode, lanes)]
    try:
        await asyncio.gather(*(_play_on(lane, line, left) for lane in at_once))
    finally:
        for lane in at_once:
            lane.close()
    line.seconds = time.monotonic() - started
    return line


async def count_left_keys(node: Node, line: Line, lanes: int) -> None:
    """Count what its calls have left for good."""
    deadline = time.monotonic() + KEYS_GO_WITHIN_S
    names = domains(line.crossing, line.mode, lanes)
    while True:
        left = [key for domain in names for key in node.left_keys(domain)]
        if not left or time.monotonic() > deadline:
            break
        # No message tells that a key has expired.
        await asyncio.sleep(0.2)
    line.left_keys = len(left)
    line.told += [f"left key {key}" for key in left[:TOLD_MOST]]


async def _play_on(lane: Lane, line: Line, left: Iterator[int]) -> None:
    for run in left:
        if line.double_answers + line.lost_calls + line.stuck_ringing >= FAULTS_MOST:
            return
        drawn = moments(run, *line.crossing.windows[line.mode])
        faults = await _play_once(lane, line, drawn)
        line.runs += 1
        if not faults:
            continue
        line.has(faults)
        if len(line.told) < TOLD_MOST:
            line.told.append(f"{lane.domain}, run {run}: {', '.join(faults)}; {drawn}\n{lane.told()}")
        await _clean_up(lane)


async def _play_once(lane: Lane, line: Line, drawn: Moments) -> list[str]:
    """One run; returns what was wrong with it."""
    lane.begins(drawn)
    try:
        await line.crossing.cross(lane, drawn)
    except AssertionError as failure:
        line.outcomes["did_not_begin"] += 1
        return [LOST_CALL, str(failure)]
    started = time.monotonic()
    if not await lane.until(lambda: lane.has_settled):
        line.outcomes["unsettled"] += 1
        return _faults(lane)
    line.settled_ms_most = max(line.settled_ms_most, (time.monotonic() - started) * 1000)
    outcome = line.crossing.outcome(lane)
    line.outcomes[outcome] += 1
    if not line.expects(outcome):
        return [LOST_CALL]
    unheard_of = set(lane.statuses()) - PICKER_GETS
    if unheard_of:
        line.outcomes[f"picker_got_{min(unheard_of)}"] += 1
        return [f"a picker got {unheard_of}"]
    return await _end(lane, drawn)


async def _end(lane: Lane, drawn: Moments) -> list[str]:
    """End the call in whatever state it is, and see that it does."""
    if lane.rings_on:
        if not drawn.ends_by_answer:
            lane.call.cancels()
            ended = await lane.until(lambda: lane.has_settled)
            return [] if ended and not lane.near_ends else _faults(lane) or [LOST_CALL]
        lane.ringing[0].answers()
        if not await lane.until(lambda: lane.has_settled and len(lane.near_ends) == 1):
            return _faults(lane) or [LOST_CALL]
    if not lane.near_ends:
        return []
    winner = lane.winner
    assert winner is not None
    for call in (lane.caller if drawn.caller_ends else winner).placed:
        call.ends()
    for offer in (lane.caller if drawn.caller_ends else winner).offered:
        offer.ends()
    over = await lane.until(lambda: lane.has_settled and not lane.near_ends)
    return [] if over else _faults(lane)


def _faults(lane: Lane) -> list[str]:
    return judge(
        lane.near_ends,
        lane.far_ends,
        rings=bool(lane.ringing),
        caller_waits=lane.call.is_open,
        unacknowledged=any(offer.awaits_ack for device in lane.devices for offer in device.offered),
    )


async def _clean_up(lane: Lane) -> None:
    """Whatever is left ends, so that the next run begins with nothing."""
    for device in lane.devices:
        for call in device.placed:
            call.cancels()
            call.ends()
        for offer in device.offered:
            offer.answers(486)
            offer.ends()
    await lane.until(lambda: all(not c.is_open for d in lane.devices for c in d.placed), within_s=8)
