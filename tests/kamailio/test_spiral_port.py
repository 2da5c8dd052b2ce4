"""The socket by which a node sends a request to itself: its own, on this host only, and told to nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import LOOPBACK, free_port
from tests.support.run import Run


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        run.clean_up()


def spiral_port(run: Run) -> int:
    """The one that Kamailio was given."""
    command = Path(f"/proc/{run.node_file().kamailio_pid}/cmdline").read_text()
    found = re.search(rf"SPIRAL=udp:{re.escape(LOOPBACK)}:(\d+)\0", command)
    assert found is not None, command
    return int(found[1])


def udp_listeners() -> dict[int, str]:
    """Address (hexadecimal, as the system tells it) of each bound UDP port."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    places = (line.split()[1].split(":") for line in lines)
    return {int(port, 16): address for address, port in places}


def test_given_two_nodes_when_run_then_each_has_a_port_of_its_own_on_loopback_and_neither_tells_it(
    evidence: Path, runs: list[Run]
) -> None:
    for name in ("n", "m"):
        runs.append(run := Run(evidence, free_port(), name=name))
        run.await_ready()

    ports = [spiral_port(run) for run in runs]

    assert len(set(ports)) == 2
    for run, port in zip(runs, ports, strict=True):
        assert port not in (0, run.port)
        assert udp_listeners()[port] == "0100007F"
        assert str(port) not in run.said().replace(str(run.port), "")
        assert not any(listen.endswith(f":{port}") for listen in run.node_file().listen)
