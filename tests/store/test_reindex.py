"""A permission that changes while calls ring."""

from __future__ import annotations

from kemi.accounts.directory import Grants
from kemi.store import keys
from tests.store.scene import HUNT, OPEN, Scene

ADMITS = Grants(("new",), ("new",), ("new",))


def test_given_ringing_calls_when_their_account_s_permission_changes_then_they_follow_it_in_their_places(
    scene: Scene,
) -> None:
    calls = [scene.ring("101"), scene.ring("101")]
    elsewhere = scene.ring("102", permit="new")
    assert scene.reindex("101", "new") == 2
    assert scene.pick() is None
    assert list(scene.seen("new")) == [*calls, elsewhere]
    assert [scene.picked_up(grants=ADMITS) for _ in range(3)] == [*calls, elsewhere]


def test_given_two_accounts_of_one_permission_when_one_changes_then_the_other_s_calls_stay(
    scene: Scene,
) -> None:
    scene.ring("101")
    other = scene.ring("102")
    scene.reindex("101", "new")
    assert [scene.picked_up() for _ in range(2)] == [other, None]


def test_given_a_call_that_moved_when_it_is_over_then_no_key_is_left(scene: Scene) -> None:
    call = scene.ring("700", HUNT, members=("101",), by_member=True)
    scene.reindex("700", "new")
    scene.ended(call)
    assert scene.left() == {}


def test_given_calls_when_the_same_permission_is_told_again_then_none_is_moved(scene: Scene) -> None:
    scene.ring("101")
    before = scene.seen()
    assert scene.reindex("101", OPEN) == 0
    assert scene.seen() == before


def test_given_a_claimed_call_when_its_account_s_permission_changes_then_the_claim_holds_and_a_release_follows_it(
    scene: Scene,
) -> None:
    call = scene.ring("101")
    scene.pick()
    assert scene.reindex("101", "new") == 1
    assert scene.pick(grants=ADMITS, picker="110") is None
    scene.release(call)
    assert scene.pick() is None
    assert scene.picked_up(grants=ADMITS) == call
    scene.ended(call)
    assert scene.lasting() == {"taken:101"}


def test_given_a_claim_at_another_account_when_a_permission_changes_then_that_call_is_not_touched(
    scene: Scene,
) -> None:
    call = scene.ring("102")
    scene.pick()
    assert scene.reindex("101", "new") == 0
    scene.release(call)
    assert scene.picked_up() == call


def test_given_a_moved_call_when_the_line_s_life_is_looked_at_then_it_lasts_as_long_as_the_call(
    scene: Scene,
) -> None:
    scene.ring("101")
    scene.reindex("101", "new")
    prefix = keys.tenant(scene.domain)
    until = {name: scene.redis.pexpiretime(prefix + name) for name in scene.left()}
    assert until["ring:p:e:new"] >= max(at for name, at in until.items() if name.startswith("call:"))


def test_given_a_ghost_when_a_permission_changes_then_it_is_not_moved(scene: Scene) -> None:
    scene.lose_record(scene.ring("101"))
    assert scene.reindex("101", "new") == 0
    assert "ring:p:e:new" not in scene.left()
