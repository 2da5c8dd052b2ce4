"""Which node has which slot."""

from __future__ import annotations

from kemi.store import keys
from kemi.store.slots import Slots, slot_of

ANSWER = [
    [0, 5460, [b"10.0.0.1", 7000, b"id"], [b"10.0.0.4", 7000, b"id"]],
    [5461, 10922, [b"", 7001, b"id"]],
    [10923, 16382, [None, 7002, b"id"]],
]


def test_given_an_answer_when_it_is_read_then_every_slot_has_its_primary_and_no_replica_is_one() -> None:
    slots = Slots()
    assert slots.primaries() == ()
    slots.read(ANSWER, ("10.0.0.9", 7009))
    assert [slots.owner(slot) for slot in (0, 5460, 5461, 10923, 16382)] == [
        ("10.0.0.1", 7000),
        ("10.0.0.1", 7000),
        ("10.0.0.9", 7001),
        ("10.0.0.9", 7002),
        ("10.0.0.9", 7002),
    ]
    assert slots.primaries() == (("10.0.0.1", 7000), ("10.0.0.9", 7001), ("10.0.0.9", 7002))
    assert slots.owner(16383) is None
    assert not slots.is_whole


def test_given_a_slot_that_moved_when_that_is_learnt_then_its_neighbours_stay() -> None:
    slots = Slots()
    slots.read([[0, 16383, [b"10.0.0.1", 7000, b"id"]]], ("10.0.0.1", 7000))
    slots.learn(7, ("10.0.0.2", 7000))
    assert [slots.owner(slot)[0] for slot in (6, 7, 8) if slots.owner(slot)] == ["10.0.0.1", "10.0.0.2", "10.0.0.1"]  # type: ignore[index]
    assert slots.is_whole


def test_given_a_tenant_when_its_keys_are_made_then_all_have_its_slot() -> None:
    domain = "pbx.example.com"
    names = {keys.tenant(domain), keys.due(domain, "n"), keys.events(domain), keys.tenant(domain) + "call:}{"}
    assert {slot_of(name) for name in names} == {slot_of(domain)}
    assert slot_of("123456789") == 12739
    assert slot_of("s87:{\udcff}:") == slot_of("s87:{\udcff}:x")
