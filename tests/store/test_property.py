"""The rules of kemi.pickup.policy and what claim.lua does are one thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.model import (
    Account,
    AgentGroup,
    Domain,
    DomainSettings,
    Extension,
    HuntGroup,
    Kind,
    Provisioning,
    Stage,
)  # fmt: skip
from kemi.accounts.permission import Permission
from kemi.dialogs.record import CallRecord
from kemi.errors import AlreadyAnswered, PickupRefused
from kemi.pickup.claim import Rerouted, Wanted
from kemi.pickup.policy import Scope, candidates, scope_of
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.sip.feature_code import PickupCode
from tests.store.queue_scene import QueueScene
from tests.store.scene import DOMAIN

EXTENSIONS = ("101", "102", "11", "110")
HUNT_GROUPS = ("700", "701")
AGENT_GROUPS = ("800", "801")
NUMBERS = (*EXTENSIONS, *HUNT_GROUPS, *AGENT_GROUPS)
OTHER_PICKER = "555"
MOMENT_US = 1_700_000_000_000_000

PATTERNS = st.sampled_from([*EXTENSIONS, "*", "10*", "1*", "11*"])
LISTS = st.frozensets(PATTERNS, max_size=2)
# Often the same few permissions: accounts share them, and the rest differs.
COMMON = [
    Permission(frozenset("*")),
    Permission(frozenset(["*"]), frozenset(["11*"])),
    Permission(frozenset(["10*"])),
]
PERMISSIONS = st.sampled_from([*COMMON, *COMMON, Permission()]) | st.builds(
    Permission, LISTS, st.frozensets(PATTERNS, max_size=1)
)


@dataclass(frozen=True)
class Ringing:
    """A call to put up: to which account, from whom, at which members, at which of three moments (or its own).

    An agent group's call may wait instead; `then` says what happens in the group's queue after it joined.
    """

    number: str
    calls_from: str
    members: frozenset[str]
    moment: int
    waits: bool
    then: str


@dataclass(frozen=True)
class Case:
    accounts: tuple[Account, ...]
    widened: bool
    calls: tuple[Ringing, ...]
    claimed_at: tuple[str, ...]
    """Accounts at which somebody else has picked up from before."""
    picker: str
    dialled: str
    tried: frozenset[int]
    """Which calls were tried before."""
    sends: bool
    """What somebody else has picked up is being sent to his phone."""


def account(number: str, permission: Permission) -> Account:
    if number in EXTENSIONS:
        return Extension(number, "", "", permission)
    if number in HUNT_GROUPS:
        return HuntGroup(number, "", (Stage(EXTENSIONS),), permission)
    return AgentGroup(number, "", EXTENSIONS, permission=permission)


# Often no hunt group and no extension rings, which would go before every agent group.
PLACES = st.sampled_from([NUMBERS, NUMBERS, AGENT_GROUPS])


def calls_at(numbers: tuple[str, ...]) -> st.SearchStrategy[tuple[Ringing, ...]]:
    ringing = st.builds(
        Ringing,
        st.sampled_from(numbers),
        st.sampled_from(["", "", *EXTENSIONS]),
        st.frozensets(st.sampled_from(EXTENSIONS), min_size=1),
        st.integers(0, 3),
        st.sampled_from([True, True, True, False]),
        st.sampled_from(["", "", "", "offer", "miss"]),
    )
    return st.lists(ringing, min_size=3, max_size=12).map(tuple)


CASES = st.builds(
    Case,
    st.tuples(*(st.builds(account, st.just(number), PERMISSIONS) for number in NUMBERS)),
    st.booleans(),
    PLACES.flatmap(calls_at),
    st.lists(st.sampled_from(NUMBERS), max_size=2).map(tuple),
    st.sampled_from(EXTENSIONS),
    st.sampled_from(["", "", *NUMBERS]),
    st.frozensets(st.integers(0, 11), max_size=3),
    st.booleans(),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="s87-") as path:
        yield Path(path)


def directory_of(case: Case, folder: Path) -> Directory:
    path = str(folder / "directory.sqlite")
    domain = Domain(DOMAIN, DomainSettings(directed_includes_group_calls=case.widened), case.accounts)
    snapshot.write(Provisioning((domain,)), 1, path)
    return Directory(path)


def queue_up(scene: QueueScene, group: AgentGroup, ringing: Ringing, *, widened: bool) -> DialogId:
    """Let a call wait; the head of the queue may be offered to all members who are idle, and missed."""
    call = scene.waits(group, calls_from=ringing.calls_from, by_member=widened)
    if ringing.then:
        for offered, _ in scene.offers(replace(group, strategy="ring_all"), reachable=sorted(ringing.members)):
            event("a caller was offered")
            if ringing.then == "miss":
                scene.misses(offered, in_vain=False)
    return call


def put_up(case: Case, directory: Directory, scene: QueueScene) -> list[str]:
    """Let the case's calls ring and wait; returns their keys."""
    put = []
    for ringing in case.calls:
        where = directory.account(DOMAIN, ringing.number)
        assert where is not None
        if isinstance(where, AgentGroup) and ringing.waits:
            put.append(queue_up(scene, where, ringing, widened=case.widened))
            continue
        grouped = where.kind is not Kind.EXTENSION
        call = scene.ring(
            where.number,
            where.kind,
            permit=where.permission.id,
            calls_from=ringing.calls_from,
            members=sorted(ringing.members) if grouped else (where.number,),
            by_member=case.widened and grouped,
        )
        put.append(call)
    for call, ringing in zip(put, case.calls, strict=True):
        if ringing.moment:
            scene.set_routed_at(call, MOMENT_US + ringing.moment)
    for number in case.claimed_at:
        where = directory.account(DOMAIN, number)
        assert where is not None
        try:
            claim = scene.pick(number, where.kind, picker=OTHER_PICKER, token="of another")
            if claim is not None and case.sends:
                event("a call was sent to its picker's phone")
                assert scene.reroute(claim.call.caller.dialog, "of another") is Rerouted.DONE
        except AlreadyAnswered:
            event("a call was claimed twice over")
    return [call.key for call in put]


