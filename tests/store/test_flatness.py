"""A pickup costs the store the same, however many calls ring."""

from __future__ import annotations

from typing import Any, cast

import pytest

from kemi.accounts.directory import Grants
from kemi.accounts.model import Kind
from kemi.dialogs.tracking import Placement
from kemi.sip.dialog import DialogId
from tests.store.scene import AGENT, EXTENSION, HUNT, OPEN, Scene, caller

FEW, MANY = 9, 2_000
"""Nine: one call of each kind and permission, so that no line is empty."""


def commands(scene: Scene, number: str, grants: Grants, call: DialogId) -> dict[str, int]:
    """How often each command ran inside one claim, which gets that call."""
    scene.redis.config_resetstat()
    assert scene.picked_up(number, grants=grants) == call
    stats = cast(dict[str, Any], scene.redis.info("commandstats"))
    own = ("cmdstat_config", "cmdstat_info")
    return {name: stat["calls"] for name, stat in stats.items() if not name.startswith(own)}


def fill(scene: Scene, count: int) -> None:
    """Calls at many accounts, of all kinds, of granted and of other permissions."""
    for number in range(count):
        kind = (EXTENSION, HUNT, AGENT)[number % 3]
        permit = (OPEN, "second", "closed")[number // 3 % 3]
        scene.store.calls.enter(
            Placement(scene.domain, kind, f"{1000 + number % 50}", permit, caller(scene.dialog()), ("101",), 60_000)
        )
    scene.store.settle()


@pytest.mark.parametrize("dialled", ["", "101"], ids=["general", "directed"])
@pytest.mark.parametrize("kind", [HUNT, EXTENSION])
def test_given_2000_ringing_calls_when_one_is_claimed_then_redis_does_the_same_as_with_ten(
    scene: Scene, dialled: str, kind: Kind
) -> None:
    granted = (OPEN, "second")
    grants = Grants(granted if kind is HUNT else (), granted, granted)
    counted = []
    for count in (FEW, MANY):
        scene.redis.flushall()
        call = scene.ring("101", kind)
        fill(scene, count)
        for _ in range(count // 10):
            scene.ring("101", kind)
        counted.append(commands(scene, dialled, grants, call))
    few, many = counted
    assert few["cmdstat_fcall"] == 1
    assert many == few
