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
from kemi.pickup.claim import Wanted
from kemi.pickup.policy import Scope, candidates, scope_of
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode
from tests.store.scene import DOMAIN, Scene

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
    """A call to put up: to which account, from whom, at which members, at which of three moments (or its own)."""

    number: str
    calls_from: str
    members: frozenset[str]
    moment: int


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


def account(number: str, permission: Permission) -> Account:
    if number in EXTENSIONS:
        return Extension(number, "", "", permission)
    if number in HUNT_GROUPS:
        return HuntGroup(number, "", (Stage(EXTENSIONS),), permission)
    return AgentGroup(number, "", EXTENSIONS, permission=permission)


CASES = st.builds(
    Case,
    st.tuples(*(st.builds(account, st.just(number), PERMISSIONS) for number in NUMBERS)),
    st.booleans(),
    st.lists(
        st.builds(
            Ringing,
            st.sampled_from(NUMBERS),
            st.sampled_from(["", "", *EXTENSIONS]),
            st.frozensets(st.sampled_from(EXTENSIONS), min_size=1),
            st.integers(0, 3),
        ),
        min_size=3,
        max_size=12,
    ).map(tuple),
    st.lists(st.sampled_from(NUMBERS), max_size=2).map(tuple),
    st.sampled_from(EXTENSIONS),
    st.sampled_from(["", "", *NUMBERS]),
    st.frozensets(st.integers(0, 11), max_size=3),
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


def put_up(case: Case, directory: Directory, scene: Scene) -> list[str]:
    """Let the case's calls ring; returns their keys."""
    put = []
    for ringing in case.calls:
        where = directory.account(DOMAIN, ringing.number)
        assert where is not None
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
            scene.pick(number, where.kind, picker=OTHER_PICKER, token="of another")
        except AlreadyAnswered:
            event("a call was claimed twice over")
    return [call.key for call in put]


def expected(
    case: Case, directory: Directory, calls: Sequence[CallRecord], tried: Sequence[str]
) -> CallRecord | None:
    """What the rules choose, of the calls that a survey shows."""
    found = candidates(
        calls, directory, Aor(case.picker, DOMAIN), case.dialled, includes_group_calls=case.widened
    )
    eligible = (found.call for found in found if not found.obstacle and found.call.key not in tried)
    return next(eligible, None)


@hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=CASES)
def test_given_any_calls_and_permissions_when_87_is_dialled_then_the_store_claims_the_call_that_the_rules_choose(
    scene: Scene, folder: Path, case: Case
) -> None:
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
    event(f"{'directed' if case.dialled else 'general'}: {chosen.kind.value if chosen else 'nothing'}")
    assert (claim.call.key if claim else None) == (chosen.key if chosen else None)
    directory.close()
