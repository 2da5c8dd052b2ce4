"""What is remembered of callers' devices comes with the claim of their next call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from kemi.accounts.model import Kind
from kemi.pickup.claim import Claim
from kemi.pickup.devices import Verdict, name_of
from kemi.settings import Settings
from kemi.store import open_store
from tests.store.queue_scene import QueueScene
from tests.store.scene import AGENT, EXTENSION, HUNT, Scene, caller
from tests.support.until import until


def device_of_callers(scene: Scene) -> str:
    """All callers of a scene call from the same device."""
    calling = caller(scene.dialog())
    return name_of(calling.contact, calling.user_agent)


def remember(scene: Scene, device: str, verdict: Verdict) -> None:
    scene.store.calls.remember_device(scene.domain, device, verdict)
    scene.store.settle()


def claimed(claim: Claim | None) -> Claim:
    assert claim is not None
    return claim


@pytest.fixture
def forgetful(settings: Settings, raw: redis.Redis) -> Iterator[Scene]:
    """The same tenant, on a node that remembers a device for one second."""
    store = open_store(replace(settings, device_memory_s=1))
    yield Scene(store, raw)
    store.close()


def test_given_a_device_that_nobody_tried_when_its_call_is_claimed_then_nothing_is_known(scene: Scene) -> None:
    scene.ring()
    assert claimed(scene.pick()).learnt is Verdict.UNKNOWN


@pytest.mark.parametrize("verdict", [Verdict.GOOD, Verdict.BAD])
@pytest.mark.parametrize(("number", "kind"), [("101", EXTENSION), ("700", HUNT)])
def test_given_a_device_that_was_tried_when_its_next_call_is_claimed_then_the_claim_tells(
    scene: Scene, verdict: Verdict, number: str, kind: Kind
) -> None:
    remember(scene, device_of_callers(scene), verdict)
    call = scene.ring(number, kind)
    claim = claimed(scene.pick())
    assert (claim.learnt, claim.call.caller.dialog) == (verdict, call)


def test_given_a_call_that_rings_already_when_its_device_is_tried_then_the_next_claim_of_it_tells(scene: Scene) -> None:
    call = scene.ring()
    assert claimed(scene.pick()).learnt is Verdict.UNKNOWN
    remember(scene, device_of_callers(scene), Verdict.BAD)
    scene.release(call)
    assert claimed(scene.pick(token="second")).learnt is Verdict.BAD


def test_given_a_caller_in_a_queue_when_he_is_claimed_then_the_claim_tells_of_his_device(queue: QueueScene) -> None:
    remember(queue, device_of_callers(queue), Verdict.BAD)
    queue.waits()
    assert claimed(queue.pick("800", AGENT)).learnt is Verdict.BAD


def test_given_a_device_that_got_better_when_remembered_then_the_last_word_counts(scene: Scene) -> None:
    device = device_of_callers(scene)
    remember(scene, device, Verdict.BAD)
    remember(scene, device, Verdict.GOOD)
    scene.ring()
    assert claimed(scene.pick()).learnt is Verdict.GOOD


def test_given_another_device_or_another_tenant_s_when_a_call_is_claimed_then_it_says_nothing_of_this_one(
    scene: Scene,
) -> None:
    device = device_of_callers(scene)
    remember(scene, name_of("sip:z@192.0.2.1:5070", ""), Verdict.BAD)
    scene.store.calls.remember_device("other.example.com", device, Verdict.BAD)
    scene.store.settle()
    scene.ring()
    assert claimed(scene.pick()).learnt is Verdict.UNKNOWN


def test_given_nothing_to_remember_when_told_then_no_key_is_written(scene: Scene) -> None:
    remember(scene, "", Verdict.BAD)
    remember(scene, device_of_callers(scene), Verdict.UNKNOWN)
    assert scene.left() == {}


def test_given_a_device_when_remembered_then_for_as_long_as_set_and_no_longer(forgetful: Scene) -> None:
    device = device_of_callers(forgetful)
    remember(forgetful, device, Verdict.BAD)
    ((name, ttl_ms),) = forgetful.left().items()
    assert (name, 0 < ttl_ms <= 1000) == (f"replaces:{device}", True)
    until(lambda: not forgetful.left(), what="the device is forgotten")
    forgetful.ring()
    assert claimed(forgetful.pick()).learnt is Verdict.UNKNOWN


def test_given_the_default_when_a_device_is_remembered_then_for_a_week(scene: Scene) -> None:
    remember(scene, device_of_callers(scene), Verdict.GOOD)
    ((_, ttl_ms),) = scene.left().items()
    assert 604_000_000 < ttl_ms <= 604_800_000