def expected(case: Case, directory: Directory, calls: Sequence[CallRecord], tried: Sequence[str]) -> CallRecord | None:
    """What the rules choose, of the calls that a survey shows."""
    found = candidates(calls, directory, Aor(case.picker, DOMAIN), case.dialled, includes_group_calls=case.widened)
    eligible = (found.call for found in found if not found.obstacle and found.call.key not in tried)
    return next(eligible, None)


@hypothesis_settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(case=CASES)
def test_given_any_calls_and_permissions_when_87_is_dialled_then_the_store_claims_the_call_that_the_rules_choose(
    queue: QueueScene, folder: Path, case: Case
) -> None:
    scene = queue
    scene.redis.flushall()
    directory = directory_of(case, folder)
    keys = put_up(case, directory, scene)
    tried = tuple(keys[index] for index in case.tried if index < len(keys))
    survey = scene.store.calls.survey(DOMAIN, directory.permission_ids(DOMAIN))
    assert {call.key for call in survey.calls} == set(keys)
    picker = Aor(case.picker, DOMAIN)
    try:
        scope = scope_of(directory, picker, PickupCode(case.dialled))
    except PickupRefused:
        # Then the picker dials *87 alone.
        case = replace(case, dialled="")
        scope = Scope(directory.grants(DOMAIN, case.picker))
    wanted = Wanted(
        picker=picker,
        token="token",
        grants=scope.grants,
        number=scope.account.number if scope.account else "",
        kind=scope.account.kind if scope.account else None,
        tried=tried,
        includes_group_calls=case.widened,
    )
    chosen = expected(case, directory, survey.calls, tried)
    try:
        claim = scene.store.calls.claim(wanted)
    except AlreadyAnswered:
        event("already answered")
        assert case.dialled in case.claimed_at
        claim = None
    what = f"{chosen.kind.value}{', waiting' * chosen.waiting}" if chosen else "nothing"
    event(f"{'directed' if case.dialled else 'general'}: {what}")
    assert (claim.call.key if claim else None) == (chosen.key if chosen else None)
    directory.close()
