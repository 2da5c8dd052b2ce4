"""Every way in which one Redis fails: bounded waits, a word in the log, and all is well again by itself."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from kemi.errors import AlreadyAnswered, StoreUnavailable
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import Store, open_store
from kemi.store.pipeline import UNREAD_MOST
from tests.store.conftest import PATIENT_MS
from tests.store.queue_scene import QueueScene
from tests.store.scene import Scene, phone
from tests.store.test_keyspace import walk
from tests.support.redis_server import RedisServer, TcpRedis
from tests.support.store_faults import FAULTS, Fault, faulty_redis
from tests.support.until import until

TIMEOUT_MS = 300
"""Longer than a node's, so that a busy machine does not pass for a store that fails."""
BOUND_S = 1.9 * TIMEOUT_MS / 1000
"""Two waits, one after the other, would be longer."""
BACK_WITHIN_S = 6.0


@pytest.fixture
def server() -> Iterator[TcpRedis]:
    with faulty_redis() as server:
        yield server


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def scene(server: TcpRedis, said: list[str]) -> Iterator[Scene]:
    store = open_store(replace(Settings(), redis_url=server.url, redis_timeout_ms=TIMEOUT_MS), said.append)
    store.load_functions()
    yield Scene(store, server.client())
    store.close()


def lasted_s(act: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        act()
    return time.monotonic() - began


def is_picked_up(scene: Scene) -> bool:
    """Whether a call that rings now is tracked, and found by a pickup."""
    try:
        call = scene.ring()
        found = scene.picked_up("101")
        scene.ended(call)
    except (StoreUnavailable, AlreadyAnswered):
        # All that is known of the account is the call that was answered before: this one could not be recorded.
        return False
    return found == call


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_given_a_fault_when_it_lasts_and_ends_then_no_wait_is_long_and_calls_are_tracked_again(
    fault: Fault, server: TcpRedis, scene: Scene, said: list[str]
) -> None:
    assert is_picked_up(scene)
    fault.begin(server)
    ended = False
    try:
        longest_s = max(lasted_s(lambda: scene.pick("101")) for _ in range(4))
        until(lambda: lasted_s(lambda: scene.pick("101")) < TIMEOUT_MS / 3000, what="a refusal at once")
        fault.end(server)
        ended = True
        until(lambda: is_picked_up(scene), within_s=BACK_WITHIN_S, what=lambda: f"a store that is back; {said}")
    finally:
        if not ended:
            fault.end(server)
    assert longest_s < BOUND_S
    assert len(said) in (1, 2), said
    assert re.search(fault.told, said[0]), said
    assert said[1:] in ([], ["the state store is back"])
    # What lasts of the calls: the mark of the last pickup, which expires by itself.
    assert {name for name in scene.lasting() if not name.startswith(("taken:", "in-the-way"))} == set()


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.name not in ("killed", "password-changed")], ids=str
)
def test_given_a_fault_when_records_are_only_posted_then_it_is_noticed_all_the_same(
    fault: Fault, server: TcpRedis, scene: Scene, said: list[str]
) -> None:
    calls = scene.store.calls
    fault.begin(server)
    try:
        began = time.monotonic()
        for _ in range(UNREAD_MOST + 1):
            calls.forget(scene.domain, scene.dialog())
        lasted = time.monotonic() - began
    finally:
        fault.end(server)
    if fault.name != "full":  # ends are recorded there all the same
        assert re.search(fault.told, said[0]), said
    assert lasted < BOUND_S
    until(lambda: is_picked_up(scene), within_s=BACK_WITHIN_S, what=lambda: f"a store that is back; {said}")


def test_given_a_store_that_closed_the_connection_when_a_record_is_posted_then_it_is_not_lost(
    server: TcpRedis, scene: Scene, said: list[str]
) -> None:
    scene.redis.client_kill_filter(_type="normal", skipme=True)
    call = scene.ring()
    assert list(scene.seen()) == [call]
    server.kill()
    server.start()
    call = scene.ring()
    assert (list(scene.seen()), said) == ([call], [])


