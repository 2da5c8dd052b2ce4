"""All keys of a tenant begin with its hash tag, whatever a caller writes into a Call-ID; a Redis Cluster judges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
import redis

from kemi.accounts.directory import Grants
from kemi.dialogs.own_calls import Standing
from kemi.dialogs.replaced import Confirmed, Early
from kemi.dialogs.tracking import Parties
from kemi.nodes.peer import Peer
from kemi.pickup.claim import Outcome, Rerouted
from kemi.pickup.console import Asked
from kemi.pickup.devices import Verdict, name_of
from kemi.pickup.event import PickupEvent
from kemi.queueing.queue import Duty
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.dialog import DialogId
from kemi.store import functions, keys, open_store
from tests.store.queue_scene import SUPPORT, QueueScene
from tests.store.scene import AGENT, ALL, HUNT, PICKER, Scene, phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_server import RedisServer
from tests.support.until import until

ODD = {
    "braces": "}{other.example.com}:{",
    "quotes": 'it\'s "odd" \\" [[x]]',
    "newlines": "a\r\nb\n\nc",
    "blanks": "  a  b\tc ",
    "utf-8": "Zoë-電話-\U0001f4de",
    "no utf-8": b"\xff\xfe\x80".decode("utf-8", "surrogateescape"),
    "patterns": "*?[a-z]%s%d%",
    "long": "x" * 65_536,
    "empty": "",
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisServer]:
    """A Redis Cluster of one node: it refuses a function that touches keys of two slots."""
    ports = ("--port", str(free_port()), "--cluster-port", str(free_port()), "--bind", LOOPBACK)
    with RedisServer(*ports, "--cluster-enabled", "yes") as server, server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(
            lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"),
            what="the cluster is whole",
        )
        yield server


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def on_cluster(cluster: RedisServer, said: list[str]) -> Iterator[QueueScene]:
    store = open_store(replace(Settings(), redis_url=cluster.url, redis_timeout_ms=5_000), said.append)
    store.load_functions()
    with cluster.client() as client:
        client.flushall()
        yield QueueScene(store, client)
    store.close()


def walk(scene: QueueScene, odd: str) -> Iterator[str]:
    """Every operation once and more, with odd words of a caller; after each, its name."""
    call, new = DialogId(odd, odd), DialogId(odd, odd + "2")
    moment = scene.store.lamps.watched(scene.domain, ("700", "101", "800")).moment
    yield "watched"
    grants = Grants((*ALL.hunt_groups, "other"), ALL.extensions, ALL.agent_groups)
    scene.ended(call)
    yield "ended"
    scene.ring("700", HUNT, dialog=call, calls_from="105")
    scene.ring("700", HUNT, dialog=call, calls_from="105", members=("101", "102"), by_member=True)
    yield "enter"
    tag = odd.replace("\r", "").replace("\n", "")  # a To tag is one word of one header line
    scene.rings(call, 0, tag)
    yield "ringing"
    assert scene.seen()[call].early_tags == (tag,)
    yield "survey"
    assert scene.store.calls.tally(scene.domain, ALL).ringing == 1
    yield "tally"
    (seen,) = scene.store.lamps.look(scene.domain, moment).lamps["700"].calls
    assert seen == scene.seen()[call]
    yield "look"
    assert isinstance(scene.replaced(odd, tag, odd, PICKER), Early)
    yield "replaced"
    scene.lose_record(call)
    scene.rings_again(call, 1_000, ((0, tag),))
    yield "enter_again"
    assert scene.seen()[call].early_tags == (tag,)
    yield "survey"
    scene.branch_failed(call, 0)
    yield "branch_failed"
    assert scene.reindex("700", "other") == 1
    yield "reindex"
    device = name_of(f"sip:{odd}@{odd}", odd)
    scene.store.calls.remember_device(scene.domain, device, Verdict.BAD)
    scene.store.settle()
    yield "remember"
    assert scene.picked_up("700", HUNT, grants=grants, device=phone(5061).flow) == call
    yield "claim"
    assert scene.stage(call, ("103",))
    yield "stage"
    held = scene.store.calls.entrust(scene.domain, call.key, "token")
    assert held is not None
    assert held.call.key == call.key
    yield "entrust"
    scene.release(call)
    yield "release"
    assert scene.picked_up("700", HUNT, grants=grants) == call
    scene.disclaims()
    yield "disclaim"
    assert scene.picked_up("103", grants=grants, includes_group_calls=True) == call
    yield "claim"
    scene.picked(call, new=new, picker=phone(5070), called=phone(5071))
    yield "picked"
    assert scene.ended(call) == PICKER
    yield "ended"
    scene.redis.delete(f"{keys.tenant(scene.domain)}{keys.SUFFIXES['call']}{call.key}")
    scene.ring("101", dialog=call)
    assert scene.picked_up("101") == call
    assert scene.reroute(call, offer=odd) is Rerouted.DONE
    yield "reroute"
    assert scene.rerouted(call) == odd
    yield "rerouted"
    assert scene.connected(call) == (Outcome.DONE, "")
    yield "picked"
    scene.redis.delete(f"{keys.tenant(scene.domain)}{keys.SUFFIXES['call']}{call.key}")
    scene.ring("101", dialog=call)
    scene.answered(call, phone(5061), phone(5062), parties=Parties("105", "101", odd))
    yield "answered"
    assert isinstance(scene.replaced(odd, odd, odd, PICKER), Confirmed)
    yield "replaced"
    scene.renewed((new, call), phone(5070, on_hold=True))
    yield "renewed"
    scene.over((call, new))
    scene.over((new, call))
    yield "over"
    scene.redis.delete(f"{keys.tenant(scene.domain)}{keys.SUFFIXES['call']}{call.key}")
    scene.store.events.write(PickupEvent(scene.domain, PICKER, "", "picked_up", 200, caller=odd, call_id=odd))
    assert scene.store.events.read(scene.domain)[0].call_id == odd
    yield "event"
    scene.store.events.write(PickupEvent(scene.domain, PICKER, odd, "nothing_eligible", 480))
    assert scene.store.events.read(scene.domain)[1].dialled == odd
    yield "event"
    scene.store.calls.denied(Aor(PICKER, scene.domain))
    yield "denied"
    yield from walk_queue(scene, call, odd)


def walk_queue(scene: QueueScene, call: DialogId, odd: str) -> Iterator[str]:
    """The same, in an agent group's queue."""
    tag = odd.replace("\r", "").replace("\n", "") or "own"
    scene.joins(dialog=call, calls_from="105", is_agent=True)
    yield "join"
    scene.ready(call, tag)
    yield "ready"
    assert scene.seen()[call].early_tags == (tag,)
    assert scene.offers() == [(call, "101")]
    yield "dispatch"
    scene.misses(call)
    yield "missed"
    scene.joins(replace(SUPPORT, max_waiting=1), dialog=scene.dialog())
    yield "join"
    assert scene.reindex("800", "other") == 1
    yield "reindex"
    assert scene.picked_up("800", AGENT) == call
    yield "claim"
    scene.release(call)
    yield "release"
    scene.log("101", Duty.OUT)
    yield "duty"
    assert scene.store.queues.roster(scene.domain, ["101"], ["800"]).agents[0].missed == 1
    yield "roster"
    assert scene.offers() == [(call, "102")]
    scene.takes(call, "102", wrap_up_s=5)
    yield "answered"
    scene.hangs_up(call)
    yield "over"
    scene.redis.delete(f"{keys.tenant(scene.domain)}{keys.SUFFIXES['call']}{call.key}")
    scene.look()
    yield "dispatch"
    lost = scene.dialog()
    assert scene.standing(lost) == [Standing.MISSING]
    yield "standings"
    scene.stands_again(lost, 1_000)
    assert scene.waiting() == [lost]
    yield "stand_again"
    scene.ended(lost)
    yield "ended"
    scene.look()
    yield "dispatch"
    scene.store.backups.restore(scene.domain, scene.store.backups.read(scene.domain, ["101"], ["800"]))
    yield "restore"


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_given_odd_call_ids_when_every_operation_is_done_then_all_keys_lie_on_the_tenant_s_slot(
    on_cluster: QueueScene, said: list[str], odd: str
) -> None:
    prefix = keys.tenant(on_cluster.domain).encode()
    for operation in walk(on_cluster, odd):
        # Which tenants a node is to look at is no tenant's.
        found = set(cast(list[bytes], on_cluster.redis.keys("*"))) - {keys.queues(on_cluster.node).encode()}
        assert all(re.fullmatch(rb"[\x21-\x7e]{1,100}", name[len(prefix) :]) for name in found), operation
        assert all(name.startswith(prefix) for name in found), operation
        assert said == [], operation
    assert on_cluster.lasting() == {
        *("taken:700", "taken:101", "taken:800", "events", "agent:101", "agent:102", "stats:800"),
        f"replaces:{name_of(f'sip:{odd}@{odd}', odd)}",
        *("denied:109", "noted:109", "watched", "changed"),
    }


