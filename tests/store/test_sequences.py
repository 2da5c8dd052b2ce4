"""Whatever happens to a few calls, in whatever order: lines, claims and records agree, and expire by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kemi.accounts.directory import Grants
from kemi.errors import AlreadyAnswered
from kemi.pickup.claim import Outcome
from kemi.sip.dialog import DialogId
from kemi.store import keys
from tests.store.scene import AGENT, EXTENSION, HUNT, Answered, Scene

CALLS = tuple(DialogId(f"call-{index}@192.0.2.1", "alice") for index in range(3))
ACCOUNTS = {"101": EXTENSION, "102": EXTENSION, "700": HUNT, "800": AGENT}
PERMITS = ("p", "q")
MEMBERS = ("101", "102", "103")
EVERYTHING = Grants(PERMITS, PERMITS, PERMITS)
PREFIX = keys.tenant("pbx.example.com")

call = st.sampled_from(CALLS)
number = st.sampled_from(sorted(ACCOUNTS))
permit = st.sampled_from(PERMITS)
members = st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=2, unique=True)
token = st.sampled_from(["mine", "other's"])
Step = Callable[[Scene], object]


def pick(scene: Scene, dialled: str, token: str) -> None:
    try:
        scene.pick(dialled, ACCOUNTS.get(dialled, EXTENSION), grants=EVERYTHING, token=token)
    except AlreadyAnswered:
        assert dialled


def take_up(scene: Scene, call: DialogId, token: str) -> None:
    """The picker's phone answers a call that was sent to it; only the claim's holder gets it, and nobody else then."""
    held = texts(scene.redis.hmget(f"{PREFIX}call:{call.key}", ["c"])) == [token]
    outcome, _ = scene.connected(call, token)
    assert (outcome is Outcome.DONE) == held
    if held:
        assert scene.answered(call) is Answered.PICKED_UP


def step(action: Callable[..., object], *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.tuples(st.just(action), *arguments)


STEPS = st.one_of(
    step(
        lambda scene, call, number, permit, members, by_member: scene.ring(
            number, ACCOUNTS[number], dialog=call, permit=permit, members=members, by_member=by_member
        ),
        call, number, permit, members, st.booleans(),
    ),
    step(lambda scene, call, branch: scene.rings(call, branch, f"tag-{branch}"), call, st.integers(0, 2)),
    step(lambda scene, call, branch: scene.branch_failed(call, branch), call, st.integers(0, 2)),
    step(lambda scene, call, members: scene.stage(call, members), call, members),
    step(pick, st.just("") | number, token),
    step(lambda scene, call, token: scene.release(call, token), call, token),
    step(lambda scene, token: scene.disclaims(token), token),
    step(lambda scene, call, token: scene.picked(call, token), call, token),
    step(lambda scene, call, token: scene.reroute(call, token), call, token),
    step(take_up, call, token),
    step(lambda scene, call: scene.ended(call), call),
    step(lambda scene, call: scene.answered(call), call),
    step(lambda scene, number, permit: scene.reindex(number, permit), number, permit),
)  # fmt: skip


def texts(values: object) -> list[str]:
    return [value.decode() for value in cast(list[bytes], values) if value is not None]


def _line(scene: Scene, line: str) -> list[tuple[bytes, float]]:
    return cast(list[tuple[bytes, float]], scene.redis.zrange(line, 0, -1, withscores=True))


STAYS = "stats:"
"""An agent group counts what became of its callers."""


def assert_consistent(scene: Scene) -> None:
    """Every call that rings stands in its lines with its moment, every claimed one in none; and nothing else does."""
    lines: dict[str, dict[str, float]] = {}
    claims = set()
    for found in texts(scene.redis.keys(f"{PREFIX}call:*")):
        fields = {name.decode(): value.decode() for name, value in scene.redis.hgetall(found).items()}  # type: ignore[union-attr]
        name = found.removeprefix(f"{PREFIX}call:")
        if "k" not in fields:
            # A phone may ring before the call is entered, as another worker sees it.
            assert set(fields) in ({"e"}, {"gone", "o", "h"})
            assert fields.get("gone", "1") in ("1", "p", "a")
            continue
        assert "gone" not in fields, "a call is over or it is not"
        assert "r" not in fields or "c" in fields, "only for its picker is a call sent anywhere"
        if "c" in fields:
            claims.add(name)
            continue
        of_members = fields["m"].split() if "g" in fields else []
        for line in (
            f"n:{fields['n']}",
            f"p:{fields['k']}:{fields['p']}",
            *(f"m:{member}" for member in of_members),
        ):
            lines.setdefault(f"{PREFIX}ring:{line}", {})[name] = float(fields["t"])
    actual = {
        line: {name.decode(): score for name, score in _line(scene, line)}
        for line in texts(scene.redis.keys(f"{PREFIX}ring:*"))
    }
    assert actual == lines
    assert set(texts(scene.redis.zrange(f"{PREFIX}claims", 0, -1))) == claims
    assert all(ttl > 0 for name, ttl in scene.left().items() if not name.startswith(STAYS))


@hypothesis_settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, min_size=4, max_size=16))
def test_given_any_sequence_when_each_step_is_done_then_lines_claims_and_records_agree_and_all_ends_without_a_key(
    scene: Scene, steps: list[tuple[Step, object]]
) -> None:
    scene.redis.flushall()
    for action, *arguments in steps:
        action(scene, *arguments)
        scene.store.settle()
        assert_consistent(scene)
    for dialog in CALLS:
        # The first ends the call, if there is one; the second answers to no call.
        scene.ended(dialog)
        scene.ended(dialog)
    marks = {f"call:{dialog.key}" for dialog in CALLS}
    assert {name for name in scene.left() if not name.startswith(("taken:", STAYS))} == marks
    assert not any(name.startswith("call:") for name in scene.lasting())
