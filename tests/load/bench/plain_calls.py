"""Plain calls (INVITE-180-200-ACK-BYE, no digest): what one costs, and how many a second go through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.load.bench.figures import Samples
from tests.load.bench.proxies import Proxy
from tests.support.load import kinds
from tests.support.load.kinds import Pace

WARM_UP_S, OVER_WITHIN_S = 2.0, 15.0
TRIED_WITHIN_S = 3.0
"""At a rate that goes through the last call is over at once."""
TALK_MS = 1
LOWEST_CPS = 150.0
NARROW = 1.04
"""How far apart a rate that went through and one that did not may be."""


@dataclass(frozen=True, slots=True)
class Load:
    calls: int
    failed: int
    retransmissions: int
    us_per_call: tuple[float, float]
    """Of Kamailio and of Redis."""


def load(proxy: Proxy, rate: float, duration_s: float, *, over_within_s: float = OVER_WITHIN_S) -> Load:
    pace = Pace(rate, duration_s, TALK_MS)
    before = proxy.cpu_ns()
    play = kinds.start(
        "calls",
        proxy.stage,
        proxy.people,
        pace,
        trunk_port=proxy.trunk_port,
        called_port=proxy.called_port,
        traced=False,
    )
    try:
        play.caller.await_end(duration_s + over_within_s)
    finally:
        play.end()
    spent = [after - start for after, start in zip(proxy.cpu_ns(), before, strict=True)]
    counts = [player.counts() for player in play.players]
    return Load(
        pace.calls,
        pace.calls - counts[0].get("SuccessfulCall", 0) - play.caller.calls_in_a_pause(),
        sum(of.get("Retransmissions", 0) for of in counts),
        (spent[0] / 1000 / pace.calls, spent[1] / 1000 / pace.calls),
    )


def cost(proxies: Mapping[str, Proxy], *, rate: float, duration_s: float, rounds: int) -> dict[str, Samples]:
    """CPU of Kamailio and Redis per plain call in µs, of each proxy in turn; `star87_redis` is Redis' part."""
    for proxy in proxies.values():
        load(proxy, rate, WARM_UP_S)
    found: dict[str, Samples] = {name: Samples() for name in (*proxies, "star87_redis")}
    for turn in range(rounds):
        # Whoever comes first in one round comes last in the next.
        for name in list(proxies)[:: 1 if turn % 2 else -1]:
            done = load(proxies[name], rate, duration_s)
            found[name].add(sum(done.us_per_call))
            if name == "star87":
                found["star87_redis"].add(done.us_per_call[1])
    return found


def highest_rate(proxy: Proxy, duration_s: float, around: float = 0.0) -> float:
    """Calls a second that go through without a failure or a retransmission; around: where it was the last time."""
    good, bad = 0.0, 0.0
    rate = around / NARROW if around else LOWEST_CPS
    while not good or not bad or bad / good > NARROW:
        done = load(proxy, rate, duration_s, over_within_s=TRIED_WITHIN_S)
        if done.failed or done.retransmissions:
            bad = rate
        else:
            good = rate
        if rate < 1:
            return 0.0
        if not bad:
            rate = good * (1.3 if not around else 1.08)
        elif not good:
            rate = bad / (1.3 if not around else 1.08)
        else:
            rate = (good * bad) ** 0.5
    return good


def highest_rates(proxies: Mapping[str, Proxy], *, duration_s: float, rounds: int) -> dict[str, Samples]:
    found = {name: Samples() for name in proxies}
    for turn in range(rounds):
        for name in list(proxies)[:: 1 if turn % 2 else -1]:
            found[name].add(highest_rate(proxies[name], duration_s, found[name].median if turn else 0.0))
    return found
