"""The crossings: how each begins, what crosses, and what may come of it.

Each runs until both things have happened; `outcome` then says which was first, by who has the call or who was rung.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.races.device import Device, Offered, Placed, rings
from tests.support.races.lane import HUNT, QUEUE, RING_ALL, TIMED_HUNT, Lane
from tests.support.races.moments import Moments

STAGE_MS = 1000.0
"""RING_S of the timed hunt group's first stage."""
Cross = Callable[[Lane, Moments], Awaitable[None]]
Outcome = Callable[[Lane], str]


@dataclass(frozen=True, slots=True)
class Crossing:
    name: str
    cross: Cross
    outcome: Outcome
    windows: dict[str, tuple[float, float]]
    """By mode: from when to when after the picker's INVITE the other thing happens, in ms."""
    expected: dict[str, tuple[str, ...]]
    """By mode: what must have come of some runs each."""
    allowed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By mode: what may come of others."""


REPLACES, REROUTE = "replaces", "reroute"
MODES = (REPLACES, REROUTE)
BETWEEN_STAGES: dict[str, tuple[str, ...]] = {REPLACES: ("refused",)}
"""There is no early dialog to replace from when the last phone of a stage has given up until one of the next rings."""


async def _pickups(lane: Lane, moments: Moments, dialled: str) -> None:
    await lane.rings(lane.callee.number, lane.callee)
    first = await lane.poised(lane.picker, dialled)
    second = await lane.poised(lane.rival, dialled)
    lane.race(first.goes, second.goes, moments.offset_ms)


async def _two_directed(lane: Lane, moments: Moments) -> None:
    await _pickups(lane, moments, f"*87{lane.callee.number}")


async def _two_general(lane: Lane, moments: Moments) -> None:
    await _pickups(lane, moments, "*87")


async def _callee_answers(lane: Lane, moments: Moments) -> None:
    await lane.rings(lane.callee.number, lane.callee)
    pickup = await lane.poised(lane.picker, f"*87{lane.callee.number}")
    lane.race(pickup.goes, lane.callee.offered[0].answers, moments.offset_ms)


async def _callee_refuses(lane: Lane, moments: Moments) -> None:
    await lane.rings(lane.callee.number, lane.callee)
    pickup = await lane.poised(lane.picker, f"*87{lane.callee.number}")
    lane.race(pickup.goes, lambda: lane.callee.offered[0].answers(486), moments.offset_ms)


async def _caller_gives_up(lane: Lane, moments: Moments) -> None:
    await lane.rings(lane.callee.number, lane.callee)
    pickup = await lane.poised(lane.picker, f"*87{lane.callee.number}")

    def gives_up() -> None:
        if lane.rings_on:
            lane.call.cancels()

    lane.race(pickup.goes, gives_up, moments.offset_ms)


async def _picker_gives_up(lane: Lane, moments: Moments) -> None:
    await lane.rings(lane.callee.number, lane.callee)
    pickup = await lane.poised(lane.picker, f"*87{lane.callee.number}")
    lane.race(pickup.goes, lambda: _hangs_up(lane.picker, pickup), moments.offset_ms)


def _hangs_up(device: Device, call: Placed) -> None:
    """What a phone does, wherever it is."""
    call.cancels()
    call.ends()
    for offer in device.offered:
        offer.answers(486)
        offer.ends()


async def _member_refuses(lane: Lane, moments: Moments) -> None:
    await lane.rings(HUNT, lane.callee)
    pickup = await lane.poised(lane.picker, f"*87{HUNT}")
    lane.race(pickup.goes, lambda: lane.callee.offered[0].answers(486), moments.offset_ms)


async def _stage_ends(lane: Lane, moments: Moments) -> None:
    await lane.rings(TIMED_HUNT, lane.callee)
    pickup = await lane.poised(lane.picker, f"*87{TIMED_HUNT}")
    lane.at(STAGE_MS - moments.offset_ms, pickup.goes)


async def _agent_becomes_idle(lane: Lane, moments: Moments) -> None:
    other = await lane.talks(lane.filler, lane.agent)
    await lane.rings(QUEUE, None)
    pickup = await lane.poised(lane.picker, f"*87{QUEUE}")
    lane.race(pickup.goes, other.ends, moments.offset_ms)


async def _agent_answers(lane: Lane, moments: Moments) -> None:
    await lane.rings(QUEUE, lane.agent)
    pickup = await lane.poised(lane.picker, f"*87{QUEUE}")
    lane.race(pickup.goes, lane.agent.offered[0].answers, moments.offset_ms)


async def _another_rings(lane: Lane, moments: Moments) -> None:
    """Nobody picks up: two phones of a group are called, and one rings as the other answers."""

    def waits(_offer: Offered) -> None:
        pass

    lane.callee.when_rung = lane.second.when_rung = waits
    lane.call = await lane.poised(lane.caller, RING_ALL)
    lane.call.goes()
    assert await lane.until(lambda: bool(lane.callee.offered and lane.second.offered)), "they were not called"
    lane.race(lane.callee.offered[0].answers, lambda: rings(lane.second.offered[0]), moments.offset_ms)


def _who_has_it(lane: Lane) -> str:
    names = {lane.callee: "callee", lane.agent: "agent", lane.picker: "picker", lane.rival: "rival"}
    winner = lane.winner
    if winner is None:
        return "nobody"
    return names.get(winner, winner.number)


def _picked_up_or_refused(lane: Lane) -> str:
    return "refused" if lane.call.status == 486 and not lane.call.is_replaced else _who_has_it(lane)


def _picked_up_or_given_up(lane: Lane) -> str:
    had_it = lane.call.is_replaced or any(o.status == 200 for o in lane.picker.offered)
    return "picked_up" if had_it else "given_up"


def _which_stage(lane: Lane) -> str:
    if lane.winner is not lane.picker:
        return "refused" if lane.winner is None else "nobody"
    return "second_stage" if lane.second.offered else "first_stage"


def _heard_ringing(lane: Lane) -> str:
    if lane.winner is not lane.callee:
        return "nobody"
    return "ringing" if lane.call.early_tag == lane.second.offered[0].incoming.tag else "answer"


def _where_from(lane: Lane) -> str:
    if lane.winner is not lane.picker:
        return "nobody"
    # The first was the call that kept him busy.
    return "offered" if len(lane.agent.offered) > 1 else "waiting"


def _same(*outcomes: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(MODES, outcomes)


def _windows(replaces: tuple[float, float], reroute: tuple[float, float]) -> dict[str, tuple[float, float]]:
    return {REPLACES: replaces, REROUTE: reroute}


CROSSINGS = (
    Crossing(
        "pickup-pickup-directed",
        _two_directed,
        _who_has_it,
        _windows((-6, 6), (-6, 6)),
        _same("picker", "rival"),
    ),
    Crossing(
        "pickup-pickup-general",
        _two_general,
        _who_has_it,
        _windows((-6, 6), (-6, 6)),
        _same("picker", "rival"),
    ),
    Crossing(
        "pickup-answer",
        _callee_answers,
        _who_has_it,
        _windows((-8, 28), (-8, 24)),
        _same("picker", "callee"),
    ),
    Crossing(
        "pickup-refusal",
        _callee_refuses,
        _picked_up_or_refused,
        _windows((-8, 28), (-8, 24)),
        _same("picker", "refused"),
    ),
    Crossing(
        "pickup-caller-cancel",
        _caller_gives_up,
        _picked_up_or_given_up,
        _windows((-8, 18), (-8, 24)),
        _same("picked_up", "given_up"),
    ),
    Crossing(
        "pickup-picker-cancel",
        _picker_gives_up,
        _picked_up_or_given_up,
        _windows((0, 24), (0, 24)),
        _same("picked_up", "given_up"),
    ),
    Crossing(
        "pickup-stage-refused",
        _member_refuses,
        _which_stage,
        _windows((-10, 28), (-10, 24)),
        _same("first_stage", "second_stage"),
        BETWEEN_STAGES,
    ),
    Crossing(
        "pickup-stage-timeout",
        _stage_ends,
        _which_stage,
        _windows((-120, 100), (-120, 100)),
        _same("first_stage", "second_stage"),
        BETWEEN_STAGES,
    ),
    Crossing(
        "pickup-agent-offer",
        _agent_becomes_idle,
        _where_from,
        _windows((-24, 16), (-24, 16)),
        _same("waiting", "offered"),
    ),
    Crossing(
        "pickup-agent-answer",
        _agent_answers,
        _who_has_it,
        _windows((-8, 28), (-8, 24)),
        _same("picker", "agent"),
    ),
    Crossing(
        "answer-ringing",
        _another_rings,
        _heard_ringing,
        _windows((-4, 4), (-4, 4)),
        _same("ringing", "answer"),
    ),
)
