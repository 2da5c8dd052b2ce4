"""A device with a call that it has not put on hold may not pick up."""

from __future__ import annotations

import pytest

from kemi.dialogs.tracking import Device
from kemi.errors import NotOnHold
from kemi.sip.dialog import DialogId
from tests.store.scene import Scene, phone

DEVICE = phone(5061)
HELD = phone(5061, on_hold=True)


def ends(call: DialogId) -> tuple[DialogId, DialogId]:
    """A request of the callee names the dialog the other way round: only one of the two is known."""
    return DialogId(call.call_id, "callee"), call


def refused(scene: Scene, device: str = DEVICE.flow) -> bool:
    """Whether *87 from the device gets 486; a claim is given back."""
    try:
        claim = scene.pick(device=device)
    except NotOnHold:
        return True
    assert claim is not None, "something must ring"
    scene.release(claim.call.caller.dialog)
    return False


@pytest.fixture(autouse=True)
def _something_rings(scene: Scene) -> None:
    scene.ring()


def test_given_an_idle_device_when_it_dials_87_then_it_may(scene: Scene) -> None:
    assert not refused(scene)


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_given_a_device_that_talks_when_it_dials_87_then_it_is_not_on_hold(scene: Scene, side: str) -> None:
    call = scene.ring("102")
    sides = (DEVICE, phone(5062)) if side == "caller" else (phone(5062), DEVICE)
    scene.answered(call, *sides)
    assert refused(scene)
    assert refused(scene, phone(5062).flow)
    assert not refused(scene, phone(5063).flow)


def test_given_a_device_that_talks_when_hold_is_not_asked_for_then_it_may(scene: Scene) -> None:
    scene.answered(scene.ring("102"), DEVICE)
    assert scene.pick(device="") is not None


def test_given_a_refusal_for_want_of_hold_when_it_is_told_then_nothing_was_claimed(scene: Scene) -> None:
    scene.answered(scene.ring("102"), DEVICE)
    before = scene.seen()
    assert refused(scene)
    assert scene.seen() == before


def test_given_a_device_that_holds_and_resumes_when_it_dials_87_then_its_last_word_counts(
    scene: Scene,
) -> None:
    call = scene.ring("102")
    scene.answered(call, DEVICE, phone(5062))
    scene.renewed(ends(call), HELD)
    assert not refused(scene)
    scene.renewed(ends(call), DEVICE)
    assert refused(scene)


def test_given_a_device_that_holds_when_the_other_end_holds_or_resumes_then_that_is_the_other_end_s(
    scene: Scene,
) -> None:
    call = scene.ring("102")
    scene.answered(call, DEVICE, phone(5062))
    scene.renewed(ends(call), phone(5062, on_hold=True))
    assert refused(scene)
    scene.renewed(ends(call), HELD)
    scene.renewed(ends(call), phone(5062))
    assert not refused(scene)


@pytest.mark.parametrize("state", [DEVICE, HELD], ids=["talks", "holds"])
def test_given_a_device_when_a_request_says_nothing_of_hold_then_it_is_as_before(scene: Scene, state: Device) -> None:
    call = scene.ring("102")
    scene.answered(call, state)
    scene.renewed(ends(call), phone(5061, on_hold=None))
    assert refused(scene) is (state is DEVICE)


def test_given_two_calls_of_a_device_when_only_one_is_on_hold_then_it_may_not(scene: Scene) -> None:
    held, talking = scene.ring("102"), scene.ring("102")
    scene.answered(held, HELD)
    scene.answered(talking, DEVICE)
    assert refused(scene)
    scene.over(ends(talking))
    assert not refused(scene)


def test_given_a_device_whose_call_is_over_when_it_dials_87_then_it_may(scene: Scene) -> None:
    call = scene.ring("102")
    scene.answered(call, DEVICE, phone(5062))
    scene.over(ends(call))
    assert not refused(scene)
    assert not refused(scene, phone(5062).flow)


@pytest.mark.parametrize("was_tracked", [True, False])
def test_given_a_call_that_is_over_when_its_answer_is_repeated_once_more_then_its_devices_do_not_talk_again(
    scene: Scene, was_tracked: bool
) -> None:
    """RFC 3261 §13.3.1.4: until the ACK comes the callee repeats its 200, which may cross the BYE."""
    call = scene.ring("102")
    if not was_tracked:
        scene.ended(call)
    scene.answered(call, DEVICE)
    scene.over(ends(call))
    scene.answered(call, DEVICE)
    assert not refused(scene)


def test_given_a_pickup_that_is_over_when_the_caller_s_answer_is_repeated_then_its_devices_do_not_talk_again(
    scene: Scene,
) -> None:
    scene.ring("102")
    old = scene.picked_up("102")
    assert old is not None
    new = scene.picked(old, picker=DEVICE)
    scene.over(ends(new))
    scene.picked(old, picker=DEVICE, new=new)
    assert not refused(scene)


def test_given_a_picker_that_got_its_call_when_it_dials_87_again_then_it_must_hold_that_call(
    scene: Scene,
) -> None:
    old = scene.ring("700")
    scene.pick("700")
    new = scene.picked(old, picker=DEVICE)
    scene.ended(old)
    assert refused(scene)
    scene.renewed(ends(new), HELD)
    assert not refused(scene)


def test_given_a_call_whose_end_was_never_seen_when_its_dialog_has_expired_then_the_device_s_later_calls_free_it(
    scene: Scene,
) -> None:
    lost, later = scene.ring("102"), scene.ring("102")
    scene.answered(lost, DEVICE)
    scene.answered(later, HELD)
    scene.redis.delete(f"s87:{{{scene.domain}}}:talk:{lost.key}")
    assert not refused(scene)
    scene.over(ends(later))
    assert not any(name.startswith(("device:", "talk:")) for name in scene.left())


def test_given_a_confirmed_dialog_when_something_passes_through_it_then_it_is_remembered_for_longer(
    scene: Scene,
) -> None:
    call = scene.ring("102")
    scene.answered(call, DEVICE, phone(5062))
    names = [f"talk:{call.key}", f"device:{DEVICE.flow}", f"device:{phone(5062).flow}"]
    for name in names:
        scene.redis.pexpire(f"s87:{{{scene.domain}}}:{name}", 60_000)
    scene.renewed(ends(call), phone(5062, on_hold=None))
    assert all(scene.left()[name] > 14_000_000 for name in names)
