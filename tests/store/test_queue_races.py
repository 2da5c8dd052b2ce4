"""Real processes at one queue: nodes that dispatch, pickers, and callers who give up."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import open_store
from tests.store.queue_scene import SUPPORT, QueueScene
from tests.store.scene import AGENT
from tests.store.test_races import FORK, delayed, run_rounds

CALLERS = 480
NODES = ("one", "two", "three")
AGENTS = ("101", "102", "103", "104")
GROUP = replace(SUPPORT, agents=AGENTS, strategy="longest_idle", max_waiting=CALLERS)
BOUND_S = 60
OPEN, SERVED, PICKED_UP, GAVE_UP = range(4)
Part = Callable[[QueueScene], None]


def name(index: int) -> DialogId:
    return DialogId(f"{index}@192.0.2.1", "alice")


def index_of(call: DialogId) -> int:
    return int(call.call_id.partition("@")[0])


class Callers:
    """The callers' phones: each takes an agent or a picker, whoever comes first, or gives up; others are too late."""

    def __init__(self) -> None:
        self._fates: Any = FORK.Array("i", CALLERS)
        self._ends = time.monotonic() + BOUND_S

    def meets(self, call: DialogId, fate: int) -> bool:
        """Whether the caller was still to be had."""
        with self._fates.get_lock():
            if self._fates[index_of(call)] != OPEN:
                return False
            self._fates[index_of(call)] = fate
            return True

    def are_left(self) -> bool:
        assert time.monotonic() < self._ends, f"nobody serves {[i for i, fate in enumerate(self._fates) if not fate]}"
        return OPEN in self._fates[:]

    def fates(self) -> Counter[int]:
        return Counter(self._fates[:])


def run_together(settings: Settings, parts: Mapping[str, Part]) -> None:
    """Let each part run in a process of its own, all at once, each as a node of that name; raises what one raised."""
    start: Any = FORK.Barrier(len(parts))
    failures: Any = FORK.SimpleQueue()

    def play(node: str, part: Part) -> None:
        store = open_store(replace(settings, node=node))
        try:
            store.ping()
            start.wait(BOUND_S)
            part(QueueScene(store, None, node=node))  # type: ignore[arg-type]
            failures.put("")
        except BaseException as failure:
            failures.put(f"{node}: {type(failure).__name__}: {failure}")
        finally:
            store.close()

    processes = [FORK.Process(target=play, args=words, daemon=True) for words in parts.items()]
    for process in processes:
        process.start()
    failed = [failures.get() for _ in processes]
    for process in processes:
        process.join(BOUND_S)
        assert process.exitcode == 0
    assert not any(failed), failed


def node(number: int, callers: Callers, *, misses: float = 0.0, check: Callable[[QueueScene, DialogId], None]) -> Part:
    """Holds every third caller, and offers them as they come; agents miss this part of their offers."""

    def part(scene: QueueScene) -> None:
        chance = random.Random(number)

        def look() -> None:
            for call, agent in scene.offers(GROUP):
                check(scene, call)
                if chance.random() < misses:
                    scene.misses(call)
                elif callers.meets(call, SERVED):
                    scene.takes(call, agent)
                    scene.hangs_up(call)

        for index in range(number, CALLERS, len(NODES)):
            scene.waits(GROUP, dialog=name(index))
            look()
        while callers.are_left():
            look()
        # What pickers and callers have ended meanwhile is seen to be over.
        look()

    return part


def picker(number: str, callers: Callers) -> Part:
    """Dials *87 again and again; a phone refuses every fourth pickup."""

    def part(scene: QueueScene) -> None:
        chance = random.Random(number)
        for turn in range(CALLERS):
            if not callers.are_left():
                return
            token = f"{number}-{turn}"
            claim = scene.pick(picker=number, token=token)
            if claim is None:
                continue
            call = claim.call.caller.dialog
            if chance.random() < 0.25 or not callers.meets(call, PICKED_UP):
                scene.release(call, token)
            else:
                scene.picked(call, token, group=GROUP.number)
                scene.ended(call)

    return part


