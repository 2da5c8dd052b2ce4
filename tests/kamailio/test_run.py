"""`star87 run` on a real Kamailio and a real Redis: what it starts, what it says, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kemi.cli.listen import Listen, ask_options
from tests.support import documents
from tests.support.node import STAR87
from tests.support.ports import LOOPBACK, free_port
from tests.support.run import READY_WITHIN_S, STOP_WITHIN_S, Run, living, names
from tests.support.until import until


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        run.clean_up()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_given_a_node_when_it_is_told_to_stop_then_all_it_started_ends_and_it_returns_0(
    evidence: Path, runs: list[Run], number: signal.Signals
) -> None:
    port = free_port()
    runs.append(run := Run(evidence, port))
    run.await_ready()

    redis = evidence / "n" / "redis.sock"
    assert run.said() == f"ready udp:{LOOPBACK}:{port} tcp:{LOOPBACK}:{port} redis=unix:{redis}\n"
    assert ask_options(Listen("udp", LOOPBACK, port), 2.0) == 200
    assert ask_options(Listen("tcp", LOOPBACK, port), 2.0) == 200
    started = run.descendants()
    assert names(started) >= {"kamailio", "redis-server"}
    file = run.node_file()
    assert file.pid == run.process.pid
    assert file.kamailio_pid in started
    assert file.listen == (f"udp:{LOOPBACK}:{port}", f"tcp:{LOOPBACK}:{port}")

    assert run.end(number) == 0
    assert living(started) == set()
    assert run.complained() == ""
    assert not (evidence / "n" / "node.json").exists()


def test_given_a_node_when_its_run_is_killed_then_neither_redis_nor_kamailio_outlives_it(
    evidence: Path, runs: list[Run]
) -> None:
    runs.append(run := Run(evidence, free_port()))
    run.await_ready()
    started = run.descendants()

    run.end(signal.SIGKILL)

    until(lambda: not living(started), within_s=STOP_WITHIN_S, what=lambda: f"the end of {living(started)}")


def test_given_a_killed_node_when_it_is_run_again_at_once_then_it_is_ready(evidence: Path, runs: list[Run]) -> None:
    port = free_port()
    runs.append(first := Run(evidence, port))
    first.await_ready()
    first.end(signal.SIGKILL)

    runs.append(second := Run(evidence, port))

    second.await_ready()
    assert ask_options(Listen("udp", LOOPBACK, port), 2.0) == 200


def test_given_a_node_when_kamailio_ends_by_itself_then_the_run_says_so_and_ends_with_1(
    evidence: Path, runs: list[Run]
) -> None:
    runs.append(run := Run(evidence, free_port()))
    run.await_ready()
    started = run.descendants()

    os.kill(run.node_file().kamailio_pid, signal.SIGKILL)

    assert run.process.wait(STOP_WITHIN_S) == 1
    log = evidence / "n" / "kamailio.log"
    assert run.complained().splitlines()[-1] == f"star87: kamailio ended by itself (signal 9); its log is {log}"
    until(lambda: not living(started), what=lambda: f"the end of {living(started)}")


def test_given_a_private_redis_when_it_ends_by_itself_then_it_is_replaced_with_what_was_in_force(
    evidence: Path, runs: list[Run]
) -> None:
    port = free_port()
    runs.append(run := Run(evidence, port))
    run.await_ready()
    (evidence / "newer.yaml").write_text(documents.example().replace("pbx.example.com", "newer.example.com"))
    assert run.star87("apply", str(evidence / "newer.yaml")).returncode == 0
    until(lambda: "version 2 is in force" in (evidence / "n" / "kamailio.log").read_text(), what="version 2")
    (first,) = run.redis_pids()

    os.kill(first, signal.SIGKILL)

    (second,) = until(lambda: run.redis_pids() - {first}, what="another Redis")
    until(lambda: run.star87("explain", "103", "--domain", "newer.example.com").returncode == 1, what="the document")
    assert run.complained() == "the private Redis ended by itself and is started anew\n"
    assert ask_options(Listen("udp", LOOPBACK, port), 2.0) == 200

    # One that ends again at once has a fault that no restart mends.
    os.kill(second, signal.SIGKILL)

    assert run.process.wait(STOP_WITHIN_S) == 1
    assert "star87: redis ended by itself (signal 9)" in run.complained()


def test_given_a_kamailio_that_cannot_start_when_run_then_the_last_errors_of_its_log_are_shown(
    evidence: Path, runs: list[Run]
) -> None:
    (evidence / "n").mkdir()
    # Kamailio cannot make its control socket where a folder stands.
    (evidence / "n" / "ctl.sock").mkdir()
    runs.append(run := Run(evidence, free_port()))

    assert run.process.wait(READY_WITHIN_S) == 1
    *errors, last = run.complained().splitlines()
    assert errors
    assert all("ERROR" in line for line in errors)
    assert any("init ctrl. sockets failed" in line for line in errors)
    assert last.startswith("star87: kamailio ended by itself (exit status ")
    assert run.said() == ""


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_given_an_address_in_use_when_run_then_one_line_names_it_and_nothing_is_started(
    evidence: Path, runs: list[Run], kind: socket.SocketKind
) -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((LOOPBACK, port))
        if kind is socket.SOCK_STREAM:
            other.listen()
        runs.append(run := Run(evidence, port))
        assert run.process.wait(READY_WITHIN_S) == 1

    transport = "udp" if kind is socket.SOCK_DGRAM else "tcp"
    assert run.complained() == f"star87: {transport}:{LOOPBACK}:{port} is in use; choose another with --listen\n"
    assert not (evidence / "n" / "redis.log").exists()


def test_given_a_running_node_when_another_of_its_name_is_run_then_it_is_refused_and_the_first_runs_on(
    evidence: Path, runs: list[Run]
) -> None:
    port = free_port()
    runs.append(first := Run(evidence, port))
    first.await_ready()

    runs.append(second := Run(evidence, free_port()))

    assert second.process.wait(READY_WITHIN_S) == 1
    assert second.complained() == (
        f"star87: node 'n' already runs in {evidence}/n (process {first.process.pid}); "
        "stop it, or choose another --node\n"
    )
    assert ask_options(Listen("udp", LOOPBACK, port), 2.0) == 200


def test_given_a_store_that_is_away_when_run_then_it_waits_says_so_without_the_password_and_can_be_stopped(
    evidence: Path, runs: list[Run]
) -> None:
    runs.append(run := Run(evidence, free_port(), "--redis", f"redis://star87:hush-hush@{LOOPBACK}:{free_port()}/0"))

    until(lambda: "waiting for the state store at redis://star87@" in run.complained(), within_s=10)

    assert run.descendants() == set()
    assert run.end(signal.SIGTERM) == 0
    assert run.said() == ""
    assert "hush" not in run.complained()


def test_given_a_store_that_comes_late_when_run_then_the_node_gets_ready_with_it(
    evidence: Path, runs: list[Run]
) -> None:
    port, store_port = free_port(), free_port()
    runs.append(run := Run(evidence, port, "--redis", f"redis://{LOOPBACK}:{store_port}/0"))
    until(lambda: "waiting for the state store" in run.complained(), within_s=10)

    store = subprocess.Popen(
        [
            *("redis-server", "--port", str(store_port), "--bind", LOOPBACK),
            *("--save", "", "--appendonly", "no", "--dir", str(evidence)),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        run.await_ready()
        assert run.said().endswith(f"redis=redis://{LOOPBACK}:{store_port}/0\n")
        assert ask_options(Listen("udp", LOOPBACK, port), 2.0) == 200
        assert run.end(signal.SIGTERM) == 0
        assert store.poll() is None, "a store that was given is not ended"
    finally:
        store.terminate()
        store.wait(STOP_WITHIN_S)


def test_given_a_capture_when_the_node_stops_then_the_file_holds_what_passed(evidence: Path, runs: list[Run]) -> None:
    port, path = free_port(), evidence / "sip.pcap"
    runs.append(run := Run(evidence, port, "--capture", str(path)))
    run.await_ready()
    assert run.end(signal.SIGTERM) == 0

    drawn = subprocess.run(
        [str(STAR87), "ladder", str(path), "--name", f"{LOOPBACK}:{port}=star87"], capture_output=True, text=True
    )

    # What `run` asked to see whether the node answers, up to the answer just before `ready`.
    heading, *rows = drawn.stdout.splitlines()
    assert "star87" in heading
    assert any("─ OPTIONS " in row for row in rows)
    assert any(" 200 " in row and "(OPTIONS)" in row for row in rows)


def test_given_a_running_node_when_looked_at_and_provisioned_then_every_command_finds_it(
    evidence: Path, runs: list[Run]
) -> None:
    runs.append(run := Run(evidence, free_port()))
    run.await_ready()

    applied = run.star87("apply", str(evidence / "provision.yaml"))
    assert (applied.returncode, applied.stdout) == (0, "in force: version 2, 1 domain, 7 accounts, 1 trunk\n")
    assert (run.star87("calls").stdout, run.star87("calls", "--json").stdout) == ("no call rings\n", "[]\n")
    assert (run.star87("events").stdout, run.star87("events", "--json").stdout) == ("no pickup was tried yet\n", "[]\n")
    explained = run.star87("explain", "103", "999")
    assert explained.returncode == 1
    assert "`No Such Account`" in explained.stdout
    assert run.star87("calls", "--domain", "other.example.com").returncode == 2
