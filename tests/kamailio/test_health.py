"""`star87 run --health`: what a load balancer and an orchestrator see of a real node."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_server import RedisServer
from tests.support.run import STOP_WITHIN_S, Run
from tests.support.stopped import stopped
from tests.support.until import until


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        run.clean_up()


def asked(port: int, path: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except OSError as error:
        return 0, {"status": str(error), "checks": {}}
    finally:
        connection.close()


def is_told(port: int, path: str, status: int, word: str) -> bool:
    code, body = asked(port, path)
    return (code, body["status"]) == (status, word)


def test_given_a_node_when_it_is_asked_then_it_is_healthy_and_ready_and_the_ready_line_says_where(
    evidence: Path, runs: list[Run]
) -> None:
    port = free_port()
    runs.append(run := Run(evidence, free_port(), "--health", f"{LOOPBACK}:{port}"))
    run.await_ready()

    assert run.said().endswith(f" health=http://{LOOPBACK}:{port}\n")
    assert asked(port, "/healthz") == (
        200,
        {"status": "healthy", "checks": {"processes": {"ok": True, "reason": "all run"}}},
    )
    status, body = asked(port, "/readyz")
    assert (status, body["status"]) == (200, "ready")
    assert {name for name, check in body["checks"].items() if check["ok"]} == {
        *("processes", "draining", "sip", "provisioning", "store")
    }
    assert run.end(signal.SIGTERM) == 0
    assert asked(port, "/healthz")[0] == 0, "nobody answers any more"


def test_given_a_kamailio_that_hangs_when_asked_then_the_node_is_not_ready_within_bounds(
    evidence: Path, runs: list[Run]
) -> None:
    port = free_port()
    runs.append(run := Run(evidence, free_port(), "--health", f"{LOOPBACK}:{port}"))
    run.await_ready()
    workers = [pid for pid in run.descendants() if pid not in run.redis_pids()]
    with stopped(*workers):
        status, body = asked(port, "/readyz")
        assert (status, body["status"], body["checks"]["sip"]["ok"]) == (503, "not ready", False)
        assert "did not answer OPTIONS" in body["checks"]["sip"]["reason"]
        assert asked(port, "/healthz")[0] == 200, "its processes are there"
    until(lambda: is_told(port, "/readyz", 200, "ready"), within_s=10, what="ready again")


def test_given_a_store_that_goes_when_asked_then_the_node_is_degraded_and_ready_and_says_why(
    evidence: Path, runs: list[Run]
) -> None:
    port = free_port()
    with RedisServer() as store:
        runs.append(run := Run(evidence, free_port(), "--redis", store.url, "--health", f"{LOOPBACK}:{port}"))
        run.await_ready()
        assert is_told(port, "/readyz", 200, "ready")

        store.kill()
        status, body = asked(port, "/readyz")
        assert (status, body["status"], body["checks"]["store"]["ok"]) == (200, "degraded", False)
        assert "no pickups and no queues" in body["checks"]["store"]["reason"]
        assert asked(port, "/healthz")[0] == 200

        store.start()
        until(lambda: is_told(port, "/readyz", 200, "ready"), within_s=5, what="ready again")


def test_given_a_store_that_hangs_when_asked_then_the_answer_comes_in_time(evidence: Path, runs: list[Run]) -> None:
    port = free_port()
    with RedisServer() as store:
        runs.append(run := Run(evidence, free_port(), "--redis", store.url, "--health", f"{LOOPBACK}:{port}"))
        run.await_ready()
        store.freeze()
        try:
            assert is_told(port, "/readyz", 200, "degraded")
        finally:
            store.thaw()


def test_given_no_document_when_a_node_starts_then_it_is_healthy_and_not_ready_until_one_is_applied(
    evidence: Path, runs: list[Run]
) -> None:
    port = free_port()
    with RedisServer() as store:
        run = Run(evidence, free_port(), "--redis", store.url, "--health", f"{LOOPBACK}:{port}", provisioned=False)
        runs.append(run)
        until(lambda: asked(port, "/readyz")[1]["checks"].get("sip"), within_s=20, what="an answer of Kamailio")
        until(lambda: asked(port, "/healthz")[0] == 200, what="healthy")
        status, body = asked(port, "/readyz")
        assert (status, body["checks"]["provisioning"]["ok"]) == (503, False)

        assert run.star87("apply", str(evidence / "provision.yaml")).returncode == 0
        run.await_ready()
        until(lambda: is_told(port, "/readyz", 200, "ready"), what="ready")


@pytest.mark.parametrize("where", ["localhost:8087", "127.0.0.1", "8087", "127.0.0.1:99999"])
def test_given_a_health_address_that_is_none_when_run_then_usage_and_nothing_is_started(
    evidence: Path, runs: list[Run], where: str
) -> None:
    runs.append(run := Run(evidence, free_port(), "--health", where))
    assert run.process.wait(STOP_WITHIN_S) == 2
    assert run.complained().startswith("star87: --health ")
    assert not (evidence / "n").exists()


def test_given_a_health_address_in_use_when_run_then_one_line_says_so(evidence: Path, runs: list[Run]) -> None:
    port = free_port()
    runs.append(first := Run(evidence, free_port(), "--health", f"{LOOPBACK}:{port}"))
    first.await_ready()
    runs.append(second := Run(evidence, free_port(), "--health", f"{LOOPBACK}:{port}", name="m"))
    assert second.process.wait(STOP_WITHIN_S) == 1
    assert second.complained() == f"star87: --health {LOOPBACK}:{port} is in use; choose another\n"
