"""Workers of a node that post into one outbox: nothing is lost, nothing is late for a pickup."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis

from kemi.dialogs.tracking import Placement
from kemi.errors import StoreUnavailable
from kemi.metrics.meter import Meter
from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.store import Store, functions, keys, open_node_store
from kemi.store.wire import packed
from tests.store.scene import DOMAIN, EXTENSION, OPEN, RING_MS, Answered, Scene, caller, phone
from tests.support.until import until

TURNS = 150


@pytest.fixture
def node_store(settings: Settings, store: Store) -> Iterator[Store]:
    """As each process of a node has it after the fork. store: the functions are in place."""
    del store
    made = open_node_store(settings, lambda _line: None, Meter(settings.counts_path, 1))
    yield made
    made.close()


def place(scene: Scene) -> DialogId:
    """A call is routed to 101, and nobody waits for the store."""
    dialog = scene.dialog()
    scene.store.calls.enter(
        Placement(scene.domain, EXTENSION, "101", OPEN, caller(dialog), ("101",), RING_MS, transaction=dialog.call_id)
    )
    return dialog


@contextmanager
def process(act: Callable[[], None]) -> Iterator[None]:
    """One that does something again and again, as long as the context lasts."""
    pid = os.fork()
    if not pid:
        try:
            while True:
                act()
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_given_what_is_posted_when_nobody_asks_anything_then_it_is_delivered(
    node_store: Store, raw: redis.Redis
) -> None:
    scene = Scene(node_store, raw)
    with process(lambda: node_store.deliver(1.0)):
        call = place(scene)
        until(lambda: raw.exists(f"s87:{{{scene.domain}}}:call:{call.key}"), what="the call")
    assert raw.zcard(f"s87:{{{scene.domain}}}:ring:n:101") == 1


def test_given_a_call_that_was_posted_a_moment_ago_when_87_is_dialled_then_it_is_found_every_time(
    node_store: Store, raw: redis.Redis
) -> None:
    """Whoever has taken it from the outbox meanwhile, the pickup does not overtake it."""
    scene = Scene(node_store, raw)
    with process(lambda: node_store.deliver(1.0)), process(lambda: node_store.deliver(1.0)):
        for turn in range(TURNS):
            call = place(scene)
            node_store.calls.ringing(scene.domain, call, 0, f"tag{turn}")
            claim = scene.pick("101")
            assert claim is not None, turn
            assert claim.call.caller.dialog == call
            assert claim.call.early_tags == (f"tag{turn}",)
            node_store.calls.forget(scene.domain, call)
        node_store.settle()
    assert [name for name in scene.left() if not name.startswith(("call:", "taken:"))] == [], "marks of moments alone"


@contextmanager
def stands_still_with_posts(store: Store) -> Iterator[Callable[[], None]]:
    """A process has taken what was posted, and is kept from sending it until what this yields is called."""
    ours, theirs = os.pipe()
    goes_on, let_go = os.pipe()

    def stands_still() -> None:
        os.write(theirs, b"!")
        os.read(goes_on, 1)

    pid = os.fork()
    if not pid:
        try:
            store._connection._asking(stands_still)  # type: ignore[attr-defined]
        finally:
            os._exit(0)
    os.read(ours, 1)

    def go_on() -> None:
        os.write(let_go, b"!")
        os.waitpid(pid, 0)

    try:
        yield go_on
    finally:
        os.write(let_go, b"!")
        for end in (ours, theirs, goes_on, let_go):
            os.close(end)


def test_given_posts_that_another_process_is_kept_from_sending_when_87_is_dialled_then_503_and_no_later_call_is_taken(
    settings: Settings, store: Store, raw: redis.Redis
) -> None:
    """A machine that stood still for a second once let a picker have the caller of a queue while an extension rang."""
    quick = replace(settings, redis_timeout_ms=200)
    node_store = open_node_store(quick, lambda _line: None, Meter(settings.counts_path, 1))
    scene, of_another_node = Scene(node_store, raw), Scene(store, raw)
    first = place(scene)
    with stands_still_with_posts(node_store) as go_on:
        later = of_another_node.ring("101", dialog=DialogId("later", "alice"))
        with pytest.raises(StoreUnavailable):
            scene.pick("101")
        assert not raw.hexists(f"s87:{{{scene.domain}}}:call:{later.key}", "c"), "it is nobody's"
        node_store.ping()
        go_on()
        claim = scene.pick("101", tried=[later])
        assert claim is not None
        assert claim.call.caller.dialog == first
    node_store.close()


def test_given_posts_when_a_question_follows_then_they_go_before_it(node_store: Store, raw: redis.Redis) -> None:
    scene = Scene(node_store, raw)
    call = place(scene)
    node_store.calls.ringing(scene.domain, call, 0, "tag")
    assert raw.dbsize() == 0, "posted, and not sent yet"
    assert scene.answered(call, phone(1), phone(2)) is Answered.DONE, "it would be UNKNOWN, had the answer been first"


def test_given_a_post_that_is_held_for_a_question_when_another_is_sent_at_once_then_it_does_not_overtake(
    node_store: Store, raw: redis.Redis
) -> None:
    """A BYE that came before the answer would leave its dialog there for hours."""
    commands, place = node_store.calls._redis, keys.tenant(DOMAIN)
    first, last = b"first", b"too long for the outbox" * 1_000
    commands.hold(packed(("FCALL", functions.name_of("remember"), 1, place, "device", first, 60_000)))
    commands.post("remember", place, "device", last, 60_000)
    node_store.ping()
    assert raw.get(f"{place}replaces:device") == last


def test_given_a_post_in_the_outbox_when_one_that_is_too_long_for_it_follows_then_it_does_not_overtake(
    node_store: Store, raw: redis.Redis
) -> None:
    """What a peer writes may be long: an answer that came before its call would leave nothing to be told of it."""
    commands, place = node_store.calls._redis, keys.tenant(DOMAIN)
    last = b"too long for the outbox" * 1_000
    assert commands.post("remember", place, "device", b"first", 60_000)
    assert commands.post("remember", place, "device", last, 60_000)
    node_store.settle()
    assert raw.get(f"{place}replaces:device") == last


def test_given_functions_that_were_lost_when_posts_come_then_the_first_question_finds_them_loaded_and_all_goes_on(
    node_store: Store, raw: redis.Redis
) -> None:
    scene = Scene(node_store, raw)
    assert scene.pick("101") is None
    raw.function_flush()
    place(scene)
    assert scene.pick("101") is None, "what was posted to a store without functions is lost"
    call = place(scene)
    found = scene.pick("101")
    assert found is not None
    assert found.call.caller.dialog == call


def test_given_a_store_that_hangs_when_much_is_posted_then_no_post_waits(node_store: Store, raw: redis.Redis) -> None:
    scene = Scene(node_store, raw)
    began = time.monotonic()
    for _ in range(50):
        place(scene)
    assert time.monotonic() - began < 1.0
    node_store.settle()
    assert raw.zcard(f"s87:{{{scene.domain}}}:ring:n:101") == 50
