"""Who is told what, and when, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kemi.accounts.directory import Directory
from kemi.errors import StoreUnavailable
from kemi.lamps.book import Book
from kemi.lamps.lamp import Lamp, Look, Talk
from kemi.lamps.notifier import AGAIN_S, Notifier
from kemi.settings import Settings
from tests.support.directories import directory_of, extension
from tests.support.fake_sip import DOMAIN, FakeScene, invite
from tests.support.lamp_keys import Shown
from tests.unit.lamps.test_book import subscription

BUSY = Lamp(talks=(Talk("k", is_caller=False),))


class FakeLampStore:
    """Implements LampStore; `lamps` is what each account shows, `changed` what the next look tells of."""

    def __init__(self) -> None:
        self.lamps: dict[str, Lamp] = {}
        self.changed: set[str] = set()
        self.lasts_ms: dict[str, int] = {}
        self.stamp = ""
        self.away = False
        self.watched_numbers: list[tuple[str, ...]] = []
        self.looks = 0

    def watched(self, domain: str, numbers: Sequence[str]) -> Look:
        assert domain == DOMAIN
        self._there()
        self.stamp = self.stamp or "first"
        self.changed.difference_update(numbers)
        self.watched_numbers.append(tuple(numbers))
        return self._answer(numbers)

    def look(self, domain: str, since: str) -> Look:
        assert (domain, since) == (DOMAIN, "1")
        self._there()
        self.looks += 1
        changed, self.changed = self.changed, set()
        return self._answer(sorted(changed))

    def _answer(self, numbers: Sequence[str]) -> Look:
        lamps = {number: self.lamps.get(number, Lamp()) for number in numbers}
        return Look("1", self.stamp, lamps, {n: self.lasts_ms[n] for n in numbers if n in self.lasts_ms})

    def _there(self) -> None:
        if self.away:
            raise StoreUnavailable("away")


class Scene:
    def __init__(self, folder: Path) -> None:
        self._folder, self._documents = folder, 0
        self.now_s = 100.0
        self.store = FakeLampStore()
        self.spiral = FakeScene(invite()).spiral
        self.book = Book(str(folder / "lamps.sqlite"))
        self.rests = 0
        self.directory = self.document(monitored_by=("103",))
        self.notifier = self.anew()

    def anew(self) -> Notifier:
        """The node's process, as it starts."""

        def rest(_seconds: float) -> None:
            self.rests += 1

        return Notifier(
            lambda: self.directory,
            self.book,
            self.store,
            self.spiral,
            Settings(),
            now_s=lambda: self.now_s,
            rest=rest,
        )

    def document(self, *, monitored_by: tuple[str, ...] = (), seen_by: tuple[str, ...] = ()) -> Directory:
        self._documents += 1
        folder = self._folder / str(self._documents)
        folder.mkdir()
        reception = extension("101", "Reception", monitored_by=monitored_by, seen_by=seen_by)
        return directory_of(folder, reception, extension("103"), extension("104"))

    def watch(self, key: str = "k", **changed: object) -> None:
        self.book.begin(subscription(key, domain=DOMAIN, **{"expires_at_s": 1e6, **changed}))

    def passes(self, seconds: float = 0.1) -> list[tuple[str, list[str]]]:
        """So much later it looks; Subscription-State and states of what it says."""
        self.now_s += seconds
        before = len(self.spiral.bodies)
        self.notifier.look()
        told = zip(self.spiral.begun[before:], self.spiral.bodies[before:], strict=True)
        return [
            (next(line for line in headers if "-State: " in line).split(": ")[1], Shown.parse(body).states)
            for (_, _, _, headers), body in told
        ]

    def changes(self, lamp: Lamp) -> None:
        self.store.lamps["101"] = lamp
        self.store.changed.add("101")

    @property
    def versions(self) -> list[int]:
        return [Shown.parse(body).version for body in self.spiral.bodies]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_given_a_new_watcher_when_looked_then_he_is_told_at_once_and_then_only_of_changes(scene: Scene) -> None:
    scene.watch()
    assert scene.passes() == [("active;expires=999900", [])]
    assert scene.passes() == []
    scene.changes(BUSY)
    assert scene.passes() == [("active;expires=999900", ["confirmed"])]
    scene.changes(BUSY)
    assert scene.passes() == [], "nothing has changed"
    method, target, hop, headers = scene.spiral.begun[-1]
    assert (method, target, hop.device) == ("NOTIFY", "sip:103@192.0.2.3:5062", "udp:192.0.2.3:5062")
    assert headers[:6] == (
        "From: <sip:101@pbx.example.com>;tag=own",
        "To: <sip:103@pbx.example.com>;tag=his",
        "Call-ID: c",
        "CSeq: 2 NOTIFY",
        "Route: <sip:192.0.2.7;lr>",
        "Route: <sip:192.0.2.8;lr>",
    )
    assert scene.versions == [0, 1]


def test_given_changes_in_a_row_when_looked_then_three_pass_at_once_and_then_one_a_second_the_last(
    scene: Scene,
) -> None:
    scene.watch()
    told = 0
    for step in range(30):
        scene.changes(BUSY if step % 2 else Lamp())
        told += len(scene.passes(0.1))
    assert told == 3 + 3 - 1
    scene.changes(BUSY)
    assert scene.passes(1.1) in ([], [("active;expires=999896", ["confirmed"])])
    assert scene.versions == list(range(len(scene.versions)))


