"""STAR87_LOG_FORMAT=json: every line of a node with calls, pickups and faults."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import STAR87, Node
from tests.support.phone import PASSWORD
from tests.support.ports import LOOPBACK, free_port
from tests.support.raw import raw_client
from tests.support.run import Run
from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

STRANGE = 'bad"call\\id{}%s'
"""All of it may stand in a Call-ID (RFC 3261 §25.1), and none of it in a string of JSON as it is."""


@pytest.fixture(scope="module")
def node(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    with Node(folder, tenants.document(), environment={"STAR87_LOG_FORMAT": "json"}) as node:
        yield node


def entries(folder: Path, *names: str) -> list[dict[str, Any]]:
    """Every line of these logs; raises when one is no JSON object with node, time, program, level and message."""
    found = []
    for name in names:
        for line in (folder / name).read_text().splitlines():
            entry = json.loads(line)
            assert {"time", "node", "program", "level", "message"} <= entry.keys(), line
            found.append(entry)
    return found


def test_given_calls_pickups_and_faults_when_logged_then_every_line_is_json_and_those_of_a_call_name_it(
    tenant: Tenant,
) -> None:
    node, folder = tenant.node, tenant.node.folder / tenant.node.name
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    take_over(ring(alice, bob), carol, "*87101").ends(alice)
    assert tenant.phone("105").dials("*87101").ends_with().status == 403
    # A CSeq that is none: Kamailio complains of it, under the Call-ID that the message has.
    request = carol.requests("OPTIONS", f"sip:{tenant.domain}", call_id=STRANGE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((LOOPBACK, 0))
        for change in (("Max-Forwards: 70", "Max-Forwards: many"), ("Content-Length: 0", "Content-Length: 999")):
            sender.sendto(request.replace(*change).encode(), (LOOPBACK, node.port))

    def of_it() -> list[dict[str, Any]]:
        return [entry for entry in entries(folder, "kamailio.log") if entry.get("call_id") == STRANGE]

    until(of_it, what="a line about the faulty request")
    assert all(entry["cseq"].endswith("OPTIONS") for entry in of_it())
    # Redis goes and comes, and both `star87 run` and a process of Kamailio's tell of it.
    with raw_client(node.redis_url) as client:
        os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
    until(
        lambda: any("is started anew" in e["message"] for e in entries(node.folder, "run.err")),
        what="word of `star87 run`",
    )
    in_force = "provisioning version 1 is in force"
    until(
        lambda: sum(e["message"] == in_force for e in entries(folder, "kamailio.log")) > 1,
        what="word of the process that follows the provisioning",
    )
    every = [*entries(folder, "kamailio.log", "redis.log"), *entries(node.folder, "run.err")]
    assert {entry["program"] for entry in every} == {"kamailio", "redis", "star87"}
    assert {entry["node"] for entry in every} == {node.name}
    assert not any(PASSWORD in json.dumps(entry) for entry in every)


def test_given_a_node_that_logs_json_when_kamailio_fails_then_run_shows_its_errors(evidence: Path) -> None:
    run = Run(evidence, free_port(), environment={"STAR87_LOG_FORMAT": "json"})
    try:
        run.await_ready()
        os.kill(run.node_file().kamailio_pid, signal.SIGKILL)
        run.process.wait(20)
        assert "kamailio ended by itself (signal 9)" in run.complained()
    finally:
        run.clean_up()


def test_given_another_format_when_run_then_usage() -> None:
    done = subprocess.run(
        [str(STAR87), "run", "--provision", "docker/provision.example.yaml"],
        env={**os.environ, "STAR87_LOG_FORMAT": "xml"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (2, "star87: STAR87_LOG_FORMAT: text or json, not 'xml'\n")
