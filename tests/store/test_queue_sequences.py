"""Whatever happens in two queues, in whatever order: lines, claims and agents agree, and nobody is overtaken."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from hypothesis import HealthCheck, event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kemi.accounts.directory import Grants
from kemi.accounts.model import AgentGroup
from kemi.dialogs.own_calls import Standing
from kemi.errors import AlreadyAnswered
from kemi.queueing.queue import Duty, Expired, Offer
from kemi.sip.dialog import DialogId
from kemi.store import keys
from tests.store.queue_scene import SALES, SUPPORT, QueueScene
from tests.store.scene import AGENT, DOMAIN, OPEN
from tests.store.test_sequences import Step, step, texts

CALLS = tuple(DialogId(f"call-{index}@192.0.2.1", "alice") for index in range(4))
GROUPS = {"800": SUPPORT, "801": SALES}
AGENTS = ("101", "102", "103", "104")
STRATEGIES = ("linear", "round_robin", "longest_idle", "ring_all")
PERMITS = (OPEN, "q")
EVERYTHING = Grants(PERMITS, PERMITS, PERMITS)
PREFIX = keys.tenant(DOMAIN)
STAYS = ("agent:", "stats:", keys.queues(""))


def fields_of(scene: QueueScene, call: DialogId) -> dict[str, str]:
    found = cast(dict[bytes, bytes], scene.redis.hgetall(f"{PREFIX}call:{call.key}"))
    return {name.decode(): value.decode() for name, value in found.items()}


def talks(scene: QueueScene, call: DialogId) -> bool:
    return bool(scene.redis.exists(f"{PREFIX}talk:{call.key}"))


def dial(scene: QueueScene, call: DialogId, agent: str) -> None:
    if not talks(scene, call):
        scene.ring("105", dialog=call, calls_from=agent, agents=(agent,))


def join(scene: QueueScene, call: DialogId, group: AgentGroup, agent: str) -> None:
    if not talks(scene, call):
        scene.joins(group, dialog=call, calls_from=agent, is_agent=bool(agent))


def wait(scene: QueueScene, call: DialogId, group: AgentGroup) -> None:
    join(scene, call, group, "")
    scene.ready(call)


def stand_again(scene: QueueScene, call: DialogId, group: AgentGroup, waited_ms: int) -> None:
    """Its node tells of a call: one that is known, or was over a moment ago, stays as it was."""
    (before,), fields = scene.standing(call), fields_of(scene, call)
    scene.stands_again(call, waited_ms, group)
    if before is Standing.MISSING:
        event("stood again")
        assert scene.standing(call) == [Standing.WAITS]
    else:
        assert fields_of(scene, call) == fields


def look(scene: QueueScene, strategy: str, reachable: list[str]) -> None:
    """One look at both queues: who leaves a queue is its head, and who is offered him is idle."""
    before = {number: scene.waiting(group) for number, group in GROUPS.items()}
    now_us = scene.now_us()
    idle = {
        agent.number
        for agent in scene.store.queues.roster(DOMAIN, AGENTS, []).agents
        if agent.logged_in and not agent.in_calls and agent.wrap_until_us <= now_us
    }
    actions = scene.look(*(replace(group, strategy=strategy) for group in GROUPS.values()), reachable=reachable)
    leaving = [action for action in actions if isinstance(action, Offer | Expired)]
    for line in before.values():
        left = [scene.names[action.key] for action in leaving if scene.names[action.key] in line]
        assert left == line[: len(left)], "somebody was overtaken"
    rung = [agent for action in leaving if isinstance(action, Offer) for agent in action.agents]
    assert len(rung) == len(set(rung)), "an agent has two offers"
    assert set(rung) <= idle & set(reachable)
    if rung:
        event("offered")


def offered(scene: QueueScene) -> list[DialogId]:
    return [dialog for dialog in CALLS if fields_of(scene, dialog).get("s") == "r"]


def miss(scene: QueueScene, in_vain: bool) -> None:
    """The agents of some offer did not take the caller."""
    for dialog in offered(scene)[:1]:
        event("missed")
        scene.misses(dialog, in_vain=in_vain)


def take(scene: QueueScene) -> None:
    """An agent takes the caller whom he was offered."""
    for dialog in offered(scene)[-1:]:
        event("taken")
        scene.takes(dialog, fields_of(scene, dialog)["m"].split()[-1])


def overstay(scene: QueueScene, call: DialogId) -> None:
    if "k" in fields_of(scene, call):
        scene.overstay(call)


def pick(scene: QueueScene, dialled: str, token: str) -> None:
    try:
        scene.pick(dialled, AGENT, grants=EVERYTHING, token=token)
    except AlreadyAnswered:
        assert dialled


call = st.sampled_from(CALLS)
agent = st.sampled_from(AGENTS)
group = st.sampled_from(list(GROUPS.values()))
token = st.sampled_from(["mine", "other's"])
strategy = st.sampled_from(STRATEGIES)
WAITS, LOOKS = step(wait, call, group), step(look, strategy, st.just([*AGENTS]))
AFTER = step(miss, st.booleans()) | step(take) | step(lambda scene, call: scene.hangs_up(call), call)
RARE = st.one_of(
    step(look, strategy, st.lists(agent, unique=True)),
    step(join, call, group, st.just("") | agent),
    step(lambda scene, call: scene.ready(call), call),
    step(stand_again, call, group, st.integers(0, 60_000)),
    step(lambda scene, agent, duty: scene.log(agent, duty), agent, st.sampled_from(Duty)),
    step(overstay, call),
    step(dial, call, agent),
    step(pick, st.sampled_from(["", *GROUPS]), token),
    step(lambda scene, call, token: scene.release(call, token), call, token),
    step(lambda scene, token: scene.disclaims(token), token),
    step(lambda scene, call, token: scene.picked(call, token, group="800"), call, token),
    step(lambda scene, call, token: scene.reroute(call, token), call, token),
    step(lambda scene, call, token: scene.connected(call, token, group="800"), call, token),
    step(lambda scene, call: scene.ended(call), call),
    step(lambda scene, number, permit: scene.reindex(number, permit), st.sampled_from(list(GROUPS)),
         st.sampled_from(PERMITS)),
)  # fmt: skip


STEPS = st.integers(0, 5).flatmap(lambda choice: {0: WAITS, 1: LOOKS, 2: AFTER}.get(choice, RARE))


def assert_consistent(scene: QueueScene) -> None:
    """Lines, claims, signs of life and busy agents are what the records say, no less and no more."""
    lines: dict[str, set[str]] = {}
    for dialog in CALLS:
        key, fields = dialog.key, fields_of(scene, dialog)
        if "k" in fields:
            state, number, permit = fields.get("s"), fields["n"], fields["p"]
            if "c" in fields:
                lines.setdefault("claims", set()).add(key)
            elif state == "w":
                for line in (f"wait:{number}", f"ring:p:w:{permit}"):
                    lines.setdefault(line, set()).add(key)
            elif state != "h":
                for line in (f"ring:n:{number}", f"ring:p:{fields['k']}:{permit}"):
                    lines.setdefault(line, set()).add(key)
            assert "gone" not in fields
            if state:
                lines.setdefault(f"due:{fields['N']}", set()).add(key)
            for busy in fields["w"].split():
                lines.setdefault(f"busy:{busy}", set()).add(key)
        talking = cast(bytes | None, scene.redis.hget(f"{PREFIX}talk:{key}", "agents"))
        for busy in (talking or b"").decode().split():
            lines.setdefault(f"busy:{busy}", set()).add(key)
    actual = {
        name: set(texts(scene.redis.smembers(f"{PREFIX}{name}")))
        if name.startswith("busy:")
        else set(texts(scene.redis.zrange(f"{PREFIX}{name}", 0, -1)))
        for name in scene.left()
        if name.startswith(("claims", "wait:", "ring:", "due:", "busy:"))
    }
    assert actual == lines
    assert all(ttl > 0 for name, ttl in scene.left().items() if not name.startswith(STAYS))


@hypothesis_settings(
    max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, min_size=6, max_size=24))
def test_given_any_sequence_in_two_queues_when_each_step_is_done_then_all_agrees_and_all_ends_without_a_key(
    queue: QueueScene, steps: list[tuple[Step, object]]
) -> None:
    queue.redis.flushall()
    queue.names.update({dialog.key: dialog for dialog in CALLS})
    for action, *arguments in steps:
        action(queue, *arguments)
        queue.store.settle()
        assert_consistent(queue)
    for dialog in CALLS:
        queue.hangs_up(dialog)
        # The first ends the call, if there is one; the second answers to no call.
        queue.ended(dialog)
        queue.ended(dialog)
    queue.look()
    assert queue.remains() == set()
    assert [state.in_calls for state in queue.store.queues.roster(DOMAIN, AGENTS, []).agents] == [0] * len(AGENTS)
