"""A node sees that the store knows what rings there, when there is a doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.model import Account, Domain, DomainSettings, Provisioning
from kemi.dialogs import own_calls, reentry
from kemi.dialogs.noted import Noted
from kemi.dialogs.own_calls import Standing
from kemi.dialogs.reentry import EVERY_S, Reentry
from kemi.dialogs.tracking import Placement
from kemi.errors import StoreUnavailable
from kemi.sip.dialog import DialogId
from tests.support.directories import extension, hunt_group
from tests.support.fake_own_calls import FakeOwnCalls
from tests.support.fake_store import FakeTracking
from tests.unit.dialogs.test_own_calls import DOMAIN, placed

NOW_US = 1_700_000_000_000_000
OTHER = "other.example.com"


class FakeStore:
    """Implements kemi.dialogs.reentry.ReentryStore; what it does not name it has lost."""

    def __init__(self) -> None:
        self.doubts = self.away = False
        self.asked: list[tuple[str, list[str]]] = []
        self.entered: list[tuple[str, int, Sequence[tuple[int, str]]]] = []
        self.permissions: list[str] = []
        self.standing: dict[str, Standing] = {}
        self.meanwhile: Callable[[], None] = lambda: None

    def doubted(self) -> bool:
        doubts, self.doubts = self.doubts, False
        return doubts

    def settle(self) -> None:
        if self.away:
            raise StoreUnavailable("away")

    def standings(self, domain: str, keys: Sequence[str]) -> tuple[int, list[Standing]]:
        self.settle()
        self.asked.append((domain, sorted(keys)))
        self.meanwhile()
        return NOW_US, [self.standing.get(key, Standing.MISSING) for key in keys]

    def enter_again(self, call: Placement, at_us: int, early: Sequence[tuple[int, str]]) -> None:
        self.permissions.append(call.permission_id)
        self.entered.append((call.caller.dialog.call_id, at_us, early))
        self.standing[call.caller.dialog.key] = Standing.OFFERED


class Clock:
    now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return int(self.now_s * 1_000_000_000)


class Node:
    def __init__(self, clock: Clock, folder: Path) -> None:
        self.clock = clock
        self.provides(folder, hunt_group("700"))
        self.notes, self.store = FakeOwnCalls(), FakeStore()
        self.tracking = Noted(FakeTracking(), self.notes)
        self.taken: set[DialogId] = set()
        self.reentry = Reentry(lambda: self.directory, self.notes, self.store, lambda dialog: dialog in self.taken)

    def provides(self, folder: Path, *accounts: Account) -> None:
        """Both tenants have these accounts."""
        domains = tuple(Domain(name, DomainSettings(), accounts) for name in (DOMAIN, OTHER))
        path = str(folder / "directory.sqlite")
        snapshot.write(Provisioning(domains, ()), 1, path)
        self.directory = Directory(path)

    def rings(self, call_id: str = "call-1", domain: str = DOMAIN) -> DialogId:
        call = placed(call_id, domain=domain)
        self.tracking.enter(call)
        return call.caller.dialog

    def looks(self, after_s: float = 0.0) -> list[str]:
        """The calls that are entered again."""
        self.clock.now_s += after_s
        self.store.entered.clear()
        self.reentry.look()
        return [call_id for call_id, _, _ in self.store.entered]


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Node:
    clock = Clock()
    monkeypatch.setattr(reentry, "time", clock)
    monkeypatch.setattr("kemi.dialogs.noted.time", clock)
    return Node(clock, tmp_path)


def test_given_no_doubt_when_looked_again_and_again_then_the_store_is_asked_nothing(node: Node) -> None:
    node.rings()
    assert [node.looks(60) for _ in range(5)] == [[]] * 5
    assert node.store.asked == []


def test_given_a_doubt_when_looked_then_what_the_store_has_lost_is_entered_as_it_rings_and_once(node: Node) -> None:
    dialog = node.rings()
    node.tracking.ringing(DOMAIN, dialog, 0, "bob")
    known = node.rings("call-2")
    node.store.standing[known.key] = Standing.OFFERED
    node.clock.now_s += 12
    node.store.doubts = True
    node.looks()
    assert node.store.entered == [("call-1", NOW_US - 12_000_000, ((0, "bob"),))]
    assert node.looks(60) == []
    assert len(node.store.asked) == 1


def test_given_a_store_that_is_away_when_there_is_a_doubt_then_it_stays_until_the_store_is_back(node: Node) -> None:
    node.rings()
    node.store.doubts, node.store.away = True, True
    assert [node.looks(0.05) for _ in range(10)] == [[]] * 10
    node.store.away = False
    assert node.looks(0.05) == ["call-1"]


def test_given_a_store_that_goes_again_between_two_tenants_when_it_is_back_then_none_is_left_out(node: Node) -> None:
    node.rings()
    node.rings("call-2", OTHER)

    def goes() -> None:
        node.store.away = True

    node.store.meanwhile = goes
    node.store.doubts = True
    assert node.looks() == ["call-2"]
    node.store.away, node.store.meanwhile = False, lambda: None
    assert node.looks(0.05) == ["call-1"]
    assert {domain for domain, _ in node.store.asked} == {DOMAIN, OTHER}


def test_given_doubts_one_after_the_other_when_looked_then_no_more_than_once_a_second_and_none_is_missed(
    node: Node,
) -> None:
    node.store.doubts = True
    node.looks()
    node.rings()
    node.store.doubts = True
    assert node.looks(EVERY_S / 2) == []
    assert node.looks(EVERY_S) == ["call-1"]


def test_given_a_call_that_ends_while_the_store_is_asked_when_it_is_missing_then_it_is_not_entered(node: Node) -> None:
    dialog = node.rings()
    node.store.meanwhile = lambda: node.tracking.forget(DOMAIN, dialog)
    node.store.doubts = True
    assert node.looks() == []


@pytest.mark.parametrize("how", ["over", "taken"])
def test_given_a_call_that_is_somebody_elses_by_now_when_looked_then_it_is_not_entered_and_noted_no_more(
    how: str, node: Node
) -> None:
    dialog = node.rings()
    if how == "over":
        node.store.standing[dialog.key] = Standing.OVER
    else:
        node.taken.add(dialog)
    node.store.doubts = True
    assert node.looks() == []
    assert node.notes.find(own_calls.named(DOMAIN, dialog.key)) == ("", "")


def test_given_permission_that_changed_meanwhile_when_a_call_is_entered_again_then_it_is_judged_by_what_is_in_force(
    node: Node, tmp_path: Path
) -> None:
    node.rings()
    node.provides(tmp_path, hunt_group("700", monitored_by=("109",)))
    account = node.directory.account(DOMAIN, "700")
    assert account is not None
    node.store.doubts = True
    node.looks()
    assert node.store.permissions == [account.permission.id] != ["open"]


@pytest.mark.parametrize("now", [extension("700"), hunt_group("701")])
def test_given_an_account_that_is_no_more_when_its_call_is_missing_then_nobody_can_pick_it_up(
    now: Account, node: Node, tmp_path: Path
) -> None:
    node.rings()
    node.provides(tmp_path, now)
    node.store.doubts = True
    assert node.looks() == []
    assert node.notes.names() == []
