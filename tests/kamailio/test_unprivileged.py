"""A node as a service manager starts it: by a user without any right, with what docker/systemd asks of systemd."""

from __future__ import annotations

import configparser
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kemi.cli.processes import PROJECT_ROOT
from tests.support.node import STAR87, Node
from tests.support.talks import ring, take_over, talk
from tests.support.tenants import Tenant, Tenants

UNIT = PROJECT_ROOT / "docker" / "systemd" / "star87.service"
NOBODY = 65534
EXPOSURE_MOST = 20
"""Tenths, as `systemd-analyze security` counts; 17 when this was written."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that belongs to nobody; pytest's own folders are root's alone."""
    path = Path(tempfile.mkdtemp(prefix="s87-nobody-"))
    if os.getuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def without_rights() -> list[str]:
    """What its command line begins with: nobody's user and group, no capability, and no way to get one."""
    if os.getuid() != 0:
        return []
    closed = [str(path) for path in (PROJECT_ROOT, *PROJECT_ROOT.parents) if not path.stat().st_mode & 0o001]
    if closed:
        pytest.skip(f"nobody else may enter {closed[-1]}, where the project is")
    who = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["setpriv", *who, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"]


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_given_a_user_without_rights_when_he_runs_a_node_then_phones_register_call_and_pick_up(folder: Path) -> None:
    tenants = Tenants(1)
    with Node(folder, tenants.document(), inside=without_rights()) as node:
        tenant: Tenant = tenants.take(node)
        try:
            status = status_of(node.kamailio_pid)
            assert status["Uid"].split()[0] != "0"
            assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
            assert status["NoNewPrivs"] == "1"
            bob, alice = tenant.phone("101", register=True), tenant.phone("104")
            caller, _ = talk(alice, bob)
            caller.ends(bob)
            dialog = take_over(ring(alice, bob), tenant.phone("103"), "*87101")
            dialog.ends(alice)
            assert tenant.outcomes() == [("picked_up", 200)]
            tenant.change(lambda document: document.update(settings={}))
        finally:
            tenant.close()
        assert node.stop() == 0


def test_given_a_service_manager_when_a_node_gets_ready_and_stops_then_it_is_told_so(folder: Path) -> None:
    # Not on a folder's path: nobody else is told where it is.
    name = f"\0s87-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(5)
        environment = {"NOTIFY_SOCKET": f"@{name[1:]}"}
        with Node(folder, Tenants(1).document(), environment=environment, inside=without_rights()) as node:
            assert manager.recv(100) == b"READY=1"
            assert node.stop() == 0
            assert manager.recv(100) == b"STOPPING=1"


def test_given_a_service_manager_that_has_gone_when_a_node_gets_ready_then_it_does_not_mind(folder: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(folder / "nobody-listens")}
    with Node(folder, Tenants(1).document(), environment=environment, inside=without_rights()) as node:
        assert node.stop() == 0


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as it reads where the project stands in its place."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/star87/.venv/bin/star87", str(STAR87)))
    return path


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@needs_systemd
def test_given_the_unit_when_systemd_reads_it_then_it_has_no_fault_and_little_exposure(unit: Path) -> None:
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=30)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MOST}", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert judged.returncode == 0, judged.stdout


def test_given_the_unit_when_read_then_it_starts_what_there_is_with_options_that_there_are() -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    service = parser["Service"]
    assert (service["Type"], service["KillMode"], service["User"]) == ("notify", "mixed", "star87")
    assert (service["NoNewPrivileges"], service["ProtectSystem"]) == ("yes", "strict")
    assert (service["CapabilityBoundingSet"], service["AmbientCapabilities"]) == ("", "")
    assert service["RuntimeDirectory"] == "star87"
    for line in (service["ExecStart"], service["ExecReload"]):
        program, command, *options = line.split()
        assert program == "/opt/star87/.venv/bin/star87"
        told = subprocess.run([str(STAR87), command, "--help"], capture_output=True, text=True, timeout=20)
        assert told.returncode == 0
        assert all(option in told.stdout for option in options if option.startswith("--"))
    users = (UNIT.parent / "star87.sysusers").read_text().split()
    assert users[:3] == ["u", "star87", "-"]