def test_given_the_walk_when_it_is_compared_with_the_operations_then_none_is_left_out(queue: QueueScene) -> None:
    queue.store.provisioning.publish("{}")
    assert queue.store.provisioning.stamp()
    # What consoles ask is a node's, not a tenant's.
    asked = Asked("r", "pbx.example.com", "103", "101", "key")
    assert queue.store.mailbox.ask(Settings().node, asked)
    assert queue.store.mailbox.fetch() == [asked.pack()]
    # Every connection begins with the clock.
    for step in queue.store.keyspace.pending():
        assert queue.store.keyspace.migrate(step) == step.to
    queue.store.nodes.announce(Peer("a", "1", ""), "secret")
    queue.store.nodes.depart("a", "1")
    assert queue.store.nodes.bury("t", "a@1") == 0
    queue.store.nodes.buried(Peer("a", "1", ""))
    of_no_tenant = {"clock", "publish", "stamp", "migrated", "announce", "depart", "bury", "buried"}
    assert {*walk(queue, "a"), *of_no_tenant, "ask", "fetch"} == set(functions.operations())


def test_given_a_function_that_touches_two_tenants_when_it_runs_on_a_cluster_then_the_cluster_refuses_it(
    on_cluster: Scene,
) -> None:
    # With this first line a script is held to the rules of functions.
    script = "#!lua\nredis.call('SET', KEYS[1] .. 'a', 1) return redis.call('SET', 's87:{other.example.com}:a', 1)"
    with pytest.raises(redis.ResponseError, match="same slot"):
        on_cluster.redis.eval(script, 1, keys.tenant(on_cluster.domain))


def test_given_the_lua_files_when_they_are_read_then_none_spells_a_key() -> None:
    for path in functions.FOLDER.glob("*.lua"):
        code = re.sub(r"--.*", "", path.read_text())
        spelled = [suffix for suffix in keys.SUFFIXES.values() if suffix.endswith(":") and suffix in code]
        assert not spelled, path