def test_given_a_refresh_when_looked_then_the_full_state_comes_whatever_the_pace(scene: Scene) -> None:
    scene.watch()
    scene.changes(BUSY)
    for _ in range(4):
        scene.book.renew(subscription(domain=DOMAIN, expires_at_s=1e6))
        assert [states for _, states in scene.passes(0.01)] == [["confirmed"]]
    assert scene.versions == [0, 1, 2, 3]


def test_given_a_subscription_that_expires_when_looked_then_it_ends_and_nobody_is_told_any_more(scene: Scene) -> None:
    scene.watch(expires_at_s=103.0)
    scene.passes()
    assert scene.passes(5.0) == [("terminated;reason=timeout", [])]
    scene.changes(BUSY)
    assert scene.passes(5.0) == []
    assert scene.book.everybody() == []


@pytest.mark.parametrize(
    ("permission", "says"), [({}, "rejected"), ({"monitored_by": ("104",)}, "rejected"), ({"seen_by": ("103",)}, "")]
)
def test_given_another_document_when_looked_then_who_may_see_no_more_is_told_so_and_learns_nothing(
    permission: dict[str, tuple[str, ...]], says: str, scene: Scene
) -> None:
    scene.watch()
    scene.changes(BUSY)
    scene.passes()
    scene.directory = scene.document(**permission)
    assert scene.passes() == ([(f"terminated;reason={says}", [])] if says else [])


def test_given_an_account_that_is_gone_when_looked_then_its_watchers_hear_noresource(scene: Scene) -> None:
    scene.watch()
    scene.passes()
    folder = scene._folder / "gone"
    folder.mkdir()
    scene.directory = directory_of(folder, extension("103"))
    assert scene.passes() == [("terminated;reason=noresource", [])]


def test_given_the_store_away_when_somebody_subscribes_then_he_is_told_what_was_known_last(scene: Scene) -> None:
    scene.watch()
    scene.changes(BUSY)
    scene.passes()
    scene.store.away = True
    scene.watch("late")
    assert scene.passes() == [("active;expires=999900", ["confirmed"])]
    scene.store.away, scene.store.lamps = False, {}
    # Nothing tells what changed meanwhile: all is read anew.
    assert [states for _, states in scene.passes()] == [[], []]


def test_given_a_store_that_forgot_who_is_watched_when_looked_then_it_is_told_again(scene: Scene) -> None:
    scene.watch()
    scene.passes()
    scene.store.stamp = ""
    scene.store.lamps["101"] = BUSY
    assert [states for _, states in scene.passes()] == [["confirmed"]]
    assert scene.store.watched_numbers == [("101",), ("101",)]


def test_given_a_call_that_expires_when_its_time_is_over_then_its_account_is_read_again(scene: Scene) -> None:
    scene.watch()
    scene.store.lasts_ms["101"] = 2_000
    scene.changes(BUSY)
    scene.passes()
    scene.store.lamps, scene.store.lasts_ms = {}, {}
    assert scene.passes(1.0) == []
    assert [states for _, states in scene.passes(1.1)] == [[]]


def test_given_whatever_the_store_missed_when_a_while_has_passed_then_all_is_read_anew(scene: Scene) -> None:
    scene.watch()
    scene.passes()
    scene.store.lamps["101"] = BUSY
    assert scene.passes(1.0) == []
    assert [states for _, states in scene.passes(AGAIN_S)] == [["confirmed"]]


def test_given_a_watcher_who_is_lost_when_looked_then_he_is_told_no_more_and_the_store_is_left_alone(
    scene: Scene,
) -> None:
    scene.watch()
    scene.passes()
    scene.book.lose("k")
    scene.changes(BUSY)
    assert scene.passes() == []
    looks = scene.store.looks
    assert scene.passes(100.0) == []
    assert scene.store.looks == looks, "nobody watches anything"


def test_given_a_process_that_starts_anew_when_it_looks_then_versions_and_cseq_go_on(scene: Scene) -> None:
    scene.watch()
    scene.passes()
    scene.notifier = scene.anew()
    scene.passes()
    assert scene.versions == [0, 1]
    assert scene.spiral.begun[-1][3][3] == "CSeq: 2 NOTIFY"


def test_given_many_watchers_when_told_then_the_node_s_own_socket_is_given_time(scene: Scene) -> None:
    for number in range(100):
        scene.watch(f"k{number}")
    assert len(scene.passes()) == 100
    assert scene.rests == 2


def test_given_a_node_that_ends_as_it_tells_when_it_is_started_anew_then_no_number_is_said_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path)
    scene.watch()
    scene.passes()
    said = [Shown.parse(body).version for body in scene.spiral.bodies]

    def ends(*_: object) -> None:
        raise SystemExit

    scene.changes(BUSY)
    with monkeypatch.context() as patch:
        patch.setattr(scene.spiral, "begin", ends)
        with pytest.raises(SystemExit):
            scene.passes()
    scene.notifier = scene.anew()
    assert scene.passes()
    (later,) = [Shown.parse(body).version for body in scene.spiral.bodies[len(said) :]]
    assert later == said[-1] + 2, "the one that was not said is left out"