def test_given_a_full_store_when_calls_end_then_their_ends_are_recorded(server: TcpRedis, scene: Scene) -> None:
    given_up, answered, forgotten = scene.ring(), scene.ring(), scene.ring()
    full = next(fault for fault in FAULTS if fault.name == "full")
    full.begin(server)
    try:
        late = scene.ring()
        assert scene.ended(given_up) == ""
        scene.answered(answered)
        scene.store.calls.forget(scene.domain, forgotten)
        scene.store.settle()
        assert scene.seen() == {}, "neither a ghost, nor a call that had no place any more"
        scene.ended(late)
    finally:
        full.end(server)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name not in ("killed", "loading")], ids=str)
def test_given_calls_that_end_while_the_store_is_away_when_it_is_back_then_none_of_them_is_found_by_a_pickup(
    fault: Fault, server: TcpRedis, scene: Scene, said: list[str]
) -> None:
    """Ghosts: they ring in the store and nowhere else."""
    given_up, answered, refused, talked = (scene.ring(number) for number in ("101", "102", "103", "104"))
    scene.answered(talked, phone(5061), phone(5062))
    fault.begin(server)
    try:
        for _ in range(2):
            with suppress(StoreUnavailable):
                scene.ended(given_up)
            with suppress(StoreUnavailable):
                scene.answered(answered, phone(5063), phone(5064))
            scene.store.calls.forget(scene.domain, refused)
            scene.store.calls.over(scene.domain, (talked, DialogId(talked.call_id, "callee")))
        # It is tried again and again meanwhile.
        until(lambda: is_noticed_again(scene, said), what="another attempt")
    finally:
        fault.end(server)
    found = [None, *until(lambda: picks_each(scene), within_s=BACK_WITHIN_S, what="pickups of all four")]
    assert found == [None] * 5
    assert scene.seen() == {}
    assert not [name for name in scene.left() if name.startswith(("claims", "ring:"))]
    if fault.name != "full":  # answers are recorded there all the same
        assert not [name for name in scene.left() if name.startswith(("talk:", "device:"))]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name != "loading"], ids=str)
def test_given_an_end_that_was_posted_when_it_is_refused_or_never_read_then_it_is_recorded_all_the_same(
    fault: Fault, server: TcpRedis, scene: Scene
) -> None:
    talked = scene.ring()
    scene.answered(talked, phone(5061), phone(5062))
    fault.begin(server)
    try:
        scene.store.calls.over(scene.domain, (talked, DialogId(talked.call_id, "callee")))
        with suppress(StoreUnavailable, AlreadyAnswered):
            scene.pick("199")
    finally:
        fault.end(server)
    until(lambda: is_picked_up(scene), within_s=BACK_WITHIN_S, what="a store that is back")
    assert not [name for name in scene.left() if name.startswith(("talk:", "device:"))]


def is_noticed_again(scene: Scene, said: list[str]) -> bool:
    """Whether the breaker has closed, and opened again for another failure."""
    connection = scene.store._connection
    before = connection._breaker.open_until_s  # type: ignore[attr-defined]
    with suppress(StoreUnavailable):
        scene.pick("199")
    return before != connection._breaker.open_until_s or bool(said and "OOM" in said[0])  # type: ignore[attr-defined]


def picks_each(scene: Scene) -> list[DialogId | None]:
    """What pickups of each account find; [] while the store is away."""
    found: list[DialogId | None] = []
    for number in ("101", "102", "103", "104"):
        try:
            found.append(scene.picked_up(number))
        except AlreadyAnswered:
            found.append(None)
        except StoreUnavailable:
            return []
    return found


def test_given_a_store_that_answers_ever_more_slowly_when_it_is_asked_then_all_waits_together_are_bounded(
    scene: Scene,
) -> None:
    """Each answer comes in time; all that are outstanding would take longer than an operation may."""
    slow = f"local t = redis.call('TIME') local e = t[1] * 1e6 + t[2] + {TIMEOUT_MS * 700} "
    slow += "repeat t = redis.call('TIME') until t[1] * 1e6 + t[2] > e return 1"
    scene.redis.config_set("busy-reply-threshold", 60_000)
    connection = scene.store._connection
    for _ in range(4):
        connection.post_words(("EVAL", slow, 0))  # type: ignore[attr-defined]
    assert lasted_s(lambda: scene.pick("101")) < BOUND_S


