"""A node in a container, as tests of a node look at one."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from tests.support.containers import ROOT, Composed, Engine
from tests.support.ports import LOOPBACK
from tests.support.recorded import STORE_TIMEOUT_MS, Recorded
from tests.support.until import until

USERS = ROOT / "docker" / "redis" / "users.acl"
HEALTH = {"a": 8087, "b": 8088, "c": 8089}
"""Ports of the nodes of docker/compose.cluster.yaml, and of the one of docker/compose.yaml."""
READY_WITHIN_S = 40.0
LOOKS = "user looks on nopass ~* &* +@all"
"""A user for the test beside those of users.acl: who looks at all keys."""


class Contained(Recorded):
    """A context in which docker/compose.yaml is up, with another document and other settings of its node."""

    name, port = "star87", 5060
    address = f"{LOOPBACK}:{port}"

    def __init__(
        self, engine: Engine, up: str, document: str, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """up: as for Composed. folder: for what the containers read, and their logs."""
        self.folder = folder
        folder.mkdir(parents=True)
        provision, users, more = (folder / name for name in ("provision.yaml", "users.acl", "more.yaml"))
        provision.write_text(document)
        users.write_text(f"{USERS.read_text()}{LOOKS}\n")
        # Where all this is about anything but a store that hangs, a busy machine is none.
        settings = {"STAR87_REDIS_TIMEOUT_MS": str(STORE_TIMEOUT_MS), **(environment or {})}
        services = {
            "node": {"environment": settings},
            "redis": {"volumes": ["redis:/data", f"{users}:/etc/star87/users.acl:ro"]},
        }
        more.write_text(yaml.safe_dump({"services": services}))
        # The containers' users are not this one.
        for file in (provision, users):
            file.chmod(0o644)
        for above in (folder, *list(folder.parents)[:3]):
            above.chmod(0o755)
        said = {"STAR87_ADDRESS": LOOPBACK, "STAR87_PROVISION": str(provision)}
        self.composed = Composed(engine, up, said, more)

    def __enter__(self) -> Self:
        """Returns when the node is ready."""
        self.composed.__enter__()
        try:
            self.composed.up()
            await_ready(self.composed, "node", "a")
            self.look_into(f"redis://looks@{LOOPBACK}:6380", self.composed.kamailio_pid("node"))
        except BaseException:
            self.composed.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error:
            (self.folder / "node.log").write_text(self.composed.log("node"))
        self.composed.__exit__(kind, error, trace)


def await_ready(composed: Composed, service: str, name: str) -> None:
    until(
        lambda: readiness(name) == 200,
        within_s=READY_WITHIN_S,
        what=lambda: f"{service} to be ready; it said {composed.log(service)}",
    )


def readiness(name: str) -> int | None:
    return fetched(f"http://{LOOPBACK}:{HEALTH[name]}/readyz")[0]


def fetched(url: str) -> tuple[int | None, str]:
    """Status and body; no status: nobody answers."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except OSError:
        return None, ""
