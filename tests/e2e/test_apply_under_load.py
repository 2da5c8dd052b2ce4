"""Documents come into force five times a second while phones call and pick up: no call notices."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kemi.accounts.document import parse
from kemi.accounts.wire import encode
from kemi.settings import Settings
from kemi.store import open_store
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port
from tests.support.sipp import PHONES, SCENARIOS, Phone, Setting, SippRun
from tests.support.until import until

DOMAIN = "pbx.example.com"
CALLS, CALLS_A_SECOND, PICKUPS = 500, 50, 60
EVERY_S = 0.2


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((SCENARIOS / "provision.yaml").read_text())
    return loaded


@pytest.fixture
def node(tmp_path: Path, document: dict[str, Any]) -> Iterator[Node]:
    # It looks for documents more often than they come, so that it follows each.
    environment = {"STAR87_PROVISION_POLL_MS": "50"}
    with Node(tmp_path / "node", yaml.safe_dump(document), environment=environment) as node:
        yield node


def changed(document: dict[str, Any], turn: int) -> str:
    """Accounts come and go, a permission of one that rings changes, and so do a group and a tenant."""
    other = copy.deepcopy(document)
    domain = other["domains"][0]
    extra = [{"number": f"9{n:02}", "name": "Passing", "password": "change-me"} for n in range(turn % 20)]
    domain["extensions"] += extra
    bob = next(e for e in domain["extensions"] if e["number"] == "101")
    bob["monitored_by"] = ["103", *(e["number"] for e in extra)]
    if extra:
        domain["hunt_groups"].append({"number": "790", "members": [e["number"] for e in extra]})
    if turn % 3 == 0:
        other["domains"].append({"name": f"passing-{turn}.example.com", "extensions": extra})
    return yaml.safe_dump(other)


def test_given_calls_and_pickups_when_documents_come_into_force_all_the_while_then_none_fails(
    node: Node, evidence: Path, document: dict[str, Any]
) -> None:
    def phone(name: str, number: str) -> Phone:
        return Phone(Setting(node.address, DOMAIN, f"%u-{number}@star87", evidence), name, number)

    pickup = Setting(node.address, DOMAIN, "%u-picked-up@star87", evidence)
    bob, alice, carol = Phone(pickup, "Bob", "101"), Phone(pickup, "Alice", "201"), Phone(pickup, "Carol", "103")
    frank, oscar = phone("Frank", "102"), phone("Oscar", "202")
    twin = f"{LOOPBACK}:{free_port()}"
    for called in (bob, frank):
        called.register()
    # What publishes must cost little: the phones share the machine. `star87 apply` does the same once at the end.
    documents = [encode(parse(changed(document, turn))) for turn in range(20)]
    store = open_store(Settings(redis_url=node.redis_url, redis_timeout_ms=3000))
    runs: list[SippRun] = []
    in_force = 0
    try:
        runs.append(frank.play(PHONES / "answers.xml", calls=CALLS, more=("-l", "500")))
        runs.append(bob.play(PHONES / "rings-until-completed-elsewhere.xml", calls=PICKUPS))
        for run in runs:
            run.await_bound()
        told = {"shows": "Alice"}
        more = ("-3pcc", twin)
        runs.append(carol.play(PHONES / "picks-up-when-told.xml", dials="*87101", keys=told, calls=PICKUPS, more=more))
        runs[2].await_bound()
        began = time.monotonic()
        at_rate = ("-r", str(CALLS_A_SECOND), "-l", "500")
        runs.append(oscar.play(PHONES / "calls-and-is-answered.xml", dials="102", calls=CALLS, more=at_rate))
        keys = {"picker": "103"}
        tells = PHONES / "calls-and-tells-the-picker.xml"
        runs.append(alice.play(tells, dials="101", keys=keys, calls=PICKUPS, more=(*more, "-r", "200")))

        def all_through() -> bool:
            nonlocal in_force
            if time.monotonic() >= began + in_force * EVERY_S:
                store.provisioning.publish(documents[in_force % len(documents)])
                in_force += 1
            return all(run.ended for run in runs)

        until(all_through, within_s=30, what=lambda: f"the end of all phones; {in_force} documents were in force")
        took_s = time.monotonic() - began
        for run in runs:
            run.finish()
    finally:
        for run in runs:
            run.stop()
        store.close()

    assert in_force >= CALLS / CALLS_A_SECOND / EVERY_S * 0.8, f"{in_force} documents in {took_s:.1f} s"
    assert took_s < CALLS / CALLS_A_SECOND * 2, "they called at that rate"
    frank_answered, _, carol_answered, oscar_answered, _ = (run.answered() for run in runs)
    assert (frank_answered, carol_answered, oscar_answered) == (0, PICKUPS, CALLS)
    assert [event.outcome for event in node.events(DOMAIN)] == ["picked_up"] * PICKUPS
    node.apply(yaml.safe_dump(document))
    # Each was followed, not only the last: the node says which.
    followed = node.log().count(" is in force")
    assert followed >= in_force * 0.8, f"{followed} of {in_force} documents were followed"
    assert "Traceback" not in node.log()
    until(lambda: not node.left_keys(DOMAIN), within_s=10, what=lambda: f"no key left; there are {node.keys(DOMAIN)}")
    # The last two snapshots stay, for workers that are about to open one.
    until(
        lambda: len(list((node.folder / node.name).glob("directory-*.sqlite"))) == 2,
        what="no snapshot left but the last two",
    )
