"""Who may pick up from what, and in which order: the product's rules as pure functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.directory import Directory
from kemi.accounts.model import DomainSettings, Kind
from kemi.dialogs.record import CallRecord
from kemi.errors import NotPermitted, UnknownTarget
from kemi.pickup.policy import candidates, scope_of
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode
from tests.support.directories import agent_group, directory_of, extension, hunt_group
from tests.support.fake_sip import DOMAIN
from tests.support.fake_store import ringing_call

CAROL = Aor("103", DOMAIN)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return directory_of(
        tmp_path,
        extension("101", monitored_by=("10*",)),
        extension("102"),
        extension("103"),
        extension("105", monitored_by=("*",), seen_by=("103",)),
        hunt_group("700", monitored_by=("103",)),
        agent_group("800", monitored_by=("*",)),
    )


def call(call_id: str, number: str, kind: Kind, at: int, ringing: tuple[str, ...] = (), **more: object) -> CallRecord:
    made = ringing_call(call_id, number=number, kind=kind, **more)  # type: ignore[arg-type]
    return CallRecord(**{**{f: getattr(made, f) for f in made.__slots__}, "routed_at_us": at, "ringing": ringing})


def test_given_a_number_when_its_scope_is_asked_then_permission_decides_whatever_its_kind(
    directory: Directory,
) -> None:
    for number in ("101", "700", "800"):
        account = scope_of(directory, CAROL, PickupCode(number)).account
        assert account is not None
        assert account.number == number
    for number in ("102", "103", "105"):
        with pytest.raises(NotPermitted):
            scope_of(directory, CAROL, PickupCode(number))
    with pytest.raises(UnknownTarget):
        scope_of(directory, CAROL, PickupCode("199"))


def test_given_hidden_accounts_when_refused_then_not_there_and_not_permitted_are_one_but_for_the_record(
    tmp_path: Path,
) -> None:
    directory = directory_of(
        tmp_path,
        extension("102"),
        extension("103"),
        extension("105", monitored_by=("*",), seen_by=("103",)),
        settings=DomainSettings(hide_accounts=True),
    )
    told: dict[str, NotPermitted] = {}
    for number in ("102", "199", "", "105"):
        with pytest.raises(NotPermitted) as refused:
            scope_of(directory, CAROL, PickupCode(number))
        told[number] = refused.value
    hidden, missing = told["102"], told["199"]
    assert (hidden.status, hidden.reason, hidden.warning) == (missing.status, missing.reason, missing.warning)
    assert (hidden.retry_after_s, hidden.status) == (missing.retry_after_s, 403)
    assert (hidden.outcome, missing.outcome) == ("not_permitted", "no_such_account")
    # Who may see the account knows that it is there.
    assert told["105"].warning == "105 does not let 103 pick up its calls"


def test_given_no_permission_anywhere_when_general_then_403(directory: Directory) -> None:
    with pytest.raises(NotPermitted):
        scope_of(directory, Aor("700", DOMAIN), PickupCode())


def test_given_calls_of_every_kind_when_ranked_then_kind_comes_before_ringing_and_ringing_before_age(
    directory: Directory,
) -> None:
    calls = [
        call("agent", "800", Kind.AGENT_GROUP, 1),
        call("waits", "800", Kind.AGENT_GROUP, 0, waiting=True),
        call("direct", "101", Kind.EXTENSION, 2),
        call("hunt-late", "700", Kind.HUNT_GROUP, 4),
        call("hunt", "700", Kind.HUNT_GROUP, 3),
    ]
    ranked = candidates(calls, directory, CAROL)
    assert [c.call.caller.dialog.call_id for c in ranked] == ["hunt", "hunt-late", "direct", "agent", "waits"]
    assert [c.obstacle for c in ranked] == [""] * 5


@pytest.mark.parametrize(
    ("made", "obstacle"),
    [
        (("102", {}), "102 does not let 103 pick up its calls"),
        (("105", {}), "may see it only"),
        (("199", {}), "no longer an account"),
    ],
)
def test_given_a_call_that_he_may_not_have_when_judged_then_the_obstacle_says_why(
    made: tuple[str, dict[str, object]], obstacle: str, directory: Directory
) -> None:
    (candidate,) = candidates([call("c", made[0], Kind.EXTENSION, 1)], directory, CAROL)
    assert obstacle in candidate.obstacle


def test_given_his_own_call_or_a_claimed_one_when_judged_then_it_is_not_eligible(
    directory: Directory,
) -> None:
    own = call("own", "101", Kind.EXTENSION, 1)
    own = CallRecord(**{**{f: getattr(own, f) for f in own.__slots__}, "caller": ringing_call(number="101").caller})
    claimed = CallRecord(**{**{f: getattr(own, f) for f in own.__slots__}, "claimed_by": "102"})
    dave = Aor("104", DOMAIN)
    assert candidates([own], directory, dave)[0].obstacle == "it is the picker's own call"
    assert candidates([claimed], directory, CAROL)[0].obstacle == "102 is picking it up"


@pytest.mark.parametrize(("widened", "obstacle"), [(False, "only as a member of 700"), (True, "")])
def test_given_an_extension_that_rings_as_a_member_when_directed_then_the_setting_decides(
    widened: bool, obstacle: str, directory: Directory
) -> None:
    ringing = call("c", "700", Kind.HUNT_GROUP, 1, ringing=("101", "102"))
    (candidate,) = candidates([ringing], directory, CAROL, "101", includes_group_calls=widened)
    assert obstacle in candidate.obstacle
    assert bool(candidate.obstacle) == bool(obstacle)


def test_given_another_account_s_call_when_directed_then_it_is_passed_over(directory: Directory) -> None:
    (candidate,) = candidates([call("c", "700", Kind.HUNT_GROUP, 1)], directory, CAROL, "101")
    assert candidate.obstacle == "it was routed to 700"