def test_given_a_frozen_store_whose_backlog_is_full_when_it_is_asked_then_connecting_is_bounded_too() -> None:
    with RedisServer("--tcp-backlog", "1") as server:
        server.freeze()
        waiting: list[socket.socket] = []
        try:
            for _ in range(600):
                one = socket.socket(socket.AF_UNIX)
                waiting.append(one)
                one.setblocking(False)
                try:
                    one.connect(str(server.socket))
                except BlockingIOError:
                    break
            else:
                raise AssertionError("the backlog never was full")
            store = open_store(replace(Settings(), redis_url=server.url, redis_timeout_ms=TIMEOUT_MS))
            assert lasted_s(store.ping) < BOUND_S
            assert lasted_s(store.ping) < BOUND_S
            store.close()
        finally:
            for one in waiting:
                one.close()
            server.thaw()


def test_given_a_host_that_swallows_everything_when_a_store_there_is_asked_then_connecting_is_bounded() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            url = f"redis://127.0.0.1:{port}"
            store = open_store(replace(Settings(), redis_url=url, redis_timeout_ms=TIMEOUT_MS))
            assert lasted_s(store.ping) < BOUND_S
            assert lasted_s(store.ping) < TIMEOUT_MS / 3000, "the breaker is open"
            store.close()
        finally:
            for one in waiting:
                one.close()


def test_given_two_stores_when_one_process_opens_both_then_each_has_a_breaker_of_its_own(
    scene: Scene,
) -> None:
    dead: Store = open_store(replace(Settings(), redis_url="redis://127.0.0.1:1"))
    lasted_s(dead.ping)
    assert is_picked_up(scene)


def test_given_the_acl_of_the_readme_when_a_node_s_user_has_it_then_everything_can_be_done(said: list[str]) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    found = re.search(r"The ACL of a node's user: `([^`]+)`", readme)
    assert found
    with TcpRedis("--user", "node", "on", ">secret", *found[1].split()) as server:
        url = server.url.replace("redis://", "redis://node:secret@")
        store = open_store(replace(Settings(), redis_url=url, redis_timeout_ms=PATIENT_MS), said.append)
        store.load_functions()
        scene = QueueScene(store, server.client())
        assert list(walk(scene, "a"))
        store.provisioning.publish("{}")
        assert store.provisioning.stamp()
        assert store.provisioning.fetch()[1] == "{}"
        assert store.queues.domains() in ((), (scene.domain,))
        assert store.events.latest(scene.domain)
        with pytest.raises(StoreUnavailable, match="permissions"):
            store._connection.call("KEYS", "*")
        store.close()
    assert len(said) == 1, said


SILENT_RESOLVER = """
import socket, sys, time
from dataclasses import replace
from pathlib import Path
from kemi.errors import StoreUnavailable
from kemi.settings import Settings
from kemi.store import open_store

deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
deaf.bind(("127.0.0.1", 53))
store = open_store(replace(Settings(), redis_url="redis://south.example.com", redis_timeout_ms=300, redis_retry_ms=0))
for _ in range(3):
    began = time.monotonic()
    try:
        store.ping()
    except StoreUnavailable as failure:
        print(time.monotonic() - began, failure)
sys.stdout.flush()
"""


def test_given_a_resolver_that_is_silent_when_the_store_has_a_name_then_that_wait_is_bounded_too(
    tmp_path: Path,
) -> None:
    """In namespaces of its own, so that the host's resolver stays as it is."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    inside = f'ip link set lo up; mount --bind {tmp_path}/resolv.conf /etc/resolv.conf; exec {sys.executable} -c "$0"'
    command = ["unshare", "--mount", "--net", "sh", "-c", inside, SILENT_RESOLVER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    waits = [line.partition(" ") for line in done.stdout.splitlines()]
    assert len(waits) == 3, done.stderr
    assert all("address of south.example.com" in failure for _, _, failure in waits), waits
    assert all(0.2 < float(wait) < BOUND_S for wait, _, _ in waits), waits


def test_given_a_store_that_hung_when_it_is_back_the_moment_a_claim_was_given_up_then_nobody_has_the_call(
    server: TcpRedis, scene: Scene
) -> None:
    """What nobody waits for any more is not done: the next picker would find the call taken, for as long as a claim."""
    for _ in range(20):
        hasty = open_store(replace(Settings(), redis_url=server.url, redis_timeout_ms=50))
        picker = Scene(hasty, scene.redis)
        call = scene.ring("101")
        assert picker.pick("102") is None, "connected"
        server.freeze()
        try:
            with pytest.raises(StoreUnavailable):
                picker.pick("101")
        finally:
            server.thaw()
        assert scene.picked_up("101") == call
        scene.ended(call)
        hasty.close()