def impatience(callers: Callers) -> Part:
    """One of the first callers in line gives up, again and again."""

    def part(scene: QueueScene) -> None:
        chance = random.Random(0)
        while callers.are_left():
            seen = list(scene.seen())[:5]
            if seen and chance.random() < 0.25:
                call = chance.choice(seen)
                if callers.meets(call, GAVE_UP):
                    scene.ended(call)

    return part


def assert_no_agent_has_two(scene: QueueScene, _: DialogId) -> None:
    roster = scene.store.queues.roster(scene.domain, AGENTS, [])
    assert all(agent.in_calls <= 1 for agent in roster.agents), roster


def assert_over(queue: QueueScene) -> None:
    for agent in AGENTS:
        assert queue.agent(agent).in_calls == 0
    assert queue.remains() == set()


def test_given_three_nodes_when_all_dispatch_one_queue_then_callers_are_served_first_in_first_out_and_once(
    queue: QueueScene, settings: Settings
) -> None:
    callers = Callers()

    def check(scene: QueueScene, call: DialogId) -> None:
        assert_no_agent_has_two(scene, call)
        shown = scene.seen()
        first = next((other for other in shown.values() if other.waiting), None)
        assert first is None or first.routed_at_us > shown[call].routed_at_us, "somebody was overtaken"

    run_together(settings, {name: node(number, callers, check=check) for number, name in enumerate(NODES)})
    assert callers.fates() == {SERVED: CALLERS}
    assert queue.statistics(GROUP) == {"answered": CALLERS}
    assert_over(queue)


def test_given_nodes_pickers_and_callers_who_give_up_when_all_meet_then_each_caller_has_one_fate_and_nobody_is_lost(
    queue: QueueScene, settings: Settings
) -> None:
    callers = Callers()
    patient = replace(settings, max_missed=CALLERS)
    nodes = {
        name: node(number, callers, misses=0.3, check=assert_no_agent_has_two) for number, name in enumerate(NODES)
    }
    others = {"106": picker("106", callers), "107": picker("107", callers), "": impatience(callers)}
    run_together(patient, {**nodes, **others})
    fates = callers.fates()
    assert set(fates) == {SERVED, PICKED_UP, GAVE_UP}, f"every way must have been gone: {fates}"
    counted = queue.statistics(GROUP)
    assert (counted["answered"], counted["picked_up"]) == (fates[SERVED], fates[PICKED_UP])
    assert counted["abandoned"] <= fates[GAVE_UP], "who was claimed when he gave up is not counted"
    assert_over(queue)


def test_given_the_head_of_a_queue_when_an_agent_becomes_idle_as_he_is_picked_up_then_he_rings_or_waits_and_is_claimed(
    queue: QueueScene, settings: Settings
) -> None:
    rounds = 200
    groups = [replace(SUPPORT, number=f"{2000 + i}", agents=(f"{5000 + i}",)) for i in range(rounds)]
    calls = [queue.waits(group) for group in groups]
    for call, group in zip(calls, groups, strict=True):
        busy = queue.ring("105", agents=group.agents)
        assert queue.offers(group) == [], call
        queue.names[f"busy {group.number}"] = busy

    def pick_up(scene: Any, round_: int) -> str:
        claim = scene.pick(groups[round_].number, AGENT, token="mine")
        assert claim is not None
        assert claim.call.caller.dialog == calls[round_]
        return "waiting" if claim.call.waiting else "ringing"

    def become_idle(scene: Any, round_: int) -> str:
        here = QueueScene(scene.store, scene.redis, names=queue.names)
        here.ended(queue.names[f"busy {groups[round_].number}"])
        return "".join(agents for _, agents in here.offers(groups[round_]))

    acts = [delayed(pick_up, in_odd_rounds=True), delayed(become_idle, in_odd_rounds=False)]
    seen = Counter[str]()
    for round_, (state, agent) in enumerate(run_rounds(settings, acts, rounds)):
        assert agent == (groups[round_].agents[0] if state == "ringing" else "")
        seen[state] += 1
        queue.release(calls[round_], "mine")
        assert queue.waiting(groups[round_]) == ([] if state == "ringing" else [calls[round_]])
    assert set(seen) == {"ringing", "waiting"}, "both orders must have been tried"
