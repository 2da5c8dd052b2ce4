"""`star87 run --listen`: each transport alone, what is loaded for it, and what it needs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kemi.cli.listen import Listen, ask_options
from tests.support.certificate import make_certificate
from tests.support.documents import example
from tests.support.node import STAR87
from tests.support.ports import LOOPBACK, free_port
from tests.support.run import READY_WITHIN_S, STOP_WITHIN_S
from tests.support.until import until

MODULES = {"udp": set(), "tcp": set(), "tls": {"tls"}, "ws": {"websocket"}, "wss": {"tls", "websocket"}}


class Started:
    """`star87 run` with these addresses and no others."""

    def __init__(self, folder: Path, *listen: str, **environment: str) -> None:
        (folder / "provision.yaml").write_text(example())
        self._out, self._err = folder / "run.out", folder / "run.err"
        own = {name: value for name, value in os.environ.items() if not name.startswith("STAR87_")}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [
                    *(str(STAR87), "run", "--provision", str(folder / "provision.yaml")),
                    *("--run-dir", str(folder), "--node", "n"),
                    *(part for address in listen for part in ("--listen", address)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=own | environment,
            )

    def await_ready(self) -> str:
        until(
            lambda: self._out.read_text().endswith("\n") or self.process.poll() is not None,
            within_s=READY_WITHIN_S,
            what=lambda: f"`ready`; it said {self.complained()!r}",
        )
        assert self.process.poll() is None, self.complained()
        return self._out.read_text()

    def complained(self) -> str:
        return self._err.read_text()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(STOP_WITHIN_S)


@pytest.fixture
def started() -> Iterator[list[Started]]:
    running: list[Started] = []
    yield running
    for node in running:
        node.stop()


@pytest.mark.parametrize("transport", MODULES)
def test_given_one_transport_when_run_then_it_is_ready_answers_there_and_loads_no_more_than_that_needs(
    transport: str, evidence: Path, started: list[Started]
) -> None:
    certificate, key = make_certificate(evidence)
    listen = Listen(transport, LOOPBACK, free_port())
    node = Started(evidence, str(listen), STAR87_TLS_CERTIFICATE=str(certificate), STAR87_TLS_PRIVATE_KEY=str(key))
    started.append(node)

    assert node.await_ready().startswith(f"ready {listen} redis=")

    assert ask_options(listen, 2.0) == 200
    loaded = Path(f"/proc/{_kamailio(evidence)}/maps").read_text()
    assert {name for name in ("tls", "websocket") if f"/{name}.so" in loaded} == MODULES[transport]


def test_given_one_port_for_tcp_and_websocket_when_run_then_both_are_served(
    evidence: Path, started: list[Started]
) -> None:
    port = free_port()
    node = Started(evidence, f"tcp:{LOOPBACK}:{port}", f"ws:{LOOPBACK}:{port}")
    started.append(node)
    node.await_ready()
    assert ask_options(Listen("tcp", LOOPBACK, port), 2.0) == 200


@pytest.mark.parametrize("transport", ["tls", "wss"])
def test_given_no_certificate_when_an_encrypted_address_is_asked_for_then_one_line_says_what_to_set(
    transport: str, evidence: Path, started: list[Started]
) -> None:
    listen = f"{transport}:{LOOPBACK}:{free_port()}"
    node = Started(evidence, listen)
    started.append(node)

    assert node.process.wait(READY_WITHIN_S) == 2
    assert node.complained() == (
        f"star87: {listen} needs a certificate: set STAR87_TLS_CERTIFICATE to the path of a PEM file\n"
    )
    assert not (evidence / "n").exists()


def _kamailio(folder: Path) -> int:
    pid: int = json.loads((folder / "n" / "node.json").read_text())["kamailio_pid"]
    return pid
