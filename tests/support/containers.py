"""Containers of one's own: an engine with a store of its own, the images of docker/, and what a compose file brings up.

They use the network of whoever starts them: a test enters a network namespace first (tests/support/network.py), so the
ports of the compose files are its own. Needs root, podman, runc and mmdebstrap (`make setup`).
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
BASE = "docker.io/library/debian:trixie-slim"
"""What `FROM debian:trixie-slim` means: made here of Debian's packages, for it cannot be fetched everywhere."""
PYTHON = "3.13"
"""Of Debian 13."""
AT_HAND = "/at-hand"
BUILD_WITHIN_S, COMMAND_WITHIN_S = 400, 90
CONF = """\
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
static_dir = "{folder}/static"
tmp_dir = "{folder}/tmp"
volume_path = "{folder}/volumes"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


def why_not() -> str:
    """Why there can be no containers here; empty when there can."""
    if os.geteuid():
        return "containers need root"
    missing = [name for name in ("podman", "runc", "mmdebstrap") if shutil.which(name) is None]
    return f"no container engine: {', '.join(missing)} not installed (make setup)" if missing else ""


class Engine:
    """A context in which podman has images and containers of its own; at its end nothing of them is left."""

    def __enter__(self) -> Self:
        # Not pytest's folder: a unix socket's path is short.
        self._folder = Path(tempfile.mkdtemp(prefix="s87-"))
        self._conf, self._storage = self._folder / "containers.conf", self._folder / "storage.conf"
        self._conf.write_text(CONF.format(folder=self._folder))
        self._storage.write_text(STORAGE.format(folder=self._folder))
        clean = {name: value for name, value in os.environ.items() if not name.startswith("STAR87_")}
        own = {"CONTAINERS_CONF": str(self._conf), "CONTAINERS_STORAGE_CONF": str(self._storage)}
        self.environment = {**clean, **own}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = self.podman("ps", "--all", "--quiet").split()
        if left:
            self.podman("rm", "--force", "--volumes", "--time", "0", *left)
        # podman keeps its store mounted on itself.
        subprocess.run(["umount", self._folder / "graph" / "overlay"], capture_output=True)
        mounted = [line for line in Path("/proc/mounts").read_text().splitlines() if str(self._folder) in line]
        assert not mounted, f"still mounted: {mounted}"
        shutil.rmtree(self._folder)

    def podman(self, *words: str) -> str:
        """What podman prints; raises AssertionError with what it says when it fails."""
        return ran(["podman", *words], self.environment)

    def make_base(self) -> None:
        """Import the image on which those of docker/ stand, and fetch the wheels that they need."""
        wheels, tree = self._folder / "wheels", self._folder / "base.tar"
        made = ["mmdebstrap", "--variant=minbase", "--quiet", "trixie", str(tree)]
        with subprocess.Popen(made, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as building:
            project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            more = project["optional-dependencies"]
            fetch = ["--quiet", "--only-binary=:all:", "--python-version", PYTHON, "--dest", str(wheels)]
            ran([sys.executable, "-m", "pip", "download", *fetch, *project["dependencies"], *more["cli"], *more["web"]])
            assert building.stderr is not None
            said = building.stderr.read()
        assert building.returncode == 0, f"mmdebstrap: {said}"
        self.podman("import", "--quiet", str(tree), BASE)
        tree.unlink()

    def build(self, compose: Path, *services: str) -> None:
        """Build the images of these services; make_base() comes first."""
        given = (
            *("--network=host", "--format=docker", f"--volume={self._folder}/wheels:{AT_HAND}:ro"),
            *(f"--build-arg=PIP_FIND_LINKS={AT_HAND}", "--build-arg=PIP_NO_INDEX=1"),
        )
        command = ["--podman-build-args", " ".join(given), "--file", str(compose), "build", *services]
        ran([*PODMAN_COMPOSE, *command], self.environment, BUILD_WITHIN_S)


def compose_file(up: str) -> Path:
    """That of `docker compose -f FILE up --build`, in the project's folder; raises ValueError for another command."""
    *before, file, up_, build = shlex.split(up)
    if (before, up_, build) != (["docker", "compose", "-f"], "up", "--build"):
        raise ValueError(up)
    return ROOT / file


PROJECT = "com.docker.compose.project"
PODMAN_COMPOSE = (str(Path(sys.executable).parent / "podman-compose"),)


class Composed:
    """A context around what one compose file brings up, of images that are built; at its end its volumes are gone."""

    def __init__(self, engine: Engine, up: str, environment: Mapping[str, str], *more: Path) -> None:
        """up: `docker compose -f FILE up --build`, as the pages have it, from the project's folder; images are built by
        then. environment: what docker/.env would say. more: compose files that say what a test has otherwise."""
        self._engine = engine
        compose = compose_file(up)
        self._files = [word for file in (compose, *more) for word in ("--file", str(file))]
        self._project = f"s87-{compose.stem.replace('.', '-')}"
        self._environment = {**engine.environment, **environment}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        started = self._engine.podman("ps", "--all", "--quiet", f"--filter=label={PROJECT}={self._project}").split()
        if started:
            # All at once, and without a drain.
            self._engine.podman("kill", "--all")
        self.down("--volumes", "--timeout", "0")

    def up(self, *services: str, alone: bool = False) -> None:
        """Start services (all, unless some are named), and what they depend on, unless they shall be alone."""
        self._run("up", "--detach", "--no-build", *(("--no-deps",) if alone else ()), *services)

    def down(self, *words: str) -> None:
        """End all of them, as `docker compose down` does; volumes stay unless words say `--volumes`."""
        self._run("down", *words)

    def kill(self, service: str) -> None:
        """End a service as a crash would."""
        self._engine.podman("kill", self.id_of(service))

    def inside(self, service: str, *command: str) -> str:
        """What a command prints in the container of a service; raises AssertionError when it fails."""
        return self._engine.podman("exec", self.id_of(service), *command)

    def star87(self, service: str, *words: str) -> Any:
        """What `star87 … --json` says in a node's container."""
        return json.loads(self.inside(service, "star87", *words, "--json"))

    def kamailio_pid(self, service: str) -> int:
        """Of the first process of Kamailio in a node's container, as the host has it."""
        pids = self._engine.podman("top", self.id_of(service), "hpid", "comm").splitlines()[1:]
        return min(int(pid) for pid, name in (line.split() for line in pids) if name == "kamailio")

    def log(self, service: str) -> str:
        """What a service has said."""
        return ran(["podman", "logs", self.id_of(service)], self._environment, both=True)

    def id_of(self, service: str) -> str:
        filters = (f"label={PROJECT}={self._project}", f"label=com.docker.compose.service={service}")
        found = self._engine.podman("ps", "--all", "--quiet", *(f"--filter={one}" for one in filters)).split()
        assert len(found) == 1, f"{service}: {found}"
        return found[0]

    def _run(self, *words: str) -> None:
        ran([*PODMAN_COMPOSE, "--project-name", self._project, *self._files, *words], self._environment)


def ran(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    within_s: float = COMMAND_WITHIN_S,
    *,
    both: bool = False,
) -> str:
    """What a command prints, on stderr too if `both`; raises AssertionError with all that it said when it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=within_s
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + (done.stderr if both else "")
